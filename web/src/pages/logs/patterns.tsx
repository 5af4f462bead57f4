import { useLogPatterns, type Pattern, type Patterns } from "../../api/patterns";
import { severityColor } from "../../charts/severity";
import { addCondition } from "../../ui/filter/text";
import { FilterInIcon, FilterOutIcon } from "../../ui/icons";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatCount, formatDuration, formatRatio, ratio, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import css from "./patterns.module.css";

interface LogPatternsProps {
  filter: string;
  onApply: (filter: string) => void;
}

/** Records that differ in numbers, ids and quotes alone, counted together; what is new comes first. */
export function LogPatterns({ filter, onApply }: LogPatternsProps) {
  const query = useLogPatterns(filter);
  return (
    <Answer query={query} loading={<Loading rows={10} label="patterns" />}>
      {(found) =>
        found.patterns.length ? (
          <List found={found} filter={filter} onApply={onApply} />
        ) : (
          <Empty title="No log record matches in this time window" />
        )
      }
    </Answer>
  );
}

function List({ found, filter, onApply }: LogPatternsProps & { found: Patterns }) {
  const before = found.baseline_start !== null && found.baseline_end !== null ? found.baseline_end - found.baseline_start : 0;
  const most = Math.max(1, ...found.patterns.flatMap(({ counts }) => counts));
  return (
    <section className={css.panel} aria-label="Patterns" data-testid="patterns">
      <p className={css.basis}>
        {formatCount(found.patterns.length)} patterns in {formatCount(found.records)} records
        {found.sampled < 1 && `, estimated from ${formatRatio(ratio(found.sampled))} of them`}
        {before > 0 && `; compared with the ${formatDuration(seconds(before))} before`} · a bar is {formatDuration(seconds(found.step))}
      </p>
      <ol>
        {found.patterns.map((pattern) => (
          <Row key={`${pattern.service} ${pattern.severity} ${pattern.template}`} pattern={pattern} most={most} filter={filter} onApply={onApply} />
        ))}
      </ol>
    </section>
  );
}

const CHANGES: Record<NonNullable<Pattern["change"]>, string> = { new: "new", more: "more", same: "as before", less: "less", gone: "gone" };

function Change({ change, ratio: times, ratio_low: low, ratio_high: high, baseline }: Pattern) {
  if (change === null) return null;
  const interval = low !== null && high !== null ? `95 % interval ${low.toFixed(2)} to ${high.toFixed(2)} times` : "";
  const amount = times !== null && (change === "more" || change === "less") ? ` ×${times < 10 ? times.toFixed(1) : times.toFixed(0)}` : "";
  return (
    <span className={css.change} data-change={change} title={[baseline !== null && `${formatCount(baseline)} before`, interval].filter(Boolean).join(", ")}>
      {CHANGES[change]}
      {amount}
    </span>
  );
}

interface RowProps extends LogPatternsProps {
  pattern: Pattern;
  most: number;
}

function Row({ pattern, most, filter, onApply }: RowProps) {
  const { template, service, severity, count, example, trace_id: traceId, counts } = pattern;
  return (
    <li className={css.row} data-testid="pattern" data-change={pattern.change ?? undefined}>
      <span className={css.severity} style={{ background: `var(${severityColor(severity || null)})` }} title={severity || "no severity"} />
      <div className={css.words}>
        <code title={example}>
          {template.split("<*>").map((part, index) => (
            <span key={index}>
              {index > 0 && <mark>…</mark>}
              {part}
            </span>
          ))}
        </code>
        <p>
          <span>{severity ? severity.toLowerCase() : "no severity"}</span> · <span className={css.service}>{service}</span>
          {traceId && (
            <>
              {" "}
              · <Link to={paths.trace(traceId)}>an example's trace</Link>
            </>
          )}
        </p>
      </div>
      <Change {...pattern} />
      <Bars counts={counts} most={most} color={severityColor(severity || null)} />
      <span className={css.count}>{formatCount(count)}</span>
      <span className={css.actions}>
        <button type="button" onClick={() => onApply(addCondition(filter, pattern.filter))} title="Show its lines" aria-label={`Filter for ${template}`} data-testid="pattern-filter">
          <FilterInIcon size={14} />
        </button>
        <button type="button" onClick={() => onApply(addCondition(filter, `not (${pattern.filter})`))} title="Leave it out" aria-label={`Filter out ${template}`} data-testid="pattern-out">
          <FilterOutIcon size={14} />
        </button>
      </span>
    </li>
  );
}

const HEIGHT = 22;

/** How many records each step had, on one scale for all patterns (square roots: rare ones show). */
function Bars({ counts, most, color }: { counts: readonly number[]; most: number; color: string }) {
  return (
    <svg className={css.bars} viewBox={`0 0 ${counts.length} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {counts.map((count, index) => {
        const height = count > 0 ? Math.max(1.5, Math.sqrt(count / most) * HEIGHT) : 0;
        return <rect key={index} x={index} y={HEIGHT - height} width={0.85} height={height} style={{ fill: `var(${color})` }} />;
      })}
    </svg>
  );
}

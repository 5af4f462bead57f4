/** Changes with their intervals, measure by measure and place by place. */

import type { Measure, ReleaseComparison, ReleasePart } from "../../api/releases";
import { quote } from "../../ui/filter/text";
import { BadIcon, OkIcon, SilentIcon } from "../../ui/icons";
import { formatCount } from "../../units";
import { Link, paths } from "../../url/link";
import { formatChange, formatMeasure, MEASURES, placeOf, reachOf } from "./words";
import css from "./compare.module.css";

const JUDGED = {
  worse: [BadIcon, "worse"],
  better: [OkIcon, "better"],
  same: [OkIcon, "as good"],
  unclear: [SilentIcon, "unclear"],
  told: [null, "not judged"],
} as const;

interface ForestProps {
  found: ReleaseComparison;
  by: string;
  /** By how much latency may be longer, and errors more, to count as good. */
  allowed: { s: number; "1": number };
}

export function Forest({ found, by, allowed }: ForestProps) {
  const names = found.parts[0]?.measures.map(({ measure }) => measure) ?? [];
  const of = (part: ReleasePart, name: string) => part.measures.find(({ measure }) => measure === name);
  const times = found.parts.flatMap(({ measures }) => measures.filter(({ unit }) => unit === "s"));
  return (
    <div className={css.measures}>
      {names.map((name) => {
        const rows = found.parts.flatMap((part) => {
          const measured = of(part, name);
          return measured ? [{ part, measured }] : [];
        });
        const unit = rows[0]?.measured.unit ?? "s";
        const limit = unit === "1" ? allowed["1"] : allowed.s;
        const reach = reachOf(unit === "s" ? times : rows.map(({ measured }) => measured), limit);
        return (
          <section key={name} className={css.card} data-testid={`measure-${name}`}>
            <header>
              <h2>{MEASURES[name]}</h2>
              {name !== "replica_seconds" && <Axis reach={reach} unit={unit} allowed={limit} />}
            </header>
            <ul>
              {rows.map(({ part, measured }) => (
                <Row key={part.segment} part={part} measured={measured} found={found} by={by} reach={reach} allowed={limit} />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

function Axis({ reach, unit, allowed }: { reach: number; unit: string; allowed: number }) {
  const limit = placeOf(allowed, reach);
  return (
    <span className={css.axis} aria-hidden="true">
      <span style={{ left: 0 }}>{formatChange(-reach, unit, true)}</span>
      <span style={{ left: "50%" }}>0</span>
      <span style={{ left: `${limit * 100}%` }} data-allowed={limit > 0.65 ? "before" : "after"}>
        {formatChange(allowed, unit)} allowed
      </span>
    </span>
  );
}

interface RowProps {
  part: ReleasePart;
  measured: Measure;
  found: ReleaseComparison;
  by: string;
  reach: number;
  allowed: number;
}

function Row({ part, measured, found, by, reach, allowed }: RowProps) {
  const { unit, baseline, candidate, change, low, high, judgement } = measured;
  const [Icon, word] = JUDGED[judgement];
  const traces = [
    `service.name = ${quote(found.service)} and entry = true and model_version = ${quote(found.candidate)}`,
    ...(part.segment ? [`${by === "operation" ? "name" : "region"} = ${quote(part.segment)}`] : []),
  ].join(" and ");
  const requests = `${formatCount(part.baseline_requests)} requests of ${found.baseline}, ${formatCount(part.candidate_requests)} of ${found.candidate}`;
  return (
    <li className={css.row} data-judgement={judgement} data-whole={!part.segment || undefined} data-testid="measured">
      <Link to={paths.traces} params={{ filter: traces, order: "slowest" }} className={css.place} title={requests}>
        {part.segment || "everywhere"}
      </Link>
      <span className={css.values}>
        {formatMeasure(baseline, unit)} <span aria-label="to">→</span> <strong>{formatMeasure(candidate, unit)}</strong>
      </span>
      {measured.measure !== "replica_seconds" && (
        <span className={css.track} aria-hidden="true">
          <i className={css.zero} />
          <i className={css.allowed} style={{ left: `${placeOf(allowed, reach) * 100}%` }} />
          {low !== null && high !== null && change !== null && (
            <>
              <span
                className={css.interval}
                data-cut-low={low < -reach || undefined}
                data-cut-high={high > reach || undefined}
                style={{ left: `${placeOf(low, reach) * 100}%`, right: `${(1 - placeOf(high, reach)) * 100}%` }}
              />
              <span className={css.dot} style={{ left: `${placeOf(change, reach) * 100}%` }} />
            </>
          )}
        </span>
      )}
      <span className={css.change}>
        {change === null ? (
          <small>too few requests</small>
        ) : (
          <>
            {formatChange(change, unit)}{" "}
            {low !== null && high !== null && (
              <small>
                {formatChange(low, unit, true)} to {formatChange(high, unit, true)}
              </small>
            )}
          </>
        )}
      </span>
      <span className={css.judged}>
        {Icon && <Icon size={14} />} {word}
      </span>
    </li>
  );
}

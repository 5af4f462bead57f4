/** What spent the budget: by region, version or any other label, and when. */

import { useSloSpent, type Slo, type SloSpent } from "../../api/slos";
import { Segments } from "../../ui/chip";
import { quote } from "../../ui/filter/text";
import { useMoments, zoneName } from "../../ui/moments";
import { Answer, Loading } from "../../ui/states";
import { formatCount, formatRatio, NO_VALUE, ratio, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { useParam } from "../../url/params";
import { absoluteWindow } from "../../url/window";
import { formatWindow } from "./words";
import css from "./spent.module.css";

export function Spent({ slo }: { slo: Slo }) {
  const [by, setBy] = useParam("by", "");
  const query = useSloSpent(slo.id, by || null);
  const shown = query.data;
  return (
    <section className={css.panel} data-testid="spent">
      <header>
        <h2>Who spent it, and when</h2>
        {shown && shown.choices.length > 1 && (
          <Segments
            label="Tell apart by"
            value={shown.by}
            onChange={setBy}
            options={shown.choices.map((label) => [label, label.replaceAll("_", " ")] as const)}
            data-testid="spent-by"
          />
        )}
      </header>
      <Answer query={query} loading={<Loading rows={4} label="who spent the budget" />}>
        {(found) => <Heat found={found} slo={slo} />}
      </Answer>
    </section>
  );
}

/** How strongly a cell is painted: a share of the budget that is twice as large is not twice as dark. */
function shade(share: number, most: number): string {
  return `${Math.round(Math.sqrt(share / most) * 88 + 12)}%`;
}

function Heat({ found: { by, start, step, groups }, slo }: { found: SloSpent; slo: Slo }) {
  const { moment, zone } = useMoments();
  const most = Math.max(...groups.flatMap(({ cells }) => cells.map((cell) => cell ?? 0)), 0);
  if (most === 0) return <p className={css.note}>{groups.length ? "No bad event in this period." : "Nothing was measured."}</p>;
  const columns = groups[0]?.cells.length ?? 0;
  const filter = (value: string) => {
    const own = value && ["region", "model_version", "model_name"].includes(by) ? ` and ${by} = ${quote(value)}` : "";
    return `service.name = ${quote(slo.service)} and entry = true${own}`;
  };
  return (
    <>
      <ul className={css.heat}>
        {groups.map(({ value, bad, total, budget_spent: spent, cells }) => (
          <li key={value} data-testid="spent-row">
            <span className={css.value} title={`${formatCount(bad)} bad of ${formatCount(total)}`}>
              {by ? value || "not said" : "all together"}
            </span>
            {/* For the eye and the mouse: who walks by Tab finds the largest of them in the table below. */}
            <span className={css.cells} aria-hidden="true">
              {cells.map((cell, index) => {
                const from = start + index * step;
                const say = `${moment(seconds(from))}, ${value || "all together"}: ${cell === null ? "not measured" : `${formatRatio(ratio(cell))} of the budget`}`;
                if (!cell) return <i key={from} data-none={cell === null || undefined} title={say} />;
                return (
                  <Link
                    key={from}
                    to={paths.traces}
                    params={{ ...absoluteWindow(from, from + step), filter: filter(value) }}
                    style={{ background: `color-mix(in srgb, var(--bad) ${shade(cell, most)}, transparent)` }}
                    title={say}
                    tabIndex={-1}
                  />
                );
              })}
            </span>
            <strong>{spent > 0 ? formatRatio(ratio(spent)) : NO_VALUE}</strong>
          </li>
        ))}
      </ul>
      <p className={css.ends}>
        <span>{moment(seconds(start))}</span>
        <span>
          {moment(seconds(start + columns * step))} {zoneName(zone)}
        </span>
      </p>
      <p className={css.note}>
        Each cell is {formatWindow(step)}; the darkest spent {formatRatio(ratio(most))} of the whole budget. Dotted: not measured. On the right, all of
        it. A click shows the traces of that time.
      </p>
    </>
  );
}

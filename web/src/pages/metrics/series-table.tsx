import { useState } from "react";
import type { Line } from "./result";
import css from "./metrics.module.css";

/** Series beyond these are drawn, and listed on demand. */
const FIRST = 30;

interface SeriesTableProps {
  lines: readonly Line[];
  /** The step under the cursor. */
  index: number | null;
  format: (value: number | null) => string;
  hidden: ReadonlySet<string>;
  onHidden: (hidden: ReadonlySet<string>) => void;
}

/** The legend: a click shows or hides a series, with shift it shows this one alone. */
export function SeriesTable({ lines, index, format, hidden, onHidden }: SeriesTableProps) {
  const [all, setAll] = useState(false);
  const toggle = (key: string, alone: boolean) => {
    const others = lines.filter((line) => line.key !== key).map((line) => line.key);
    if (alone) {
      const isAlone = !hidden.has(key) && others.every((other) => hidden.has(other));
      onHidden(new Set(isAlone ? [] : others));
      return;
    }
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    onHidden(next);
  };
  const shown = all ? lines : lines.slice(0, FIRST);
  return (
    <div className={css.tableBox} data-unpainted={lines.length > 12 || undefined}>
      <table className={css.table} data-testid="legend">
        <thead>
          <tr>
            <th scope="col">series</th>
            <th scope="col">{index === null ? "last" : "here"}</th>
            <th scope="col">least</th>
            <th scope="col">mean</th>
            <th scope="col">most</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ key, label, full, color, values, summary: { last, least, mean, most } }) => (
            <tr key={key} data-hidden={hidden.has(key) || undefined}>
              <th scope="row">
                <button
                  type="button"
                  aria-pressed={!hidden.has(key)}
                  title={`${full}\nClick: show or hide. Shift and click: this one alone.`}
                  onClick={(event) => toggle(key, event.shiftKey)}
                  data-testid="legend-series"
                >
                  <span className={css.swatch} style={{ background: hidden.has(key) ? "none" : `var(${color})`, borderColor: `var(${color})` }} />
                  <span className={css.seriesName}>{label}</span>
                </button>
              </th>
              <td>{format(index === null ? last : (values[index] ?? null))}</td>
              <td>{format(least)}</td>
              <td>{format(mean)}</td>
              <td>{format(most)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {lines.length > FIRST && !all && (
        <button type="button" className={css.more} onClick={() => setAll(true)}>
          Show the other {lines.length - FIRST} series
        </button>
      )}
    </div>
  );
}

import type { InstantAnswer, VectorSample } from "../../api/metrics";
import { useMoments } from "../../ui/moments";
import { Empty } from "../../ui/states";
import { formatCount, seconds } from "../../units";
import { writeSeries } from "./result";
import css from "./metrics.module.css";

const MOST = 500;

function numberOf({ value, histogram }: VectorSample): number {
  const text = value?.[1] ?? histogram?.[1].count ?? "NaN";
  return Number(text === "+Inf" ? "Infinity" : text === "-Inf" ? "-Infinity" : text);
}

interface ValueTableProps {
  answer: InstantAnswer;
  format: (value: number | null) => string;
}

/** The values of one query at the end of the window, the largest first. */
export function ValueTable({ answer, format }: ValueTableProps) {
  const { moment } = useMoments();
  const { samples, time } = answer;
  if (samples.length === 0) return <Empty title="No series at the end of this window">Look further back, or widen the query.</Empty>;
  const names = [...new Set(samples.flatMap(({ metric }) => Object.keys(metric)))].filter((name) => name !== "__name__").sort();
  const sorted = [...samples].sort((a, b) => numberOf(b) - numberOf(a));
  return (
    <div className={css.panel} tabIndex={0} role="region" aria-label="Values of a query">
      <table className={css.values} data-testid="value-table">
        <caption className={css.caption}>
          {formatCount(samples.length)} series at {moment(seconds(time))}
          {samples.length > MOST && `, the first ${MOST}`}
        </caption>
        <thead>
          <tr>
            <th scope="col">series</th>
            {names.map((name) => (
              <th key={name} scope="col" className={css.text}>
                {name}
              </th>
            ))}
            <th scope="col">value</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, MOST).map((sample) => (
            <tr key={writeSeries(sample.metric)}>
              <th scope="row">{sample.metric["__name__"] ?? "–"}</th>
              {names.map((name) => (
                <td key={name} className={css.text}>
                  {sample.metric[name] ?? ""}
                </td>
              ))}
              <td title={sample.value?.[1]}>{sample.histogram ? `${format(numberOf(sample))} observed` : format(numberOf(sample))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

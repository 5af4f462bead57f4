/** How much came when: a column for each step of time, a colour for each signal. */

import type { Stored } from "../../api/stored";
import { useMoments, zoneName } from "../../ui/moments";
import { formatBytes, formatCount, formatDuration, seconds } from "../../units";
import { Card } from "./table";
import css from "./data.module.css";

const KINDS = [["traces", "--group-0"], ["logs", "--group-1"], ["metrics", "--group-2"]] as const;

interface Column {
  time: number;
  total: number;
  parts: Map<string, Stored["growth"][number]>;
}

/** One column for every step from the first on, also for those in which nothing came. */
function columnsOf(growth: Stored["growth"]): Column[] {
  const step = growth[0]?.step ?? 0;
  const first = growth[0]?.time ?? 0;
  const last = growth.at(-1)?.time ?? 0;
  const columns = Array.from({ length: step ? Math.round((last - first) / step) + 1 : 0 }, (_, index): Column => ({
    time: first + index * step, total: 0, parts: new Map(),
  }));
  for (const one of growth) {
    const column = columns[Math.round((one.time - first) / step)];
    if (!column) continue;
    column.parts.set(one.kind, one);
    column.total += one.bytes;
  }
  return columns;
}

export function Growth({ growth }: { growth: Stored["growth"] }) {
  const { moment, zone } = useMoments();
  const columns = columnsOf(growth);
  const step = growth[0]?.step ?? 0;
  const most = Math.max(...columns.map(({ total }) => total), 1);
  const [first, last] = [columns[0], columns.at(-1)];
  if (!first || !last) return null;
  const say = ({ time, total, parts }: Column) =>
    `${moment(seconds(time))}: ${formatBytes(total)}; ${[...parts.values()].map(({ kind, rows }) => `${formatCount(rows)} rows of ${kind}`).join(", ")}`;
  return (
    <Card id="data-growth" title="Growth" note={`on disk, by what came in each ${formatDuration(seconds(step))}; the last is not over`}>
      <ul className={css.legend}>
        {KINDS.map(([kind, color]) => (
          <li key={kind}>
            <i style={{ background: `var(${color})` }} />
            {kind}
          </li>
        ))}
      </ul>
      <div className={css.growth} style={{ maxWidth: Math.max(320, columns.length * 37) + 32 }}>
        <span className={css.most}>{formatBytes(most)}</span>
        <div
          className={css.columns}
          role="img"
          aria-label={`Growth over ${columns.length} steps: at most ${formatBytes(most)}; last ${say(last)}`}
        >
          {columns.map((column) => (
            <span key={column.time} title={say(column)}>
              {KINDS.map(([kind, color]) => (
                <i key={kind} style={{ height: `${((column.parts.get(kind)?.bytes ?? 0) / most) * 100}%`, background: `var(${color})` }} />
              ))}
            </span>
          ))}
        </div>
        <p className={css.ends}>
          <span>{moment(seconds(first.time))}</span>
          <span>
            {moment(seconds(last.time))} {zoneName(zone)}
          </span>
        </p>
      </div>
    </Card>
  );
}

import { useMemo, useState } from "react";
import { createPortal } from "react-dom";
import type { LogBucket } from "../api/shapes";
import { formatCompact, formatCount, formatDuration, seconds, trimZeros } from "../units";
import { useMoments } from "../ui/moments";
import { zoomTo } from "../url/window";
import type { PlotStyle } from "./plot-options";
import { SEVERITIES, severityColor } from "./severity";
import { MarksLayer } from "./marks-layer";
import { ChartMenu, type Copy } from "./menu";
import { usePlot } from "./use-plot";
import css from "./charts.module.css";

interface LogHistogramProps {
  buckets: readonly LogBucket[];
  step: number;
  range: readonly [number, number];
  copies: readonly Copy[];
}

interface Stack {
  name: string;
  /** Records of this severity in each step. */
  counts: number[];
  /** The same on top of all more severe ones: what stands below is drawn over it. */
  tops: number[];
}

/** Severities that occur, the least severe first; the most severe stand at the bottom. */
export function stackBySeverity(buckets: readonly LogBucket[]): Stack[] {
  const seen = new Set(buckets.flatMap((bucket) => Object.keys(bucket.counts)));
  const known = SEVERITIES.filter((name) => seen.has(name));
  const others = [...seen].filter((name) => !(SEVERITIES as readonly string[]).includes(name));
  const below = buckets.map(() => 0);
  return [...others, ...known]
    .reverse()
    .map((name) => {
      const counts = buckets.map((bucket) => bucket.counts[name] ?? 0);
      counts.forEach((count, index) => (below[index] = (below[index] ?? 0) + count));
      return { name, counts, tops: [...below] };
    })
    .reverse();
}

/** Log volume over time as bars stacked by severity; dragging zooms. */
export function LogHistogram({ buckets, step, range, copies }: LogHistogramProps) {
  const { zone, moment } = useMoments();
  const [index, setIndex] = useState<number | null>(null);
  const stacks = useMemo(() => stackBySeverity(buckets), [buckets]);
  const times = useMemo(() => buckets.map((bucket) => bucket.time), [buckets]);
  const values = useMemo(
    () => stacks.map(({ tops }) => tops.map((top) => (top > 0 ? top : null))),
    [stacks],
  );
  const most = Math.max(1, ...(stacks[0]?.tops ?? []));
  const style: PlotStyle = {
    series: stacks.map(({ name }) => ({ label: name, color: severityColor(name) })),
    format: (value) => (Number.isInteger(value) ? formatCompact(value) : ""),
    height: 110,
    zone,
    logarithmic: false,
    kind: "bars",
    syncKey: undefined,
    zoomable: true,
  };
  const { holder, plot } = usePlot(
    style,
    { times, values, x: range, y: [0, most * 1.08] },
    { onCursor: setIndex, onZoom: zoomTo },
  );
  const total = (counts: number[]) =>
    index === null ? counts.reduce((sum, count) => sum + count, 0) : (counts[index] ?? 0);
  const all = stacks.reduce((sum, { counts }) => sum + total(counts), 0);
  const at = index === null ? undefined : times[index];
  return (
    <figure className={css.chart} data-testid="log-histogram">
      <figcaption className={css.caption}>
        <h2>
          <span data-testid="log-count">{formatCount(all)}</span> {all === 1 ? "record" : "records"}
        </h2>
        <ul className={css.legend}>
          {[...stacks].reverse().map(({ name, counts }) => (
            <li key={name}>
              <span className={css.block} style={{ background: `var(${severityColor(name)})` }} />
              <span className={css.name}>{name.toLowerCase()}</span>
              <span>{formatCount(total(counts))}</span>
            </li>
          ))}
        </ul>
        <span className={css.at}>
          {at === undefined ? `per ${trimZeros(formatDuration(seconds(step)))}` : moment(seconds(at))}
        </span>
        <ChartMenu
          title="Log records"
          copies={copies}
          facts={[
            ["Samples", `${formatCount(stacks.reduce((sum, { counts }) => sum + counts.reduce((a, b) => a + b, 0), 0))} records, each counted`],
            ["Weight", "1: logs are not sampled"],
            ["Error", "none: counts, not estimates"],
            ["Left out", "what retention dropped, and what its sender never sent"],
            ["Step", trimZeros(formatDuration(seconds(step)))],
            ["Gaps", "a step without a bar had no record that matches"],
            ["Unit", "log records"],
          ]}
        />
      </figcaption>
      <p className="visually-hidden">Log records over time, by severity</p>
      <div ref={holder} className={css.holder} style={{ height: 110 }} />
      {plot &&
        createPortal(
          <MarksLayer start={range[0]} end={range[1]} width={plot.over.clientWidth} name="log records" />,
          plot.over,
        )}
    </figure>
  );
}

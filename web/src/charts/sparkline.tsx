/** A chart of the size of a word. */

import { useState, type KeyboardEvent, type PointerEvent } from "react";
import type { Mark } from "../api/markers";
import { formatDuration, seconds } from "../units";
import { Link, paths } from "../url/link";
import { useMoments } from "../ui/moments";
import { KINDS } from "./marks";
import { largest, lonely, nearest, type SlowPoint, type Values } from "./points";
import css from "./charts.module.css";

const WIDTH = 200;
const HEIGHT = 30;
const PAD = 3;
/** How many of the slowest requests are marked. */
const MARKED = 3;

export interface SparkSeries {
  values: Values;
  color: string;
  filled?: boolean;
  faint?: boolean;
}

/** The path of a line with its gaps; a value between two gaps becomes a short dash. */
export function linePath(values: Values, top: number): string {
  const x = (index: number) => ((index / Math.max(1, values.length - 1)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - PAD - (value / (top || 1)) * (HEIGHT - 2 * PAD)).toFixed(1);
  const alone = new Set(lonely(values));
  let path = "";
  let pen = false;
  values.forEach((value, index) => {
    if (value === null) pen = false;
    else {
      path += `${pen ? "L" : "M"}${x(index)} ${y(value)}`;
      if (alone.has(index)) path += "h1.5";
      pen = true;
    }
  });
  return path;
}

/** The path of the area below a line, each stretch closed at the bottom. */
export function areaPath(values: Values, top: number): string {
  return linePath(values, top)
    .split(/(?=M)/)
    .filter(Boolean)
    .map((stretch) => {
      const xs = [...stretch.matchAll(/[ML]([\d.]+)/g)].map((match) => match[1]);
      return `${stretch}L${xs.at(-1)} ${HEIGHT - PAD}L${xs[0]} ${HEIGHT - PAD}Z`;
    })
    .join("");
}

interface LinesProps {
  series: readonly SparkSeries[];
  top: number;
  /** Where changes are marked, 0 to 1. */
  ticks: readonly number[];
}

function Lines({ series, top, ticks }: LinesProps) {
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={`M0 ${HEIGHT - PAD + 0.5}H${WIDTH}`} stroke="var(--line)" vectorEffect="non-scaling-stroke" />
      {ticks.length > 0 && (
        <path
          d={ticks.map((tick) => `M${(tick * WIDTH).toFixed(1)} 0V${HEIGHT}`).join("")}
          stroke="var(--text-3)"
          strokeDasharray="2 2"
          vectorEffect="non-scaling-stroke"
          data-testid="spark-marks"
        />
      )}
      {series.map(({ values, color, filled, faint }) => (
        <g key={color} opacity={faint ? 0.45 : 1}>
          {filled && <path d={areaPath(values, top)} fill={`var(${color})`} opacity="0.2" />}
          <path
            d={linePath(values, top)}
            fill="none"
            stroke={`var(${color})`}
            strokeWidth={faint ? 1 : 1.4}
            strokeLinejoin="round"
            vectorEffect="non-scaling-stroke"
          />
        </g>
      ))}
    </svg>
  );
}

interface SparklineProps {
  series: readonly SparkSeries[];
  label: string;
  times: readonly number[];
  /** What was changed meanwhile. */
  marks: readonly Mark[];
}

/** Marks within `times`, as places and in words. */
function ticksOf(marks: readonly Mark[], times: readonly number[]): { ticks: number[]; told: string } {
  const [start, end] = [times[0] ?? 0, times.at(-1) ?? 0];
  const inside = marks.filter(({ time }) => time >= start && time <= end && end > start);
  const told = inside.slice(0, 3).map(({ kind, label }) => `${KINDS[kind][1]} ${label}`).join(", ");
  return {
    ticks: inside.map(({ time }) => (time - start) / (end - start)),
    told: told && `; marked: ${told}${inside.length > 3 ? ` and ${inside.length - 3} more` : ""}`,
  };
}

/** A picture only: the numbers stand beside it. */
export function Sparkline({ series, label, times, marks }: SparklineProps) {
  const { ticks, told } = ticksOf(marks, times);
  return (
    <span className={css.spark} data-spark role="img" aria-label={label + told} title={told ? label + told : undefined}>
      <Lines series={series} top={largest(series.map(({ values }) => values))} ticks={ticks} />
    </span>
  );
}

interface SlowSparklineProps extends SparklineProps {
  slow: readonly SlowPoint[];
}

/** Latency in the size of a word; a click opens the trace of the slowest request near it. */
export function SlowSparkline({ series, label, times, slow, marks }: SlowSparklineProps) {
  const { moment } = useMoments();
  const [hovered, setHovered] = useState<SlowPoint | null>(null);
  const start = times[0] ?? 0;
  const length = Math.max(1e-9, (times.at(-1) ?? 1) - start);
  const top = largest(series.map(({ values }) => values));
  const marked = [...slow].sort((a, b) => b.value - a.value).slice(0, MARKED);
  const target = hovered ?? marked[0];
  if (!target) return <Sparkline series={series} label={label} times={times} marks={marks} />;
  const { ticks, told } = ticksOf(marks, times);

  const place = (point: SlowPoint) => ({
    left: `${((point.time - start) / length) * 100}%`,
    top: `${(Math.max(PAD, HEIGHT - PAD - (point.value / (top || 1)) * (HEIGHT - 2 * PAD)) / HEIGHT) * 100}%`,
  });
  const under = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setHovered(nearest(slow, start + ((event.clientX - box.left) / box.width) * length));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step && slow[slow.indexOf(target) + step];
    if (!next) return;
    event.preventDefault();
    setHovered(next);
  };
  const text = `${formatDuration(seconds(target.value))} at ${moment(seconds(target.time))}`;
  return (
    <Link
      to={paths.trace(target.traceId)}
      className={css.spark}
      data-spark
      aria-label={`${label}${told}. Slow request, ${text}: open its trace`}
      onPointerMove={under}
      onPointerDown={under}
      onPointerLeave={() => setHovered(null)}
      onBlur={() => setHovered(null)}
      onKeyDown={onKeyDown}
      onClick={(event) => event.stopPropagation()}
      draggable={false}
      data-testid="spark-slow"
      data-trace-id={target.traceId}
    >
      <Lines series={series} top={top} ticks={ticks} />
      {marked.map((point) => (
        <span key={point.time} className={css.sparkDot} style={place(point)} />
      ))}
      {hovered && (
        <>
          <span className={css.sparkCursor} style={place(hovered)} />
          <span
            className={css.sparkTip}
            style={hovered.time - start > length / 2 ? { right: 0 } : { left: 0 }}
          >
            slowest: <strong>{formatDuration(seconds(hovered.value))}</strong>
            <br />
            {moment(seconds(hovered.time))} · click for its trace
          </span>
        </>
      )}
    </Link>
  );
}

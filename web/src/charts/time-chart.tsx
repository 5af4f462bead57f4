import { useMemo, useState, type ReactNode } from "react";
import { formatCount, formatDuration, seconds, trimZeros } from "../units";
import { useMoments } from "../ui/moments";
import { zoomTo, useTimeWindow } from "../url/window";
import { ChartMenu, type Copy, type Fact } from "./menu";
import { Overlay } from "./overlay";
import type { ChartSeries, PlotStyle } from "./plot-options";
import { largest, smallest, type Marker, type SlowPoint, type Values } from "./points";
import { usePlot } from "./use-plot";
import css from "./charts.module.css";

export interface ChartLine extends ChartSeries {
  values: Values;
}

interface TimeChartProps {
  title: string;
  /** Stands beside the title: what is measured, toggles. */
  aside?: ReactNode;
  times: readonly number[];
  lines: readonly ChartLine[];
  range: readonly [number, number];
  format: (value: number) => string;
  height?: number;
  /** The least that the top of the value axis stands for, so that noise does not look like a peak. */
  leastTop?: number;
  logarithmic?: boolean;
  /** Whether dragging changes the time window; by default it does. */
  zoomable?: boolean;
  /** Whether the newest values are still coming in; by default what the time window of the page says. */
  live?: boolean;
  syncKey?: string;
  slow?: readonly SlowPoint[];
  /** Marks of this chart alone, beside the changes that every time axis shows. */
  markers?: readonly Marker[];
  /** Whose changes are marked; all where it is left out. */
  service?: string;
  /** What the values are in, such as `seconds`. */
  unit: string;
  /** What is to be known of the numbers beside what the chart sees itself. */
  facts?: readonly Fact[];
  copies?: readonly Copy[];
  /** Something that has to be seen without asking. */
  note?: string | undefined;
  "data-testid"?: string;
}

/** Room above the highest line; slow points beyond it are drawn at the edge. */
const HEADROOM = 1.35;

function valueRange({ lines, slow = [], leastTop = 0, logarithmic }: TimeChartProps): [number, number] {
  const values = lines.map((line) => line.values);
  const top = Math.max(largest(values) * (slow.length ? HEADROOM : 1.12), leastTop);
  if (!logarithmic) return [smallest(values) * 1.12, top || 1];
  const positive = values.flat().filter((value): value is number => value !== null && value > 0);
  const highest = Math.max(top, ...slow.map((point) => point.value));
  return positive.length ? [Math.min(...positive) / 1.5, highest * 1.1] : [0.001, 1];
}

const NONE: readonly never[] = [];

/** Lines over time: hover reads values, dragging zooms, slow points lead to their traces. */
export function TimeChart(props: TimeChartProps) {
  const { title, aside, times, lines, range, format, height = 180, logarithmic = false } = props;
  const { slow = NONE, markers = NONE, syncKey } = props;
  const { zone, moment } = useMoments();
  const window = useTimeWindow();
  const [index, setIndex] = useState<number | null>(null);
  const style: PlotStyle = {
    series: lines.map(({ label, color, filled, width, dashed }) => ({
      label, color, ...(filled ? { filled } : {}), ...(width ? { width } : {}), ...(dashed ? { dashed } : {}),
    })),
    format, height, zone, logarithmic, kind: "lines", syncKey, zoomable: props.zoomable ?? true,
  };
  const values = useMemo(() => lines.map((line) => line.values), [lines]);
  // Each of these looks at every value, and a chart is rendered again for each move of the cursor.
  const y = useMemo(() => valueRange(props), [lines, slow, props.leastTop, logarithmic]);
  const facts = useMemo(() => {
    const measured = lines.filter(({ dashed }) => !dashed);
    return factsOf(countValues(measured), measured.length * times.length, times);
  }, [lines, times]);
  const told = useMemo(() => summary(props), [title, lines, format]);
  const { holder, plot } = usePlot(
    style,
    { times, values, x: range, y },
    { onCursor: setIndex, onZoom: zoomTo },
  );
  const at = index === null ? undefined : times[index];
  return (
    <figure className={css.chart} data-testid={props["data-testid"]}>
      <figcaption className={css.caption}>
        <h2>{title}</h2>
        {aside}
        <Legend lines={lines} index={index} format={format} />
        <span className={css.at}>{at === undefined ? "" : moment(seconds(at))}</span>
        <ChartMenu title={title} facts={[...(props.facts ?? []), ...facts, ["Unit", props.unit]]} copies={props.copies ?? NONE} />
      </figcaption>
      <p className="visually-hidden">{told}</p>
      <div ref={holder} className={css.holder} style={{ height }} />
      {plot && (
        <Overlay plot={plot} slow={slow} markers={markers} service={props.service} live={props.live ?? window.live} name={title} />
      )}
      {props.note && <p className={css.note}>{props.note}</p>}
    </figure>
  );
}

function countValues(lines: readonly { values: Values }[]): number {
  let count = 0;
  for (const { values } of lines) for (const value of values) if (value !== null) count++;
  return count;
}

/** How many values there are of all that could be, how far apart, and how many are not there. */
export function factsOf(present: number, all: number, times: readonly number[]): Fact[] {
  const [first, second] = times;
  return [
    ["Drawn", `${formatCount(present)} values${first !== undefined && second !== undefined ? `, one each ${trimZeros(formatDuration(seconds(second - first)))}` : ""}`],
    ["Gaps", present === all ? "none" : `${formatCount(all - present)} steps without a value: nothing is drawn between`],
  ];
}

/** The chart in a sentence, for those who do not see it. */
function summary({ title, lines, format }: TimeChartProps): string {
  const parts = lines.map(({ label, values }) => {
    const last = values.findLast((value) => value !== null);
    return last == null ? `${label} has no data` : `${label} at most ${format(largest([values]))}, last ${format(last)}`;
  });
  return `${title} over time: ${parts.join("; ")}`;
}

interface LegendProps {
  lines: readonly ChartLine[];
  index: number | null;
  format: (value: number) => string;
}

/** Names, colours and values: those under the cursor, else the latest. */
function Legend({ lines, index, format }: LegendProps) {
  return (
    <ul className={css.legend}>
      {lines.map(({ label, color, values }) => {
        const value = index === null ? values.findLast((one) => one !== null) : values[index];
        return (
          <li key={label}>
            <span className={css.swatch} style={{ background: `var(${color})` }} />
            <span className={css.name}>{label}</span>
            <span className={css.value}>{value == null ? "–" : format(value)}</span>
          </li>
        );
      })}
    </ul>
  );
}

import { useMemo, useState, type KeyboardEvent } from "react";
import { createPortal } from "react-dom";
import type uPlot from "uplot";
import type { ExemplarPoint } from "../../api/metrics";
import type { PlotStyle } from "../../charts/plot-options";
import { largest, thinOut } from "../../charts/points";
import { MarksLayer } from "../../charts/marks-layer";
import { ChartMenu } from "../../charts/menu";
import { factsOf } from "../../charts/time-chart";
import { usePlot } from "../../charts/use-plot";
import { useMoments, zoneName } from "../../ui/moments";
import { formatDuration, seconds, trimZeros } from "../../units";
import { Link, paths } from "../../url/link";
import { zoomTo } from "../../url/window";
import { SeriesTable } from "./series-table";
import { promqlCopies, promqlFacts } from "../../charts/honest";
import { stack, type Frame, type Line } from "./result";
import charts from "../../charts/charts.module.css";
import css from "./metrics.module.css";

interface MetricsChartProps {
  title: string;
  exprs: readonly string[];
  frame: Frame;
  step: number;
  range: readonly [number, number];
  format: (value: number | null) => string;
  unit: string;
  stacked: boolean;
  /** The axis begins near the smallest value rather than at zero. */
  fitted: boolean;
  hidden: ReadonlySet<string>;
  onHidden: (hidden: ReadonlySet<string>) => void;
  exemplars: readonly ExemplarPoint[];
}

/** With more steps than this a pixel holds several: hairlines show as much, and are drawn in a fraction of the time. */
const DENSE = 2000;

/** The window of values that is drawn. */
function valueRange(lines: readonly Line[], fitted: boolean): [number, number] {
  const least = Math.min(...lines.map(({ summary }) => summary.least ?? Number.POSITIVE_INFINITY));
  const most = Math.max(...lines.map(({ summary }) => summary.most ?? Number.NEGATIVE_INFINITY));
  if (least > most) return [0, 1];
  if (!fitted) return [Math.min(0, least) * 1.08, Math.max(0, most) * 1.08 || (least < 0 ? 0 : 1)];
  const room = (most - least || Math.abs(most) || 1) * 0.06;
  return [least - room, most + room];
}

/** Series over time with a table of them that reads the cursor; stacked where asked. */
export function MetricsChart(props: MetricsChartProps) {
  const { title, frame, range, format, stacked, fitted, hidden, exemplars, step, unit, exprs } = props;
  const { zone, moment } = useMoments();
  const [index, setIndex] = useState<number | null>(null);
  const lines = useMemo(() => frame.lines.filter(({ key }) => !hidden.has(key)), [frame, hidden]);
  const values = useMemo(
    () => (stacked ? stack(lines).reverse() : lines.map((line) => line.values)),
    [lines, stacked],
  );
  const drawn = stacked ? [...lines].reverse() : lines;
  const style: PlotStyle = {
    series: drawn.map(({ key, color }) => ({
      label: key, color, ...(stacked ? { solid: true } : {}), ...(stacked || frame.times.length > DENSE ? { width: 1 } : {}),
    })),
    format: (value) => format(value),
    height: 320, zone, logarithmic: false, kind: "lines", syncKey: undefined, zoomable: true,
  };
  const y = useMemo(
    () => (stacked ? ([0, largest(values) * 1.08 || 1] as const) : valueRange(lines, fitted)),
    [lines, values, fitted, stacked],
  );
  const { holder, plot } = usePlot(style, { times: frame.times, values, x: range, y }, { onCursor: setIndex, onZoom: zoomTo });
  const at = index === null ? undefined : frame.times[index];
  const count = frame.lines.reduce((sum, { summary }) => sum + summary.count, 0);
  const facts = factsOf(count, frame.lines.length * frame.times.length, frame.times);
  return (
    <figure className={charts.chart} data-testid="metrics-chart">
      <figcaption className={`${charts.caption} ${css.head}`}>
        <h2 className={css.chartTitle}>{title}</h2>
        <span className={charts.at}>{at === undefined ? "" : moment(seconds(at))}</span>
        <ChartMenu
          title={title}
          facts={[["Samples", `${frame.lines.length} series`], ...facts, ...promqlFacts(exprs, format), ["Unit", unit]]}
          copies={promqlCopies(exprs, { start: range[0], end: range[1], step })}
        />
      </figcaption>
      <p className="visually-hidden">{title} over time; the table below has the numbers.</p>
      <div ref={holder} className={charts.holder} style={{ height: 320 }} />
      {plot &&
        createPortal(<MarksLayer start={range[0]} end={range[1]} width={plot.over.clientWidth} name={title} />, plot.over)}
      {plot && exemplars.length > 0 && <ExemplarDots plot={plot} points={exemplars} format={format} />}
      <p className={charts.note}>
        {frame.lines.length} series · {count} values, one each {trimZeros(formatDuration(seconds(step)))} · a gap is a step
        without a value · unit: {unit} · {zoneName(zone)}
      </p>
      <SeriesTable lines={frame.lines} index={index} format={format} hidden={hidden} onHidden={props.onHidden} />
    </figure>
  );
}

const DOT_ROOM = 11;

/** Traces that exemplars lead to, where they were measured. */
function ExemplarDots({ plot, points, format }: { plot: uPlot; points: readonly ExemplarPoint[]; format: (value: number) => string }) {
  const { moment } = useMoments();
  const [x, y] = [plot.scales["x"], plot.scales["y"]];
  const width = plot.over.clientWidth;
  if (x?.min == null || x.max == null || y?.min == null || y.max == null || !width) return null;
  const { min: first, max: last } = x;
  const { min: bottom, max: top } = y;
  const inside = points.filter(({ time }) => time >= first && time <= last);
  const kept = thinOut(inside, first, last, width / DOT_ROOM);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const dots = [...event.currentTarget.querySelectorAll("a")];
    const target = step && dots[dots.indexOf(document.activeElement as HTMLAnchorElement) + step];
    if (!target) return;
    event.preventDefault();
    target.focus();
  };
  return createPortal(
    <div role="group" aria-label="Exemplars: traces that were measured" onKeyDown={onKeyDown}>
      {kept.map(({ time, value, traceId }, index) => {
        const left = plot.valToPos(time, "x");
        const text = `${format(value)} at ${moment(seconds(time))}`;
        return (
          <Link
            key={`${time} ${traceId}`}
            to={paths.trace(traceId)}
            className={value > top ? charts.dotBeyond : charts.dot}
            style={{ left, top: value > top ? 5 : plot.valToPos(Math.max(value, bottom), "y") }}
            tabIndex={index === 0 ? 0 : -1}
            draggable={false}
            aria-label={`Exemplar, ${text}: open its trace`}
            data-side={left > width / 2 ? "left" : "right"}
            data-testid="exemplar"
            data-trace-id={traceId}
          >
            <span className={charts.tip}>
              <strong>{format(value)}</strong>
              {value > top && ", off the scale"}
              <br />
              {moment(seconds(time))} · click for its trace
            </span>
          </Link>
        );
      })}
    </div>,
    plot.over,
  );
}

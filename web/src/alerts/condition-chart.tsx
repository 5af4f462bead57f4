/** What an alert's rule looks at, over the time around it, with its threshold. */

import { useMemo } from "react";
import type { Alert, Condition } from "../api/alerts";
import { useRanges, type RangeSeries } from "../api/promql";
import type { Marker } from "../charts/points";
import { TimeChart, type ChartLine } from "../charts/time-chart";
import { CopyButton } from "../ui/copy";
import { promqlCopies, promqlFacts } from "../charts/honest";
import { useNow } from "../ui/now";
import { Answer, Empty, Loading } from "../ui/states";
import { Link, paths } from "../url/link";
import { absoluteWindow } from "../url/window";
import { formatFor, sayCondition } from "./words";
import css from "./chart.module.css";

const POINTS = 240;
const MOST_LINES = 8;
const COLORS = 8;

/** The window that shows an alert: what was before it, all of it, and a little of what came after. */
export function windowOf(alert: Pick<Alert, "active" | "resolved">, now: number): { start: number; end: number; step: number } {
  const over = alert.resolved ?? now;
  const length = Math.max(60, over - alert.active);
  const start = alert.active - Math.max(900, Math.min(length, 21_600));
  const end = Math.min(now, over + Math.max(300, length / 4));
  const step = Math.max(1, Math.ceil((end - start) / POINTS));
  // Whole steps, so that the question stays the same until the next one has passed.
  return { start: Math.floor(start / step) * step, end: Math.ceil(end / step) * step, step };
}

type Pictured = Pick<Alert, "name" | "expr" | "conditions" | "labels" | "active" | "fired" | "resolved">;

export function ConditionCharts({ alert, now: at }: { alert: Pictured; now?: number }) {
  const ticking = useNow(15_000);
  const { start, end, step } = windowOf(alert, at ?? ticking);
  const { conditions } = alert;
  const query = useRanges(conditions.map(({ expr }) => expr), start, end, step);
  if (!alert.expr) return null;
  const markers: Marker[] = [
    ...(alert.fired ? [{ time: alert.fired, label: "fires" }] : []),
    ...(alert.resolved ? [{ time: alert.resolved, label: "over" }] : []),
  ];
  return (
    <section className={css.charts} aria-label="What its rule looks at" data-testid="condition-charts">
      <Answer query={query} loading={<Loading rows={6} label="the chart" />}>
        {(answers) =>
          conditions.map((condition, index) => (
            <ConditionChart
              key={condition.expr}
              condition={condition}
              series={answers[index] ?? []}
              labels={alert.labels}
              range={[start, end]}
              step={step}
              markers={markers}
              live={alert.resolved === null}
            />
          ))
        }
      </Answer>
      <p className={css.expr}>
        <code>{alert.expr}</code>
        <CopyButton text={alert.expr} label="Copy the PromQL" />
        <Link to={paths.metrics} params={{ q: alert.expr, ...absoluteWindow(start, end) }} data-testid="open-metrics">
          open in metrics
        </Link>
      </p>
    </section>
  );
}

interface ChartProps {
  condition: Condition;
  series: readonly RangeSeries[];
  labels: Readonly<Record<string, string>>;
  range: readonly [number, number];
  step: number;
  markers: readonly Marker[];
  live: boolean;
}

function ConditionChart({ condition, series, labels, range, step, markers, live }: ChartProps) {
  const format = useMemo(() => formatFor(condition.expr), [condition.expr]);
  const { times, lines, left } = useMemo(() => {
    const times: number[] = [];
    for (let time = range[0]; time <= range[1]; time += step) times.push(time);
    const { own, others } = chooseSeries(series, labels);
    const shown = [...own, ...others].slice(0, MOST_LINES);
    const lines: ChartLine[] = shown.map((one, index) => ({
      label: nameSeries(one.metric, own.length === 1 && index === 0 ? {} : labels) || "value",
      color: `--group-${index % COLORS}`,
      width: index < own.length ? 2 : 1,
      values: align(one, times),
    }));
    if (condition.threshold !== null) {
      lines.push({
        label: `fires ${sayCondition(condition)}`,
        color: "--bad",
        dashed: true,
        width: 1.5,
        values: times.map(() => condition.threshold),
      });
    }
    return { times, lines, left: own.length + others.length - shown.length };
  }, [series, labels, condition, range[0], range[1], step]);
  if (series.length === 0) {
    return (
      <div className={css.nothing}>
        <Empty title="No values in this time">
          <p>
            <code>{condition.expr}</code> gives nothing here: data has not come in, or went by retention.
          </p>
        </Empty>
      </div>
    );
  }
  return (
    <TimeChart
      title={condition.expr.length > 60 ? `${condition.expr.slice(0, 57)} …` : condition.expr}
      aside={left > 0 ? <span className={css.more}>and {left} more series</span> : undefined}
      times={times}
      lines={lines}
      range={range}
      markers={markers}
      format={format}
      unit="as the axis says, guessed from the names of the metrics"
      facts={promqlFacts([condition.expr], format)}
      copies={promqlCopies([condition.expr], { start: range[0], end: range[1], step })}
      service={labels["service"] ?? labels["service_name"] ?? ""}
      height={200}
      zoomable={false}
      live={live}
      data-testid="condition-chart"
    />
  );
}

/** The series that an alert is about, and others of the same expression where there is none. */
export function chooseSeries(series: readonly RangeSeries[], labels: Readonly<Record<string, string>>) {
  const fits = ({ metric }: RangeSeries) =>
    Object.entries(metric).every(([name, value]) => name === "__name__" || !(name in labels) || labels[name] === value);
  const own = series.filter(fits);
  return own.length ? { own, others: [] } : { own: [], others: [...series] };
}

/** A series by the labels that tell it from others. */
function nameSeries(metric: Readonly<Record<string, string>>, known: Readonly<Record<string, string>>): string {
  const parts = Object.entries(metric).filter(([name, value]) => name !== "__name__" && known[name] !== value);
  return parts.map(([name, value]) => `${name}=${value}`).join(", ") || metric["__name__"] || "";
}

/** Values at the times of a chart, null where the series has none. */
export function align({ values }: RangeSeries, times: readonly number[]): (number | null)[] {
  const known = new Map(values.map(([time, text]) => [Math.round(time * 1000), Number(text)]));
  return times.map((time) => {
    const value = known.get(Math.round(time * 1000));
    return value === undefined || !Number.isFinite(value) ? null : value;
  });
}

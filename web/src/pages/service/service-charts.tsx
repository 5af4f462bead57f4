import { useMemo } from "react";
import type { Traffic, TrafficPoint } from "../../api/shapes";
import { drawnFrom, errorRatios, latencies, rates, slowPoints, type Marker, type Percentile, type Values } from "../../charts/points";
import { TimeChart, type ChartLine } from "../../charts/time-chart";
import { formatDuration, formatRate, formatRatio, perSecond, ratio, seconds, trimZeros } from "../../units";
import { useChoice } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import { Segments } from "../../ui/chip";
import css from "./service.module.css";

type Scale = "linear" | "log";

const PERCENTILES: readonly Percentile[] = ["p50", "p95", "p99"];
const SYNC = "service";
const GROUP_COLORS = 8;

interface ServiceChartsProps {
  data: Traffic;
  markers: readonly Marker[];
}

function groupColor(index: number): string {
  return `--group-${index % GROUP_COLORS}`;
}

/** One line for each group, or one in `color` where the traffic is not split. */
function groupLines(data: Traffic, color: string, label: string, values: (points: TrafficPoint[]) => Values): ChartLine[] {
  return data.series.map(({ group, points }, index) => ({
    label: data.by === "none" ? label : group || "not said",
    color: data.by === "none" ? color : groupColor(index),
    values: values(points),
  }));
}

export function ServiceCharts({ data, markers }: ServiceChartsProps) {
  const times = useMemo(() => (data.series[0]?.points ?? []).map((point) => point.time), [data]);
  const { live } = useTimeWindow();
  const range = useMemo(() => {
    const { series, start, end } = data;
    return [live ? drawnFrom(series.map(({ points }) => points), start, end) : start, end] as const;
  }, [data, live]);
  const errors = useMemo(() => groupLines(data, "--error-severity", "errors", errorRatios), [data]);
  const traffic = useMemo(
    () => groupLines(data, "--traffic", "requests", (points) => rates(points, data.step, data.end)),
    [data],
  );
  const shared = { times, range, markers, syncKey: SYNC };
  return (
    <div className={css.charts}>
      <LatencyChart data={data} {...shared} />
      <div className={css.pair}>
        <TimeChart
          {...shared}
          title="Error ratio"
          lines={errors}
          format={(value) => formatRatio(ratio(value))}
          height={150}
          leastTop={0.01}
          data-testid="chart-errors"
        />
        <TimeChart
          {...shared}
          title="Traffic"
          lines={traffic}
          format={(value) => formatRate(perSecond(value))}
          height={150}
          data-testid="chart-traffic"
        />
      </div>
    </div>
  );
}

interface LatencyChartProps {
  data: Traffic;
  times: readonly number[];
  range: readonly [number, number];
  markers: readonly Marker[];
  syncKey: string;
}

function LatencyChart({ data, ...shared }: LatencyChartProps) {
  const [percentile, setPercentile] = useChoice<Percentile>("percentile", PERCENTILES, "p95");
  const [scale, setScale] = useChoice<Scale>("scale", ["linear", "log"], "linear");
  const whole = data.by === "none";
  const lines = useMemo(
    () =>
      whole
        ? PERCENTILES.map((name) => ({
            label: name,
            color: `--${name}`,
            values: latencies(data.series[0]?.points ?? [], name),
            ...(name === "p95" ? { width: 2 } : {}),
          }))
        : groupLines(data, `--${percentile}`, percentile, (points) => latencies(points, percentile)),
    [data, whole, percentile],
  );
  const slow = useMemo(
    () =>
      data.series.flatMap(({ points }, index) =>
        slowPoints(points).map((point) => (whole ? point : { ...point, color: groupColor(index) })),
      ),
    [data, whole],
  );
  return (
    <TimeChart
      {...shared}
      title="Latency"
      aside={
        <span className={css.toggles}>
          {!whole && (
            <Segments<Percentile>
              label="Percentile"
              value={percentile}
              onChange={setPercentile}
              options={PERCENTILES.map((name) => [name, name] as const)}
            />
          )}
          <Segments<Scale>
            label="Scale"
            value={scale}
            onChange={setScale}
            options={[["linear", "lin"], ["log", "log"]]}
          />
          <span className={css.key}>
            <span className={whole ? css.keyDot : css.keyRing} /> slowest in each {trimZeros(formatDuration(seconds(data.step)))}
          </span>
        </span>
      }
      lines={lines}
      slow={slow}
      format={(value) => formatDuration(seconds(value))}
      height={260}
      logarithmic={scale === "log"}
      data-testid="chart-latency"
    />
  );
}

import { useMemo } from "react";
import { trafficUrl } from "../../api/queries";
import type { Traffic, TrafficPoint } from "../../api/shapes";
import { drawnFrom, errorRatios, latencies, rates, slowPoints, type Percentile, type Values } from "../../charts/points";
import { copiesOf, type Copy, type Fact } from "../../charts/menu";
import { TimeChart, type ChartLine } from "../../charts/time-chart";
import { formatCount, formatDuration, formatRate, formatRatio, perSecond, ratio, seconds, trimZeros } from "../../units";
import { useChoice } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import { Segments } from "../../ui/chip";
import css from "./service.module.css";

type Scale = "linear" | "log";

const PERCENTILES: readonly Percentile[] = ["p50", "p95", "p99"];
const SYNC = "service";
const GROUP_COLORS = 8;

/** Steps with fewer requests have a p99 that is about their slowest one. */
const ENOUGH_FOR_P99 = 100;

interface ServiceChartsProps {
  data: Traffic;
  /** Finds the requests that are drawn. */
  filter: string;
}

/** What the numbers of a service's charts rest on. */
function countedFrom(data: Traffic): { facts: Fact[]; weight: number } {
  const samples = data.series.reduce((sum, one) => sum + one.samples, 0);
  const requests = data.series.reduce((sum, { points }) => sum + points.reduce((all, point) => all + point.requests, 0), 0);
  const weight = samples ? requests / samples : 1;
  return {
    weight,
    facts: [
      ["Samples", `${formatCount(requests)} requests, counted from ${formatCount(samples)} entry spans`],
      ["Weight", weight > 1.001 ? `a span stands for ${weight.toFixed(1)} requests on average: the SDK sampled, and each counts as many times` : "1: every request sent its span"],
      ["Left out", "nothing: requests of traces that were not kept are counted all the same"],
    ],
  };
}

function latencyFacts(data: Traffic): Fact[] {
  const counts = data.series.flatMap(({ points }) => points.map(({ requests }) => requests)).filter((count) => count > 0).sort((a, b) => a - b);
  const middle = counts[Math.floor(counts.length / 2)] ?? 0;
  return [
    ["Error", "percentiles by t-digest of the durations themselves, no buckets: exact for few requests, within 1 % of the value for many"],
    [
      "A step",
      middle < ENOUGH_FOR_P99
        ? `holds ${formatCount(middle)} requests (median): its p99 is about its slowest one`
        : `holds ${formatCount(middle)} requests (median)`,
    ],
  ];
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

export function ServiceCharts({ data, filter }: ServiceChartsProps) {
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
  const { facts, weight } = useMemo(() => countedFrom(data), [data]);
  const copies: Copy[] = [["filter", filter], ...copiesOf(trafficUrl(data))];
  const shared = { times, range, service: data.service, syncKey: SYNC, facts, copies };
  return (
    <div className={css.charts}>
      <LatencyChart data={data} weight={weight} {...shared} />
      <div className={css.pair}>
        <TimeChart
          {...shared}
          title="Error ratio"
          lines={errors}
          format={(value) => formatRatio(ratio(value))}
          unit="share of requests that failed"
          height={150}
          leastTop={0.01}
          data-testid="chart-errors"
        />
        <TimeChart
          {...shared}
          title="Traffic"
          lines={traffic}
          format={(value) => formatRate(perSecond(value))}
          unit="requests a second"
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
  service: string;
  syncKey: string;
  facts: readonly Fact[];
  copies: readonly Copy[];
  /** Requests that a span stands for. */
  weight: number;
}

function LatencyChart({ data, weight, facts, ...shared }: LatencyChartProps) {
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
      unit="duration of the entry span"
      facts={[...facts, ...latencyFacts(data)]}
      note={weight > 1.001 ? `sampled: a span stands for ${weight.toFixed(1)} requests` : undefined}
      height={260}
      logarithmic={scale === "log"}
      data-testid="chart-latency"
    />
  );
}

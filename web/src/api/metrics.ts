/** Metrics: Prometheus' API as the explorer asks it, and the list of what is stored. */

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { resolveTime, useTimeWindow, type TimeWindow } from "../url/window";
import { seconds } from "../units";
import { apiUrl, fetchJson, get, type Shapes } from "./client";

export type Metric = Shapes["MetricOut"];
export type Labels = Readonly<Record<string, string>>;
/** Which bounds belong to it, its bounds, its count; as texts, like every float of this API. */
export type NativeBucket = readonly [number, string, string, string];

export interface Histogram {
  count: string;
  sum: string;
  buckets?: readonly NativeBucket[];
}

export interface MatrixSeries {
  metric: Labels;
  values?: readonly (readonly [number, string])[];
  histograms?: readonly (readonly [number, Histogram])[];
}

export interface VectorSample {
  metric: Labels;
  value?: readonly [number, string];
  histogram?: readonly [number, Histogram];
}

export interface Range {
  start: number;
  end: number;
  step: number;
}

export interface RangeAnswer extends Range {
  series: readonly MatrixSeries[];
  warnings: readonly string[];
}

export interface InstantAnswer {
  time: number;
  samples: readonly VectorSample[];
  warnings: readonly string[];
}

interface Reply<T> {
  data: { resultType: string; result: T };
  warnings?: string[];
  infos?: string[];
}

const notes = ({ warnings = [], infos = [] }: Reply<unknown>) => [...warnings, ...infos];

/** Seconds that the window covers now, its start at a multiple of the step. */
export function rangeOf(window: TimeWindow, step: number, now = Date.now() / 1000): Range {
  const end = resolveTime(window.to, seconds(now)) ?? now;
  const start = resolveTime(window.from, seconds(now)) ?? end - 900;
  return { start: Math.floor(start / step) * step, end, step };
}

async function askRange(expr: string, range: Range, signal: AbortSignal): Promise<RangeAnswer> {
  const query = { query: expr, start: range.start, end: range.end, step: range.step, limit: 500 };
  const reply = await fetchJson<Reply<MatrixSeries[]>>(apiUrl("/api/v1/query_range", { query }), { signal });
  return { ...range, series: reply.data.result, warnings: notes(reply) };
}

async function askInstant(expr: string, time: number, signal: AbortSignal): Promise<InstantAnswer> {
  const url = apiUrl("/api/v1/query", { query: { query: expr, time, limit: 1000 } });
  const reply = await fetchJson<Reply<VectorSample[] | [number, string]>>(url, { signal });
  const { resultType, result } = reply.data;
  const samples = resultType === "vector" ? (result as VectorSample[]) : [{ metric: {}, value: result as [number, string] }];
  return { time, samples, warnings: notes(reply) };
}

/** The answers to several queries over the window; each has its own error. */
export function useRangeQueries(exprs: readonly string[], step: number, enabled: boolean) {
  const window = useTimeWindow();
  return useQueries({
    queries: exprs.map((expr) => ({
      queryKey: ["promql", "range", expr, step, window.from, window.to],
      queryFn: ({ signal }: { signal: AbortSignal }) => askRange(expr, rangeOf(window, step), signal),
      enabled: enabled && expr !== "",
      refetchInterval: window.refresh,
      placeholderData: keepPreviousData,
      // Every answer is of another moment: to look for what is the same takes long and finds nothing.
      structuralSharing: false,
    })),
  });
}

/** The values of several queries at the end of the window. */
export function useInstantQueries(exprs: readonly string[], enabled: boolean) {
  const window = useTimeWindow();
  return useQueries({
    queries: exprs.map((expr) => ({
      queryKey: ["promql", "instant", expr, window.to],
      queryFn: ({ signal }: { signal: AbortSignal }) => askInstant(expr, rangeOf(window, 1).end, signal),
      enabled: enabled && expr !== "",
      refetchInterval: window.refresh,
    })),
  });
}

export interface ExemplarPoint {
  time: number;
  value: number;
  traceId: string;
  labels: Labels;
}

interface ExemplarReply {
  data: { seriesLabels: Labels; exemplars: { labels: Labels; value: string; timestamp: number }[] }[];
}

/** Samples that carry a trace, of the series that the queries select. */
export function useExemplars(exprs: readonly string[], enabled: boolean) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["promql", "exemplars", exprs, window.from, window.to],
    queryFn: async ({ signal }): Promise<ExemplarPoint[]> => {
      const { start, end } = rangeOf(window, 1);
      const replies = await Promise.all(
        exprs.map((query) => fetchJson<ExemplarReply>(apiUrl("/api/v1/query_exemplars", { query: { query, start, end } }), { signal })),
      );
      return replies.flatMap(({ data }) =>
        data.flatMap(({ seriesLabels, exemplars }) =>
          exemplars.flatMap(({ labels, value, timestamp }) =>
            labels["trace_id"] ? [{ time: timestamp, value: Number(value), traceId: labels["trace_id"], labels: seriesLabels }] : [],
          ),
        ),
      );
    },
    enabled: enabled && exprs.length > 0,
    refetchInterval: window.refresh,
  });
}

/** The metrics of the window by job. */
export function useMetrics() {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["metrics", window.from, window.to],
    queryFn: ({ signal }) =>
      get("/api/metrics", { query: { start: window.from, end: window.to === "now" ? undefined : window.to }, signal }),
    staleTime: 30_000,
  });
}

/** Names of labels of a metric, or of all where it is empty. */
export function useLabelNames(metric: string, enabled: boolean) {
  return useNames(["promql", "labels", metric], "/api/v1/labels", metric, enabled);
}

/** Values of a label. */
export function useLabelValues(label: string, metric: string, enabled: boolean) {
  const path = `/api/v1/label/${encodeURIComponent(label)}/values`;
  return useNames(["promql", "values", label, metric], path, metric, enabled && label !== "");
}

function useNames(queryKey: readonly string[], path: string, metric: string, enabled: boolean) {
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const match = metric ? { "match[]": `{__name__=${JSON.stringify(metric)}}` } : {};
      return (await fetchJson<{ data: string[] }>(apiUrl(path, { query: { ...match, limit: 500 } }), { signal })).data;
    },
    enabled,
    placeholderData: () => undefined,
    staleTime: 60_000,
  });
}

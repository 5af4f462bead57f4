/** Looking around in traces and logs: heat map, comparison, values of a field, lines around a line. */

import { useQuery } from "@tanstack/react-query";
import { useTimeWindow } from "../url/window";
import { apiUrl, get, type Shapes } from "./client";
import type { Signal } from "./queries";

export type Counted = Shapes["LatencyMapOut"]["counted"];
export type LatencyMap = Shapes["LatencyMapOut"];
export type Comparison = Shapes["ComparisonOut"];
export type Trait = Shapes["TraitOut"];
export type FieldTop = Shapes["FieldTopOut"];

const bounds = ({ from, to }: { from: string; to: string }) => ({ start: from, end: to === "now" ? undefined : to });

export function useLatencyMap(filter: string, count: Counted | null) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["latency-map", filter, count, window.from, window.to],
    queryFn: ({ signal }) => get("/api/traces/heatmap", { query: { ...bounds(window), filter, count }, signal }),
    refetchInterval: window.refresh,
  });
}

/** Where an answer about latencies is asked for again. */
export function latencyMapUrl({ start, end, step, counted }: LatencyMap, filter: string): string {
  return apiUrl("/api/traces/heatmap", { query: { start, end, step, filter, count: counted } });
}

/** A box of the heat map: seconds since the epoch, and durations in seconds. */
export interface Selection {
  from: number;
  to: number;
  low: number;
  high: number;
}

export function useComparison(filter: string, count: Counted, box: Selection) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["comparison", filter, count, box, window.from, window.to],
    queryFn: ({ signal }) =>
      get("/api/traces/compare", {
        query: {
          ...bounds(window), filter, count, selection_start: box.from, selection_end: box.to,
          at_least: box.low, below: Math.min(box.high, 1e9),
        },
        signal,
      }),
    // The answer to another box is none of this one.
    placeholderData: () => undefined,
    staleTime: 60_000,
  });
}

export function useFieldTop(signal_: Signal, field: string, filter: string) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["field-top", signal_, field, filter, window.from, window.to],
    queryFn: ({ signal }) =>
      get("/api/fields/top", { query: { ...bounds(window), signal: signal_, field, filter, limit: 10 }, signal }),
    placeholderData: () => undefined,
    staleTime: 15_000,
  });
}

/** Records before and after a moment; `filter` says of which service and instance. */
export function useLogsAround(time: string, filter: string, limit: number) {
  return useQuery({
    queryKey: ["logs-around", time, filter, limit],
    queryFn: ({ signal }) => get("/api/logs/around", { query: { time, filter, limit }, signal }),
    staleTime: 30_000,
  });
}

/** Prometheus' API: a query over a range of time. */

import { useQuery } from "@tanstack/react-query";
import { apiUrl, fetchJson } from "./client";

export interface RangeSeries {
  metric: Record<string, string>;
  /** Seconds since the epoch, and the value as text. */
  values: [number, string][];
}

interface RangeAnswer {
  data: { resultType: string; result: RangeSeries[] };
}

export interface RangeQuery {
  expr: string;
  start: number;
  end: number;
  step: number;
}

export async function queryRange({ expr, ...range }: RangeQuery, signal?: AbortSignal): Promise<RangeSeries[]> {
  const url = apiUrl("/api/v1/query_range", { query: { query: expr, ...range } });
  const answer = await fetchJson<RangeAnswer>(url, { signal: signal ?? null });
  return answer.data.result;
}

/** Answers to several queries over one range, in their order. */
export function useRanges(exprs: readonly string[], start: number, end: number, step: number) {
  return useQuery({
    queryKey: ["promql-range", exprs, start, end, step],
    queryFn: ({ signal }) => Promise.all(exprs.map((expr) => queryRange({ expr, start, end, step }, signal))),
    enabled: exprs.length > 0,
    staleTime: 60_000,
  });
}

/** Server state: every question that a page may ask, as a hook. */

import { keepPreviousData, QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useTimeWindow, type TimeWindow } from "../url/window";
import { ApiError, apiUrl, get } from "./client";
import type { Traffic } from "./shapes";

export type Signal = "traces" | "logs";
export type GroupBy = "none" | "region" | "model_version";
export type TraceOrder = "newest" | "slowest";

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        retry: (failures, error) => error instanceof ApiError && error.mayPass && failures < 2,
        retryDelay: (failure) => 400 * 2 ** failure,
        refetchOnWindowFocus: true,
        placeholderData: keepPreviousData,
      },
    },
  });
}

/** `end` stays unsaid for a live window, so that the server's own clock says what is now. */
export function bounds({ from, to }: TimeWindow) {
  return { start: from, end: to === "now" ? undefined : to };
}

export function useServices() {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["services", window.from, window.to],
    queryFn: ({ signal }) => get("/api/services", { query: bounds(window), signal }),
    refetchInterval: window.refresh,
  });
}

const TRAFFIC = "/api/services/{service}/traffic";

export function useTraffic(service: string, model: string | null, by: GroupBy) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["traffic", service, model, by, window.from, window.to],
    queryFn: ({ signal }) => get(TRAFFIC, { path: { service }, query: { ...bounds(window), model, by }, signal }),
    refetchInterval: window.refresh,
  });
}

/** Where an answer about traffic is asked for again. */
export function trafficUrl({ service, model, by, start, end, step }: Traffic): string {
  return apiUrl(TRAFFIC, { path: { service }, query: { start, end, step, model, by } });
}

export interface TraceSearch {
  filter: string;
  order: TraceOrder;
  limit: number;
  /** A part of the time window, where only that is asked about. */
  within?: { from: string; to: string };
}

export function useTraces({ filter, order, limit, within }: TraceSearch) {
  const window = useTimeWindow();
  const asked = within ? { ...window, ...within } : window;
  return useQuery({
    queryKey: ["traces", filter, order, limit, asked.from, asked.to],
    queryFn: ({ signal }) =>
      get("/api/traces", { query: { ...bounds(asked), filter, order, limit }, signal }),
    refetchInterval: window.refresh,
  });
}

/** A whole trace; asked again for a while, since its last spans may still be under way. */
export function useTrace(traceId: string) {
  return useQuery({
    queryKey: ["trace", traceId],
    queryFn: ({ signal }) => get("/api/traces/{trace_id}", { path: { trace_id: traceId }, signal }),
    staleTime: 30_000,
  });
}

/** Log records of a trace; `from` and `to` are seconds and bound the search. */
export function useTraceLogs(traceId: string, from: number, to: number, enabled = true) {
  return useQuery({
    queryKey: ["trace-logs", traceId, from, to],
    queryFn: ({ signal }) =>
      get("/api/logs", {
        query: { filter: `trace_id = "${traceId}"`, start: from, end: to, limit: 500 },
        signal,
      }),
    enabled,
    staleTime: 30_000,
  });
}

export const LOG_PAGE = 200;

export function useLogs(filter: string, live: boolean) {
  const window = useTimeWindow();
  return useInfiniteQuery({
    queryKey: ["logs", filter, window.from, window.to],
    queryFn: ({ signal, pageParam }) =>
      get("/api/logs", {
        query: { ...bounds(window), filter, limit: LOG_PAGE, cursor: pageParam },
        signal,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: live ? window.refresh : false,
  });
}

export function useLogHistogram(filter: string) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["log-histogram", filter, window.from, window.to],
    queryFn: ({ signal }) => get("/api/logs/histogram", { query: { ...bounds(window), filter }, signal }),
    refetchInterval: window.refresh,
  });
}

/** Where an answer about log volume is asked for again. */
export function logHistogramUrl({ start, end, step }: { start: number; end: number; step: number }, filter: string): string {
  return apiUrl("/api/logs/histogram", { query: { start, end, step, filter } });
}

export function useFields(signal_: Signal, enabled: boolean) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["fields", signal_, window.from, window.to],
    queryFn: ({ signal }) => get("/api/fields", { query: { ...bounds(window), signal: signal_ }, signal }),
    enabled,
    staleTime: 60_000,
  });
}

export function useFieldValues(signal_: Signal, field: string | null) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["field-values", signal_, field, window.from, window.to],
    queryFn: ({ signal }) =>
      get("/api/fields/values", {
        query: { ...bounds(window), signal: signal_, field, limit: 50 },
        signal,
      }),
    enabled: field !== null,
    // Values of the field before are none of this one.
    placeholderData: () => undefined,
    staleTime: 60_000,
  });
}

export function useDoctor() {
  return useQuery({
    queryKey: ["doctor"],
    queryFn: ({ signal }) => get("/api/doctor", { signal }),
    refetchInterval: 10_000,
  });
}

export function useStatus() {
  return useQuery({
    queryKey: ["status"],
    queryFn: ({ signal }) => get("/api/status", { signal }),
    refetchInterval: 15_000,
  });
}

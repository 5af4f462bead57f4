/** Drift: what the watch found, both distributions of a reading, and the references. */

import { useQuery } from "@tanstack/react-query";
import { useTimeWindow, type TimeWindow } from "../url/window";
import { apiUrl, get, type Shapes } from "./client";
import { rangeOf } from "./metrics";

export type Drift = Shapes["DriftOut"];
export type Reading = Shapes["ReadingOut"];
export type Finding = Shapes["FindingOut"];
export type Distribution = Shapes["DistributionOut"];
export type Reference = Shapes["ReferenceOut"];

const REFRESH_MS = 10_000;

export function useDrift() {
  return useQuery({
    queryKey: ["drift"],
    queryFn: ({ signal }) => get("/api/drift", { signal }),
    refetchInterval: REFRESH_MS,
  });
}

const asked = ({ model_name: model, model_version: version, feature, segment, value }: Reading) => ({ model, feature, version, segment, value });

/** Where both distributions of a reading are asked for again. */
export const distributionUrl = (reading: Reading) => apiUrl("/api/drift/distribution", { query: asked(reading) });

export function useDistribution(reading: Reading) {
  const query = asked(reading);
  return useQuery({
    queryKey: ["drift-distribution", query],
    queryFn: ({ signal }) => get("/api/drift/distribution", { query, signal }),
    // Bins of the feature before are none of this one.
    placeholderData: () => undefined,
    refetchInterval: REFRESH_MS,
  });
}

/** The part of a model's traffic that is asked about. */
export interface PartOf {
  model: string;
  version: string;
  segment: string;
  value: string;
}

export type History = Shapes["DriftHistoryOut"];
const STEPS_S = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];
const MOST_STEPS = 48;

/** A step that divides a window into columns that one can point at. */
export function stepOf(window: TimeWindow): number {
  const { start, end } = rangeOf(window, 1);
  return STEPS_S.find((step) => (end - start) / step <= MOST_STEPS) ?? 86_400;
}

export function useDriftHistory(part: PartOf) {
  const window = useTimeWindow();
  const step = stepOf(window);
  const query = { ...part, step, start: window.from, end: window.to === "now" ? undefined : window.to };
  return useQuery({
    queryKey: ["drift-history", query],
    queryFn: ({ signal }) => get("/api/drift/history", { query, signal }),
    refetchInterval: window.live ? 20_000 : false,
  });
}

/** Where a part's history is asked for again. */
export function historyUrl({ model_name: model, model_version: version, segment, value, step, times }: History): string {
  return apiUrl("/api/drift/history", { query: { model, version, segment, value, step, start: times[0], end: times.at(-1) } });
}

export interface Then extends PartOf {
  feature: string;
  /** End of a step of the history, and its length. */
  time: number;
  step: number;
}

export const momentUrl = (then: Then) => apiUrl("/api/drift/at", { query: { ...then } });

/** A feature as the watch found it within a step that has passed. */
export function useDriftMoment(then: Then) {
  return useQuery({
    queryKey: ["drift-moment", then],
    queryFn: ({ signal }) => get("/api/drift/at", { query: { ...then }, signal }),
    placeholderData: () => undefined,
    staleTime: 60_000,
  });
}

export function useReferences() {
  return useQuery({
    queryKey: ["references"],
    queryFn: ({ signal }) => get("/api/references", { signal }),
    refetchInterval: 30_000,
  });
}

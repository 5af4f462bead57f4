/** Questions about a service's releases, and about how much it can take. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTimeWindow, type TimeWindow } from "../url/window";
import { get, type Shapes } from "./client";
import { bounds } from "./queries";

export type ReleaseComparison = Shapes["ReleaseComparisonOut"];
export type ReleasePart = ReleaseComparison["parts"][number];
export type Measure = Shapes["MeasureOut"];
export type ReleaseFeature = ReleaseComparison["features"][number];
export type Capacity = Shapes["CapacityOut"];
export type Headroom = Shapes["HeadroomOut"];
export type BatchGain = Shapes["BatchGainOut"];

/** These answers read every request of the window. */
const EVERY_MS = 30_000;

export interface ReleasesAsked {
  service: string;
  model: string;
  baseline: string;
  candidate: string;
  by: "region" | "operation";
  /** Share by which a percentile may be longer. */
  max_latency: number;
}

const comparisonKey = (asked: ReleasesAsked, { from, to }: TimeWindow) => ["compare", asked, from, to];

/** Keeps an answer under the releases that it names too, so that naming them does not ask again. */
export function useKeepComparison() {
  const window = useTimeWindow();
  const client = useQueryClient();
  return useCallback(
    (asked: ReleasesAsked, found: ReleaseComparison) => client.setQueryData(comparisonKey(asked, window), found),
    [client, window],
  );
}

export function useComparison(asked: ReleasesAsked) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: comparisonKey(asked, window),
    queryFn: ({ signal }) => get("/api/compare", { query: { ...bounds(window), ...asked }, signal }),
    refetchInterval: window.live ? EVERY_MS : false,
  });
}

export function useCapacity(service: string, target: string) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["capacity", service, target, window.from, window.to],
    queryFn: ({ signal }) => get("/api/capacity", { query: { ...bounds(window), service, target }, signal }),
    refetchInterval: window.live ? EVERY_MS : false,
  });
}

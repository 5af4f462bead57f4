/** Drift: what the watch found, both distributions of a reading, and the references. */

import { useQuery } from "@tanstack/react-query";
import { get, type Shapes } from "./client";

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

export function useDistribution(reading: Reading) {
  const { model_name: model, model_version: version, feature, segment, value } = reading;
  return useQuery({
    queryKey: ["drift-distribution", model, feature, version, segment, value],
    queryFn: ({ signal }) =>
      get("/api/drift/distribution", { query: { model, feature, version, segment, value }, signal }),
    // Bins of the feature before are none of this one.
    placeholderData: () => undefined,
    refetchInterval: REFRESH_MS,
  });
}

export function useReferences() {
  return useQuery({
    queryKey: ["references"],
    queryFn: ({ signal }) => get("/api/references", { signal }),
    refetchInterval: 30_000,
  });
}

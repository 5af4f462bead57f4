/** Questions about SLOs. They look at their own period, so the time window does not matter. */

import { useQuery } from "@tanstack/react-query";
import { get, type Shapes } from "./client";

export type Slo = Shapes["SloOut"];
export type SloDetail = Shapes["SloDetailOut"];
export type SloState = Slo["state"];
export type BurnRate = Shapes["BurnRateOut"];
export type SloSpent = Shapes["SloSpentOut"];
export type Spender = Shapes["SpenderOut"];

/** How often SLOs are asked for again; their rules are evaluated as often by default. */
export const SLO_REFRESH_S = 30;

export function useSlos() {
  return useQuery({
    queryKey: ["slos"],
    queryFn: ({ signal }) => get("/api/slos", { signal }),
    refetchInterval: SLO_REFRESH_S * 1000,
  });
}

export function useSlo(id: string) {
  return useQuery({
    queryKey: ["slo", id],
    queryFn: ({ signal }) => get("/api/slos/{slo_id}", { path: { slo_id: id }, signal }),
    refetchInterval: SLO_REFRESH_S * 1000,
  });
}

/** What spent a budget by the values of a label; the SLO's own where `by` is null. */
export function useSloSpent(id: string, by: string | null) {
  return useQuery({
    queryKey: ["slo-spent", id, by],
    queryFn: ({ signal }) => get("/api/slos/{slo_id}/spent", { path: { slo_id: id }, query: { by }, signal }),
    refetchInterval: SLO_REFRESH_S * 1000,
  });
}

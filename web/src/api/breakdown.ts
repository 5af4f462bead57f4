/** What a request is made of, and who stands around a service. */

import { useQuery } from "@tanstack/react-query";
import { useTimeWindow } from "../url/window";
import { get, type Shapes } from "./client";
import { bounds } from "./queries";

export type Breakdown = Shapes["BreakdownOut"];
export type Neighbour = Shapes["NeighbourOut"];

const EVERY_MS = 30_000;

export function useBreakdown(service: string, model: string | null) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["breakdown", service, model, window.from, window.to],
    queryFn: ({ signal }) =>
      get("/api/services/{service}/breakdown", { path: { service }, query: { ...bounds(window), model }, signal }),
    refetchInterval: window.live ? EVERY_MS : false,
  });
}

/** Saturation, quality and cost of every service: what changes slower than traffic. */

import { useQuery } from "@tanstack/react-query";
import { useTimeWindow } from "../url/window";
import { get, type Shapes } from "./client";
import { bounds } from "./queries";

export type Instruments = Shapes["ServiceInstrumentsOut"];

const EVERY_MS = 20_000;

export function useInstruments() {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["instruments", window.from, window.to],
    queryFn: ({ signal }) => get("/api/instruments", { query: bounds(window), signal }),
    refetchInterval: window.live ? EVERY_MS : false,
  });
}

/** The instruments of a service and model, by a key that `keyOf` makes. */
export function byService(list: readonly Instruments[]): Map<string, Instruments> {
  return new Map(list.map((one) => [keyOf(one.service, one.model), one]));
}

export function keyOf(service: string, model: string): string {
  return JSON.stringify([service, model]);
}

/** What log records have in common. */

import { useQuery } from "@tanstack/react-query";
import { useTimeWindow } from "../url/window";
import { get, type Shapes } from "./client";

export type Pattern = Shapes["PatternOut"];
export type Patterns = Shapes["PatternsOut"];

export function useLogPatterns(filter: string) {
  const window = useTimeWindow();
  return useQuery({
    queryKey: ["log-patterns", filter, window.from, window.to],
    queryFn: ({ signal }) =>
      get("/api/logs/patterns", {
        query: { start: window.from, end: window.to === "now" ? undefined : window.to, filter, limit: 200 },
        signal,
      }),
    refetchInterval: window.refresh && 15_000,
  });
}

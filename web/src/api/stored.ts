/** What is stored, how long it is kept, and what the guards did. */

import { useQuery } from "@tanstack/react-query";
import { get, type Shapes } from "./client";

export type Stored = Shapes["DataOut"];
export type Guard = Shapes["GuardOut"];
export type Retention = Shapes["RetentionOut"];

export function useStored() {
  return useQuery({
    queryKey: ["data"],
    queryFn: ({ signal }) => get("/api/data", { signal }),
    refetchInterval: 30_000,
  });
}

export function useGuard() {
  return useQuery({
    queryKey: ["guard"],
    queryFn: ({ signal }) => get("/api/guard", { signal }),
    refetchInterval: 10_000,
  });
}

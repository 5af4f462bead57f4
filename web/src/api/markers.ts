/** What was changed, and which incidents there were: the marks of time axes. */

import { useQuery } from "@tanstack/react-query";
import { paths } from "../url/link";
import { get, type Shapes } from "./client";

export type MarkKind = Shapes["MarkerOut"]["kind"] | "incident" | "moment";

export interface Mark {
  time: number;
  /** Where it lasted: until when; an open incident lasts until further notice. */
  until?: number;
  kind: MarkKind;
  /** What fits beside its line. */
  label: string;
  text: string;
  /** Of everything where it is empty. */
  service: string;
  /** Where it leads, or empty. */
  link: string;
}

const REFRESH_MS = 20_000;
const LONGEST_LABEL = 24;
const NONE: readonly Mark[] = [];

const cut = (text: string) => (text.length > LONGEST_LABEL ? `${text.slice(0, LONGEST_LABEL - 1)}…` : text);

/** A range on a grid, so that a question stays the same while a live window moves, and charts share it. */
export function gridOf([start, end]: readonly [number, number]): { start: number; end: number } {
  const apart = 2 ** Math.ceil(Math.log2(Math.max(30, (end - start) / 32)));
  return { start: Math.floor(start / apart) * apart, end: Math.ceil(end / apart) * apart };
}

async function ask(range: { start: number; end: number }, service: string, signal: AbortSignal): Promise<Mark[]> {
  const query = { ...range, service };
  const [{ markers }, { incidents }] = await Promise.all([
    get("/api/markers", { query: { ...query, limit: 300 }, signal }),
    get("/api/incidents", { query: { ...query, limit: 100 }, signal }),
  ]);
  return [
    ...markers.map(({ time, kind, text, scope, service: of, link }) => ({
      time, kind, text, link, service: of,
      label: (kind === "release" && scope["model_version"]) || cut(text),
    })),
    ...incidents.map(({ id, opened, resolved, title, service: of }) => ({
      time: opened, until: resolved ?? Number.POSITIVE_INFINITY, kind: "incident" as const,
      label: cut(title), text: title, service: of, link: paths.incident(id),
    })),
  ].sort((a, b) => a.time - b.time);
}

/** Marks in a range of time, of one service and of everything; of all services where it is empty. */
export function useMarks(range: readonly [number, number], service: string, enabled: boolean): readonly Mark[] {
  const { start, end } = gridOf(range);
  const query = useQuery({
    queryKey: ["marks", start, end, service],
    queryFn: ({ signal }) => ask({ start, end }, service, signal),
    enabled: enabled && end > start && start > 0,
    staleTime: REFRESH_MS,
    refetchInterval: end * 1000 > Date.now() - 60_000 ? REFRESH_MS : false,
  });
  return (enabled && query.data) || NONE;
}

import { useEffect, useReducer, useRef } from "react";
import { get } from "../../api/client";
import type { LogRecord } from "../../api/shapes";

const EVERY_MS = 1_000;
/** Records come late, by their exporters' batches: as far back as this is asked again each time. */
const OVERLAP_S = 20;
const PAGE = 1_000;
export const MOST_LINES = 5_000;

export interface Tail {
  /** Newest first. */
  records: readonly LogRecord[];
  error: Error | null;
  /** Lines that came since the tail began, those that were let go included. */
  seen: number;
  /** More came at once than one answer holds: some were not shown. */
  skipped: boolean;
  /** Lines of the last ten seconds, by second. */
  rate: number;
}

interface State extends Tail {
  keys: ReadonlySet<string>;
  arrivals: readonly number[];
}

/** Tells a record from all others; equal ones of the same nanosecond are one to a reader. */
export function keyOf({ time_unix_nano, span_id, service, body }: LogRecord): string {
  return `${time_unix_nano} ${span_id} ${service} ${body}`;
}

type Event = { records: readonly LogRecord[]; full: boolean; at: number } | { error: Error } | "begin";

const EMPTY: State = { records: [], error: null, seen: 0, skipped: false, rate: 0, keys: new Set(), arrivals: [] };

/** What a tail shows after an answer; pure. */
export function follow(state: State, event: Event): State {
  if (event === "begin") return EMPTY;
  if ("error" in event) return { ...state, error: event.error };
  const fresh = event.records.filter((record) => !state.keys.has(keyOf(record)));
  const first = state.records.length === 0;
  const merged = fresh.length
    ? [...fresh, ...state.records].sort(newestFirst).slice(0, MOST_LINES)
    : state.records;
  const arrivals = [...state.arrivals.filter((at) => at > event.at - 10_000), ...(first ? [] : fresh.map(() => event.at))];
  return {
    records: merged,
    error: null,
    seen: state.seen + fresh.length,
    skipped: !first && event.full && fresh.length === event.records.length,
    rate: arrivals.length / 10,
    keys: fresh.length ? new Set(merged.map(keyOf)) : state.keys,
    arrivals,
  };
}

function newestFirst(a: LogRecord, b: LogRecord): number {
  const [x, y] = [a.time_unix_nano, b.time_unix_nano];
  return x.length === y.length ? (x < y ? 1 : x > y ? -1 : 0) : y.length - x.length;
}

/** Asks for new lines every second while `running`; what it has stays while it is paused. */
export function useTail(filter: string, running: boolean): Tail {
  const [state, dispatch] = useReducer(follow, EMPTY);
  const asked = useRef(0);
  useEffect(() => {
    asked.current = 0;
    dispatch("begin");
  }, [filter]);
  useEffect(() => {
    if (!running) return;
    const stop = new AbortController();
    let timer = 0;
    const ask = async () => {
      // After a pause, what came meanwhile is asked for too.
      const since = asked.current ? Math.ceil((Date.now() - asked.current) / 1000) : 0;
      try {
        const query = { filter, start: `now-${OVERLAP_S + since}s`, limit: PAGE };
        const { logs, next_cursor } = await get("/api/logs", { query, signal: stop.signal });
        asked.current = Date.now();
        dispatch({ records: logs, full: next_cursor !== null, at: asked.current });
      } catch (error) {
        if (stop.signal.aborted) return;
        dispatch({ error: error instanceof Error ? error : new Error(String(error)) });
      }
      timer = window.setTimeout(() => void ask(), EVERY_MS);
    };
    void ask();
    return () => {
      stop.abort();
      window.clearTimeout(timer);
    };
  }, [filter, running]);
  return state;
}

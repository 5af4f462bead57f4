/** The time window that a page looks at: `from` and `to` as the API takes them. */

import { useMemo } from "react";
import { seconds, type Seconds } from "../units";
import { setParams } from "./params";
import { useSearch } from "./location";

export const DEFAULT_FROM = "now-15m";
export const REFRESH_S = 5;

export interface TimeWindow {
  /** `now-15m`, or seconds since the epoch as text. */
  readonly from: string;
  /** `now`, `now-5m`, or seconds since the epoch as text. */
  readonly to: string;
  /** The window ends now, so that new data keeps coming. */
  readonly live: boolean;
  /** How often to ask again, in milliseconds; false: never. */
  readonly refresh: number | false;
}

const RELATIVE = /^now(?:-(\d+)(s|m|h|d|w))?$/;
const UNIT_S: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** The moment that `from` or `to` means, or null where it means nothing. */
export function resolveTime(text: string, now: Seconds): Seconds | null {
  const relative = RELATIVE.exec(text);
  if (relative) return seconds(now - Number(relative[1] ?? 0) * (UNIT_S[relative[2] ?? "s"] ?? 1));
  if (/^\d+(\.\d+)?$/.test(text)) return seconds(Number(text));
  const parsed = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) / 1000 : Number.NaN;
  return Number.isFinite(parsed) ? seconds(parsed) : null;
}

/** Reads the window out of a query string; what cannot be read falls back to the default. */
export function parseWindow(search: string): TimeWindow {
  const params = new URLSearchParams(search);
  const now = seconds(2e9);
  const known = (text: string | null, fallback: string) =>
    text !== null && resolveTime(text, now) !== null ? text : fallback;
  const to = known(params.get("to"), "now");
  const live = to === "now";
  const refresh = live && params.get("refresh") !== "0" ? REFRESH_S * 1000 : false;
  return { from: known(params.get("from"), DEFAULT_FROM), to, live, refresh };
}

/** The window of the present address. */
export function useTimeWindow(): TimeWindow {
  const search = useSearch();
  return useMemo(() => parseWindow(search), [search]);
}

const written = (time: number) => String(Math.round(time * 1000) / 1000);

/** Settings that name an absolute window. */
export function absoluteWindow(from: number, to: number): { from: string; to: string } {
  return { from: written(from), to: written(to) };
}

/** Looks at `[from, to]`, widened to at least a second. */
export function zoomTo(from: number, to: number): void {
  const widen = Math.max(0, (1 - (to - from)) / 2);
  setParams(absoluteWindow(from - widen, to + widen));
}

/** Looks at a window of the same length earlier (-1) or later (+1), or one twice as long (0). */
export function moveWindow(window: TimeWindow, direction: -1 | 0 | 1, now: Seconds): void {
  const from = resolveTime(window.from, now) ?? now - 900;
  const to = resolveTime(window.to, now) ?? now;
  const length = to - from;
  if (direction === 0) setParams(absoluteWindow(from - length / 2, Math.min(now, to + length / 2)));
  else setParams(absoluteWindow(from + direction * length, to + direction * length));
}

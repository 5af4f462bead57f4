/** A comparison of releases as words and places on an axis; pure. */

import type { Measure, ReleaseComparison } from "../../api/releases";
import { formatDuration, formatRatio, NO_VALUE, ratio, seconds } from "../../units";

const SPACE = "\u202f";

export const MEASURES: Record<Measure["measure"], string> = {
  p50: "Median latency",
  p95: "p95 latency",
  p99: "p99 latency",
  error_ratio: "Errors",
  replica_seconds: "Replica time of a request",
};

/** The answer in a few words. */
export function sayVerdict({ verdict, baseline, candidate }: Pick<ReleaseComparison, "verdict" | "baseline" | "candidate">): string {
  if (verdict === "fail") return `${candidate} is worse than ${baseline}`;
  if (verdict === "pass") return `${candidate} is at least as good as ${baseline}`;
  return `Too early to tell whether ${candidate} is as good as ${baseline}`;
}

export function formatMeasure(value: number | null, unit: string): string {
  if (value === null) return NO_VALUE;
  return unit === "1" ? formatRatio(ratio(value)) : formatDuration(seconds(value));
}

/** A change with its sign: per cent of what was, or percentage points of a ratio. */
export function formatChange(value: number, unit: string, bare = false): string {
  const percent = value * 100;
  const size = Math.abs(percent);
  const text = size >= 99.5 ? size.toFixed(0) : size.toFixed(size < 1 && unit === "1" ? 2 : 1);
  const sign = Number(text) === 0 ? "" : percent < 0 ? "−" : "+";
  return `${sign}${text}${bare ? "" : unit === "1" ? " points" : `${SPACE}%`}`;
}

/** How far an axis reaches to both sides of no change, so that every interval of `measures` is on it. */
export function reachOf(measures: readonly Measure[], allowed: number): number {
  const ends = measures.flatMap(({ low, high, change }) => [low ?? change ?? 0, high ?? change ?? 0]);
  const wanted = Math.max(...ends.map(Math.abs), allowed * 1.6) * 1.08;
  // What is far off the rest would leave no room for it: it is cut, and its number tells.
  return Math.min(wanted, Math.max(allowed * 12, 1e-6));
}

/** Where a change lies on an axis, 0 to 1. */
export function placeOf(change: number, reach: number): number {
  return Math.min(1, Math.max(0, 0.5 + change / reach / 2));
}

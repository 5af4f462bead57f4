/** From the API's points to what a chart draws; pure. */

import type { Service, TrafficPoint } from "../api/shapes";

export type Values = (number | null)[];

/** A slow request that leads from a chart to its trace. */
export interface SlowPoint {
  time: number;
  /** Seconds. */
  value: number;
  traceId: string;
  /** Name of a colour, where points of several groups stand together. */
  color?: string;
}

export interface Marker {
  time: number;
  label: string;
}

export type Percentile = "p50" | "p95" | "p99";

export function latencies(points: readonly TrafficPoint[], percentile: Percentile): Values {
  return points.map((point) => point[percentile]);
}

/** Errors among requests; a step without requests has no ratio. */
export function errorRatios(points: readonly TrafficPoint[]): Values {
  return points.map(({ errors, requests }) => (requests > 0 ? errors / requests : null));
}

/**
 * Requests a second. A step that has not ended yet has no rate, and neither has the time before
 * the first request: whether there was nothing to count or nobody counting is not known.
 */
export function rates(points: readonly TrafficPoint[], step: number, end: number): Values {
  const first = points.findIndex((point) => point.requests > 0);
  return points.map(({ time, requests }, index) =>
    first < 0 || index < first || time + step > end + 1e-6 ? null : requests / step,
  );
}

/** The slowest request of each step. */
export function slowPoints(points: readonly TrafficPoint[]): SlowPoint[] {
  return points.flatMap(({ time, slowest, slowest_trace_id: traceId }) =>
    slowest !== null && traceId ? [{ time, value: slowest, traceId }] : [],
  );
}

/** Of `points`, the slowest of each of `slots` equal parts of `[start, end]`: none overlaps another. */
export function thinOut(points: readonly SlowPoint[], start: number, end: number, slots: number): SlowPoint[] {
  const kept = new Map<number, SlowPoint>();
  for (const point of points) {
    const slot = Math.floor(((point.time - start) / (end - start)) * Math.max(1, slots));
    const other = kept.get(slot);
    if (!other || point.value > other.value) kept.set(slot, point);
  }
  return [...kept.values()].sort((a, b) => a.time - b.time);
}

/** The point that is nearest to a moment, or null where there is none. */
export function nearest<P extends { time: number }>(points: readonly P[], time: number): P | null {
  let best: P | null = null;
  for (const point of points) {
    if (!best || Math.abs(point.time - time) < Math.abs(best.time - time)) best = point;
  }
  return best;
}

/** Indices of values that have a gap on both sides: a line alone would not show them. */
export function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = [];
  for (let index = 0; index < values.length; index++) {
    if (values[index] != null && values[index - 1] == null && values[index + 1] == null) found.push(index);
  }
  return found;
}

/** The largest of many values; 0 where there is none. */
export function largest(all: readonly Values[]): number {
  let most = 0;
  for (const values of all) for (const value of values) if (value !== null && value > most) most = value;
  return most;
}

/** The smallest of many values where one is below 0, else 0. */
export function smallest(all: readonly Values[]): number {
  let least = 0;
  for (const values of all) for (const value of values) if (value !== null && value < least) least = value;
  return least;
}

/** Less than this part of a window filled: what lies before the first request is left out. */
const MOSTLY_EMPTY = 0.5;

/**
 * Where the drawing of a live window begins: at its start, or, when vario has only just begun to
 * receive, shortly before the first request of any of `series`.
 */
export function drawnFrom(series: readonly (readonly TrafficPoint[])[], start: number, end: number): number {
  let first = end;
  for (const points of series) {
    const found = points.find((point) => point.requests > 0);
    if (found && found.time < first) first = found.time;
  }
  if (first === end || end - first > (end - start) * MOSTLY_EMPTY) return start;
  return Math.max(start, first - (end - first) * 0.05);
}

/** Requests a second since the first of them in the window, rather than over time without any. */
export function observedRate(service: Pick<Service, "requests" | "points">, start: number, end: number): number {
  const first = service.points.find((point) => point.requests > 0);
  return first ? service.requests / Math.max(1, end - Math.max(start, first.time)) : 0;
}

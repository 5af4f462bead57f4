import { expect, it } from "vitest";
import type { TrafficPoint } from "../api/shapes";
import { drawnFrom, errorRatios, largest, lonely, nearest, observedRate, rates, slowPoints, thinOut } from "./points";

const point = (time: number, requests: number, errors = 0, slowest: number | null = null): TrafficPoint => ({
  time, requests, errors, slowest,
  p50: slowest && slowest / 4, p95: slowest && slowest / 2, p99: slowest,
  slowest_trace_id: slowest === null ? "" : `t${time}`,
});
const POINTS = [point(0, 0), point(10, 50, 5, 0.4), point(20, 0), point(30, 20, 0, 0.2), point(40, 3, 0, 0.1)];

it("there is no error ratio without requests", () =>
  expect(errorRatios(POINTS)).toEqual([null, 0.1, null, 0, 0]));

it("there is no rate before the first request and in a step that has not ended", () =>
  expect(rates(POINTS, 10, 45)).toEqual([null, 5, 0, 2, null]));

it("each step with requests has a slow point", () =>
  expect(slowPoints(POINTS)).toEqual([
    { time: 10, value: 0.4, traceId: "t10" },
    { time: 30, value: 0.2, traceId: "t30" },
    { time: 40, value: 0.1, traceId: "t40" },
  ]));

it("where space is short the slowest stay", () =>
  expect(thinOut(slowPoints(POINTS), 0, 50, 2).map(({ traceId }) => traceId)).toEqual(["t10", "t30"]));

it("finds the nearest", () => {
  expect(nearest(slowPoints(POINTS), 26)?.traceId).toBe("t30");
  expect(nearest([], 3)).toBeNull();
});

it("values between gaps are found, since no line reaches them", () =>
  expect(lonely([1, null, 2, null, 3, 4, null])).toEqual([0, 2]));

it("the largest of many", () => expect(largest([[null, 2], [], [3, 1]])).toBe(3));

it("a window that has only just begun to fill is drawn from its first request on", () => {
  const late = [point(0, 0), point(80, 0), point(90, 5)];
  expect(drawnFrom([late, [point(0, 0)]], 0, 100)).toBe(89.5);
  expect(drawnFrom([late, POINTS], 0, 100)).toBe(0);
  expect(drawnFrom([[point(0, 0)]], 0, 100)).toBe(0);
});

it("the rate of a service that has only just appeared is not thinned out", () => {
  expect(observedRate({ requests: 50, points: [point(0, 0), point(90, 50)] }, 0, 100)).toBe(5);
  expect(observedRate({ requests: 50, points: [point(0, 50)] }, 5, 105)).toBe(0.5);
  expect(observedRate({ requests: 0, points: [] }, 0, 100)).toBe(0);
});

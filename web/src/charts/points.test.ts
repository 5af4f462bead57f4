import { expect, it } from "vitest";
import type { TrafficPoint } from "../api/shapes";
import { errorRatios, largest, lonely, nearest, rates, releases, slowPoints, thinOut } from "./points";

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

it("a version that was there from the start is no release", () => {
  const versions = [
    { version: "v1", first_seen: 101, requests: 9 },
    { version: "v2", first_seen: 150, requests: 4 },
  ];
  expect(releases(versions, 100, 10)).toEqual([{ time: 150, label: "v2" }]);
});

import { expect, it } from "vitest";
import type { LogRecord } from "../../api/shapes";
import { follow } from "./use-tail";

const line = (time: number, body = "x"): LogRecord => ({
  time_unix_nano: String(time), trace_id: "", span_id: "", severity_text: "", severity_number: 0, service: "s", body,
  attributes: {}, resource: {}, scope: "", event_name: "",
});
const begun = follow({} as never, "begin");

it("lines come once, in the order of their times, late ones too", () => {
  const one = follow(begun, { records: [line(30), line(10)], full: false, at: 0 });
  const two = follow(one, { records: [line(40), line(30), line(20, "late")], full: false, at: 1000 });
  expect(two.records.map(({ time_unix_nano }) => time_unix_nano)).toEqual(["40", "30", "20", "10"]);
  expect([two.seen, two.rate, two.skipped]).toEqual([4, 0.2, false]);
});

it("says when more came than it was given", () => {
  const one = follow(begun, { records: [line(1)], full: true, at: 0 });
  expect(one.skipped).toBe(false);
  expect(follow(one, { records: [line(9)], full: true, at: 1 }).skipped).toBe(true);
});

it("an error keeps the lines", () => {
  const one = follow(begun, { records: [line(1)], full: false, at: 0 });
  const failed = follow(one, { error: new Error("gone") });
  expect([failed.records.length, failed.error?.message]).toEqual([1, "gone"]);
});

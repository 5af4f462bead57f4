import { describe, expect, it } from "vitest";
import {
  formatAgo, formatBytes, formatCompact, formatCount, formatDuration, formatRate, formatRatio,
  nanos, nanosToSeconds, perSecond, ratio, seconds, trimZeros,
} from "./units";

const plain = (text: string) => text.replaceAll("\u202f", " ");

describe("durations", () => {
  it.each([
    [0, "0 s"], [4.2e-7, "420 ns"], [8.42e-4, "842 µs"], [0.0124, "12.4 ms"], [0.1, "100 ms"],
    [0.9996, "1.00 s"], [1.239, "1.24 s"], [59.99, "60.0 s"], [123, "2 m 03 s"],
    [14_700, "4 h 05 m"], [266_400, "3 d 02 h"], [-0.25, "-250 ms"],
  ])("%d s reads %s", (value, text) => expect(plain(formatDuration(seconds(value)))).toBe(text));

  it("says that there is none", () => {
    expect(formatDuration(null)).toBe("–");
    expect(formatDuration(seconds(Number.NaN))).toBe("–");
  });

  it.each([[0.005, "5 ms"], [0.25, "250 ms"], [0.0125, "12.5 ms"], [2, "2 s"], [900, "15 m 00 s"]])(
    "a tick at %d s reads %s",
    (value, text) => expect(plain(trimZeros(formatDuration(seconds(value))))).toBe(text),
  );
});

describe("ratios and rates", () => {
  it.each([[0, "0 %"], [0.00001, "< 0.01 %"], [0.0042, "0.42 %"], [0.123, "12.3 %"], [1, "100.0 %"]])(
    "the ratio %d reads %s",
    (value, text) => expect(plain(formatRatio(ratio(value)))).toBe(text),
  );
  it.each([
    [0, "0 /s"], [0.05, "3.00 /min"], [0.5, "0.50 /s"], [22.04, "22.0 /s"], [12_340, "12.3k /s"],
  ])("the rate %d reads %s", (value, text) => expect(plain(formatRate(perSecond(value)))).toBe(text));
});

it("counts and sizes are readable", () => {
  expect([12, 12_340, 1_234_567].map(formatCount).map(plain)).toEqual(["12", "12 340", "1 234 567"]);
  expect([999, 12_340, 2.5e6, 3e9].map((value) => formatCompact(value))).toEqual([
    "999", "12.3k", "2.50M", "3.00G",
  ]);
  expect([12, 2048, 9_812_331].map(formatBytes).map(plain)).toEqual(["12 B", "2.00 KiB", "9.36 MiB"]);
});

it("says how long ago", () => {
  const ago = (passed: number) => plain(formatAgo(seconds(1000), seconds(1000 + passed)));
  expect([0, 12, 200, 7300, 180_000].map(ago)).toEqual(["now", "12 s ago", "3 m ago", "2 h ago", "2 d ago"]);
});

it("nanoseconds keep their precision until they are seconds", () => {
  expect(nanosToSeconds(nanos("1763850000123456789"))).toBeCloseTo(1_763_850_000.123456, 5);
});

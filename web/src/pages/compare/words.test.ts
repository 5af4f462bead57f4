import { describe, expect, it } from "vitest";
import type { Measure } from "../../api/releases";
import { formatChange, formatMeasure, placeOf, reachOf, sayVerdict } from "./words";

const plain = (text: string) => text.replaceAll("\u202f", " ");
const measure = (low: number | null, high: number | null): Measure => ({
  measure: "p95", unit: "s", baseline: 1, candidate: 1, change: 0, low, high, judgement: "same",
});

describe("a comparison of releases", () => {
  it("is said in a sentence", () => {
    const say = (verdict: "pass" | "fail" | "inconclusive") => sayVerdict({ verdict, baseline: "v1", candidate: "v2" });
    expect([say("fail"), say("pass"), say("inconclusive")]).toEqual([
      "v2 is worse than v1", "v2 is at least as good as v1", "Too early to tell whether v2 is as good as v1",
    ]);
  });

  it("has changes with their sign and unit", () => {
    expect([0.123, -0.004, 0, 2.5].map((value) => plain(formatChange(value, "s")))).toEqual(["+12.3 %", "−0.4 %", "0.0 %", "+250 %"]);
    expect([0.0042, 0.05].map((value) => formatChange(value, "1"))).toEqual(["+0.42 points", "+5.0 points"]);
    expect([formatMeasure(0.0842, "s"), formatMeasure(0.01, "1"), formatMeasure(null, "s")].map(plain)).toEqual(["84.2 ms", "1.00 %", "–"]);
  });

  it("has an axis on which every interval is seen, unless one is far off", () => {
    expect(reachOf([measure(-0.1, 0.5)], 0.1)).toBeCloseTo(0.54);
    expect(reachOf([measure(null, null)], 0.1)).toBeCloseTo(0.1728);
    expect(reachOf([measure(0, 40)], 0.1)).toBeCloseTo(1.2);
    expect([placeOf(0, 1), placeOf(-1, 1), placeOf(9, 1)]).toEqual([0.5, 0, 1]);
  });
});

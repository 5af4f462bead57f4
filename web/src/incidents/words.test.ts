import { describe, expect, it } from "vitest";
import { formatChange, formatFactor, formatUnit, mergeTimelines, placeEffect, sayConfidence, sayExplained, sayScope } from "./words";

const plain = (text: string) => text.replace(/\u202f/g, " ");

describe("numbers of findings", () => {
  it("read in their units", () => {
    const texts = [[0.31, "s"], [0.25, "1"], [3, "1"], [1200, "requests"], [0.42, "USD"], [null, "s"]] as const;
    expect(texts.map(([value, unit]) => plain(formatUnit(value, unit)))).toEqual([
      "310 ms",
      "25.0 %",
      "3",
      "1 200 requests",
      "0.42 USD",
      "–",
    ]);
  });

  it("change with a sign, and by a factor where one says something", () => {
    expect([plain(formatChange(0.286, "s")), plain(formatChange(-0.1, "1"))]).toEqual(["+286 ms", "−10.0 %"]);
    expect([formatFactor({ before: 2, after: 26 }), formatFactor({ before: 4, after: 1 })]).toEqual(["13×", "÷4"]);
    expect([formatFactor({ before: 0, after: 1 }), formatFactor({ before: 1, after: 1.2 })]).toEqual(["", ""]);
  });

  it("are explained and trusted in words", () => {
    expect([0.95, 0.6, 0.2].map(sayConfidence)).toEqual(["high", "medium", "low"]);
    expect(plain(sayExplained({ explained: 0.87, explained_low: 0.8, explained_high: 0.93 }))).toBe("87 % (80 % to 93 %)");
    expect(sayExplained({ explained: null, explained_low: null, explained_high: null })).toBe("");
    expect([sayScope({ region: "us-east", version: "" }), sayScope({})]).toEqual([
      "region us-east, version not said",
      "everybody",
    ]);
  });
});

describe("the picture of an effect", () => {
  it("has both values and the interval on one line that begins at zero", () => {
    const effect = { measure: "p95", unit: "s", before: 1, after: 4, low: 2, high: 4 };
    expect(placeEffect(effect)).toEqual({ before: 0.2, after: 0.8, interval: [0.6, 1] });
    expect(placeEffect({ ...effect, low: null, high: null })).toEqual({ before: 0.25, after: 1, interval: null });
    expect(placeEffect({ ...effect, before: null })).toBeNull();
  });
});

describe("timelines", () => {
  it("are one, in order, each moment once", () => {
    const moment = (time: number, kind: string) => ({ time, kind, text: kind, link: "" });
    const merged = mergeTimelines([moment(3, "alert"), moment(1, "release")], [moment(3.2, "alert"), moment(2, "onset")]);
    expect(merged.map(({ kind }) => kind)).toEqual(["release", "onset", "alert"]);
  });
});

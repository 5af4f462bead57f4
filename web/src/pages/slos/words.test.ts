import { describe, expect, it } from "vitest";
import { formatBudget, formatBurn, formatObjective, formatWindow, isLink, sayBurning, sayForecast, sayGroup, sayPromise } from "./words";

const plain = (text: string) => text.replaceAll("\u202f", " ");

describe("an SLO in words", () => {
  it("keeps every digit of an objective", () => {
    expect([0.99, 0.9995, 0.99999].map(formatObjective).map(plain)).toEqual(["99 %", "99.95 %", "99.999 %"]);
  });

  it("says what is left, and what was spent too much", () => {
    expect([0.5, 0, -1.254, null].map(formatBudget).map(plain)).toEqual(["50.0 %", "0 %", "−125.4 %", "–"]);
  });

  it("says what is promised", () => {
    const slo = { objective: 0.9995, sli: "requests that failed", period: "30-day" };
    expect(plain(sayPromise(slo))).toBe("at most 0.05 % requests that failed, over a 30-day period");
  });

  it("says how fast it burns", () => {
    expect([0, 0.001, 2.314, 14.4, 100, null].map(formatBurn)).toEqual(["0×", "<0.01×", "2.31×", "14.4×", "100×", "–"]);
  });

  it("names windows in their largest unit", () => {
    expect([300, 8_640, 3600, 21_600, 259_200].map(formatWindow).map(plain)).toEqual(["5 m", "2 h 24 m", "1 h", "6 h", "3 d"]);
  });

  it("does not call quiet what is not measured", () => {
    expect(sayBurning({ burning: true, long: 20, short: 20 })).toBe("burning");
    expect(sayBurning({ burning: false, long: 1, short: null })).toBe("not measured");
    expect(sayBurning({ burning: false, long: 1, short: 2 })).toBe("quiet");
  });

  it("says how long the budget lasts", () => {
    const rate = { severity: "page", long_window: 3600, short_window: 300, threshold: 14.4, long: 12, short: 12, burning: false, rule: "" } as const;
    const say = (long: number | null, left: number | null, period = "30-day") =>
      plain(sayForecast({ budget_left: left, burn_rates: [{ ...rate, long }], period }));
    expect(say(12, 0.5)).toBe("At the rate of the last 1 h what is left of the budget lasts 1 d 06 h.");
    expect(say(0.4, 0.5)).toBe("At the rate of the last 1 h the budget does not run out.");
    expect([say(null, 0.5), say(3, -0.1), say(3, null), say(3, 0.5, "calendar-month")]).toEqual(["", "", "", ""]);
  });

  it("names groups", () => {
    expect(sayGroup({})).toBe("all together");
    expect(sayGroup({ region: "us-east", version: "" })).toBe("region us-east, version not said");
  });

  it("follows web addresses alone", () => {
    expect([isLink("https://a"), isLink("javascript:alert(1)"), isLink("# Text")]).toEqual([true, false, false]);
  });
});

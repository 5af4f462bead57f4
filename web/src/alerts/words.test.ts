import { describe, expect, it } from "vitest";
import { formatFor, matcherProblem, matchersOf, sayAlert, sayCondition, sayLength, sayMore } from "./words";

const plain = (text: string) => text.replace(/\u202f/g, " ");

describe("an alert in words", () => {
  it("says its summary first, and what else there is", () => {
    const annotations = { summary: "slow", description: "p95 is over 200 ms" };
    expect([sayAlert({ name: "Slow", annotations }), sayMore({ name: "Slow", annotations })]).toEqual([
      "slow",
      "p95 is over 200 ms",
    ]);
    expect(sayAlert({ name: "Slow", annotations: {} })).toBe("Slow");
    expect(sayMore({ name: "Slow", annotations: { description: "d" } })).toBe("");
  });

  it("says how long", () => {
    const times = { active: 100, fired: 160, resolved: null };
    expect(plain(sayLength({ state: "firing", ...times }, 220))).toBe("for 1 m 00 s");
    expect(plain(sayLength({ state: "pending", ...times }, 130))).toBe("for 30.0 s");
    expect(plain(sayLength({ state: "resolved", ...times, resolved: 170 }, 900))).toBe("lasted 10.0 s");
  });
});

describe("matchers", () => {
  it("begin with the alert's labels, without those that are too narrow", () => {
    const labels = { severity: "page", window: "1h", alertname: 'a "b"', "k8s.pod": "x" };
    expect(matchersOf({ labels })).toEqual(['alertname="a \\"b\\""', 'k8s.pod="x"', 'severity="page"']);
  });

  it("are looked at while they are written", () => {
    for (const good of ['a="b"', "a=b", 'a =~ "b|c"', "a!=", '"a b"="c"']) expect(matcherProblem(good)).toBeNull();
    for (const bad of ["", "a", '="b"', 'a="b', 'a=~"("']) expect(matcherProblem(bad)).not.toBeNull();
  });
});

describe("conditions", () => {
  it("read in the unit of their metric", () => {
    const quantile = "histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))";
    expect(plain(sayCondition({ expr: quantile, op: ">", threshold: 0.2, bound: "" }))).toBe("above 200 ms");
    const mean = "rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])";
    expect(plain(formatFor(mean)(0.2))).toBe("200 ms");
    expect(formatFor("increase(x_seconds_count[5m])")(30)).toBe("30");
    expect(plain(formatFor("slo:sli_error:ratio_rate5m")(0.144))).toBe("14.4 %");
    expect(sayCondition({ expr: "a", op: "==", threshold: null, bound: "b" })).toBe("== its bound");
  });
});

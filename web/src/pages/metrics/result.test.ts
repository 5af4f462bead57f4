import { describe, expect, it } from "vitest";
import type { Metric, RangeAnswer } from "../../api/metrics";
import { suggest, suggestHeat } from "./chosen";
import { arrange, heatOf, stack, writeSeries } from "./result";
import { formatIn, formatNumber, guessUnit } from "./values";

const answer = (series: RangeAnswer["series"], start = 0, end = 30): RangeAnswer => ({ start, end, step: 10, series, warnings: [] });
const metric = (changes: Partial<Metric>): Metric => ({
  name: "took_seconds", job: "infer", type: "histogram", unit: "s", help: "", series: 1, guessed: false, classic: true, native: false, ...changes,
});

describe("series on one axis", () => {
  it("keep their gaps and are told apart by what differs", () => {
    const { times, lines } = arrange(
      [answer([
        { metric: { __name__: "up", job: "a", zone: "x" }, values: [[0, "1"], [20, "NaN"], [30, "2"]] },
        { metric: { __name__: "up", job: "b", zone: "x" }, values: [[10, "5"]] },
      ])],
      ["up"],
    );
    expect(times).toEqual([0, 10, 20, 30]);
    expect(lines.map(({ label, values }) => [label, values])).toEqual([
      ['{job="a"}', [1, null, null, 2]], ['{job="b"}', [null, 5, null, null]],
    ]);
    expect(stack(lines)).toEqual([[1, 0, null, 2], [1, 5, null, 2]]);
    expect(lines[0]!.summary).toEqual({ count: 2, last: 2, least: 1, most: 2, mean: 1.5 });
  });

  it("are named by their query where they have no labels", () =>
    expect(arrange([answer([{ metric: {}, values: [] }]), answer([{ metric: {}, values: [] }])], ["a", "b"]).lines.map(({ label }) => label)).toEqual(["A a", "B b"]));

  it("are written as PromQL does", () =>
    expect(writeSeries({ __name__: "up", b: 'x"', a: "1" })).toBe('up{a="1", b="x\\""}'));
});

describe("heat maps", () => {
  it("take classic buckets apart", () => {
    const heat = heatOf(answer([
      { metric: { le: "0.1" }, values: [[0, "1"]] }, { metric: { le: "+Inf" }, values: [[0, "4"]] },
      { metric: { le: "1" }, values: [[0, "3"]] },
    ]));
    expect(heat.bounds).toEqual([0, 0.1, 1, Number.POSITIVE_INFINITY]);
    expect(heat.cells).toEqual([[0, 0, 1, 0], [0, 1, 2, 0], [0, 2, 1, 0]]);
  });

  it("join native buckets", () => {
    const heat = heatOf(answer([{ metric: {}, histograms: [[10, { count: "3", sum: "3", buckets: [[0, "1", "1.1", "1"], [0, "1.1", "1.2", "2"], [3, "-0.001", "0.001", "5"]] }]] }]));
    expect(heat.bounds).toEqual([1, 2 ** 0.5]);
    expect(heat.cells).toEqual([[1, 0, 3, 0]]);
  });
});

describe("units", () => {
  it.each([
    ["histogram_quantile(0.99, sum by (le) (rate(took_seconds_bucket[5m])))", "seconds"],
    ["sum(rate(took_seconds_count[5m]))", "per second"],
    ["rate(took_seconds_sum[5m]) / rate(took_seconds_count[5m])", "seconds"],
    ["sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))", "ratio"],
    ["rate(sent_bytes_total[5m])", "bytes per second"], ["memory_bytes", "bytes"], ["hit_ratio", "ratio"],
    ["count(up)", "number"], ["1 + 1", "number"],
  ])("of %s", (expr, unit) => expect(guessUnit(expr, [])).toBe(unit));

  it("are written", () => {
    expect([0, 0.5, 12, 1234.5, 12_345, 1e-5, Number.POSITIVE_INFINITY].map(formatNumber)).toEqual([
      "0", "0.5", "12", "1235", "12.3k", "1.00e-5", "+Inf",
    ]);
    expect(formatIn("seconds")(-0.5)).toBe("−500\u202fms");
  });
});

it("a metric is drawn as suits its type", () => {
  expect(suggest(metric({})).queries[1]).toBe('histogram_quantile(0.95, sum by (le) (rate(took_seconds_bucket{job="infer"}[5m])))');
  expect(suggest(metric({ native: true, classic: false })).queries[0]).toBe('histogram_quantile(0.5, sum(rate(took_seconds{job="infer"}[5m])))');
  expect(suggest(metric({ type: "counter", name: "asked_total" })).queries).toEqual(['sum(rate(asked_total{job="infer"}[5m]))']);
  expect(suggest(metric({ type: "gauge", name: "a.b", job: "" })).queries).toEqual(['{"a.b"}']);
  expect(suggestHeat(metric({}))?.queries).toEqual(['sum by (le) (rate(took_seconds_bucket{job="infer"}[5m]))']);
  expect(suggestHeat(metric({ type: "gauge" }))).toBeNull();
});

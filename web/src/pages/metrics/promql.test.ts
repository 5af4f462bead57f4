import { describe, expect, it } from "vitest";
import type { Metric } from "../../api/metrics";
import { complete, placeAt } from "./complete";
import { metricNames, readFault, tokenize } from "./tokens";

const METRICS: Metric[] = [
  { name: "took_seconds", job: "a", type: "histogram", unit: "s", help: "How long.", series: 2, guessed: false, classic: true, native: false },
  { name: "rows", job: "a", type: "gauge", unit: "", help: "", series: 1, guessed: false, classic: false, native: false },
];

/** The place at `|`. */
function at(text: string) {
  const cursor = text.indexOf("|");
  return placeAt(text.replace("|", ""), cursor);
}

const offered = (text: string, labels: string[] = [], values: string[] = []) =>
  complete(at(text), METRICS, labels, values).map(({ label }) => label);

describe("tokens", () => {
  it("leave nothing out", () => {
    const text = 'sum by (le) (rate(took_seconds_bucket{job=~"a.*", le!="+Inf"}[5m])) / 1e3 # so';
    expect(tokenize(text).map((token) => token.text).join("")).toBe(text);
    expect(tokenize(text).filter(({ kind }) => kind !== "space" && kind !== "mark").map(({ kind, text: word }) => `${kind} ${word}`)).toEqual([
      "function sum", "keyword by", "label le", "function rate", "name took_seconds_bucket", "label job", 'string "a.*"',
      "label le", 'string "+Inf"', "number 5m", "number 1e3", "comment # so",
    ]);
  });

  it("name the metrics", () => expect(metricNames("rate(a_total[5m]) / on (x) b")).toEqual(["a_total", "b"]));
});

describe("completion", () => {
  it("offers series and functions for an operand", () => {
    expect(offered("sum(took|")).toEqual(["took_seconds_bucket", "took_seconds_count", "took_seconds_sum"]);
    expect(offered("ra|")[0]).toBe("rate");
    expect(offered("row|")).toContain("rows");
    expect(offered("rows |")).toEqual([]);
  });

  it("offers labels in braces and after by", () => {
    expect(at("rows{j|")).toMatchObject({ wanted: "label", metric: "rows", typed: "j" });
    expect(at('rows{job="a",|')).toMatchObject({ wanted: "label", metric: "rows" });
    expect(offered("sum by (|", ["job", "__name__", "le"])).toEqual(["job", "le"]);
  });

  it("offers values in quotes and before them", () => {
    expect(at('rows{job="a|')).toMatchObject({ wanted: "value", metric: "rows", label: "job", typed: "a" });
    expect(at("rows{job=|")).toMatchObject({ wanted: "value", label: "job", typed: "" });
    expect(at('rows{job="a"|}')).toMatchObject({ wanted: "nothing" });
    expect(complete(at('rows{job="a|"}'), METRICS, [], ["abc", 'x"y'])[0]?.insert).toBe('"abc"');
  });

  it("offers ranges in brackets", () => expect(offered("rate(rows[|")[0]).toBe("1m"));
});

describe("a refusal", () => {
  it("says where", () => {
    expect(readFault('invalid parameter "query": 2:5: parse error: unexpected ")"', "sum(\nrows))")).toEqual({
      position: 9, problem: 'unexpected ")"',
    });
    expect(readFault("the query ran past its 30 s", "x")).toBeNull();
  });
});

import { expect, it } from "vitest";
import { bucketsOf } from "./honest";
import { chooseEvidence } from "../incidents/cause-chart";
import { sayMeasure } from "../incidents/words";
import type { Evidence } from "../api/incidents";

it("a quantile names the buckets that it is taken of", () => {
  expect(bucketsOf('histogram_quantile(0.9, sum by (le) (rate(a_bucket{b="c"}[5m])))')).toEqual({ metric: "a_bucket", query: "group by (le) (a_bucket)", classic: true });
  expect(bucketsOf("histogram_quantile(0.9, rate(a[5m]))")).toEqual({ metric: "a", query: "sum(a)", classic: false });
  expect(bucketsOf("rate(a_bucket[5m])")).toBeNull();
});

it("evidence is drawn where it has a value at each time", () => {
  const one = (language: Evidence["language"], query: string) => ({ language, query }) as Evidence;
  const [size, p95] = [one("sql", "SELECT avg(attributes.batch) FROM spans"), one("sql", "SELECT p95(duration) FROM spans WHERE x = 1")];
  expect(chooseEvidence([size, p95])).toBe(p95);
  expect(chooseEvidence([size])).toBeUndefined();
  expect(chooseEvidence([size, one("filter", "a = 1")])?.language).toBe("filter");
  expect(sayMeasure("requests of v2 since then")).toBe("requests of v2");
});

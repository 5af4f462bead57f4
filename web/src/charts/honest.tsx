/** How far the numbers of a query can be trusted: its buckets, and what was folded into others. */

import { useInstantQueries } from "../api/metrics";
import { useGuard } from "../api/stored";
import type { Copy, Fact } from "./menu";
import { shellQuote } from "../ui/filter/text";
import { Link, paths } from "../url/link";
import { apiUrl, fetchText } from "../api/client";

/** Facts of PromQL's answers; what costs a question is asked when the menu is open. */
export function promqlFacts(exprs: readonly string[], format: (value: number) => string): Fact[] {
  const given = exprs.filter(Boolean);
  return [
    ["Weight", "1: samples as they were sent; a rate extends to the ends of its range, as in Prometheus"],
    ["Error", <BucketError key="error" exprs={given} format={format} />],
    ["Folded", <Folded key="folded" exprs={given} />],
  ];
}

/** Queries over a range as text for other tools. */
export function promqlCopies(exprs: readonly string[], { start, end, step }: { start: number; end: number; step: number }): Copy[] {
  const urls = exprs.filter(Boolean).map((query) => apiUrl("/api/v1/query_range", { query: { query, start, end, step } }));
  return [
    ["PromQL", exprs.filter(Boolean).join("\n")],
    ["curl", urls.map((url) => `curl ${shellQuote(location.origin + url)}`).join("\n")],
    ["SQL", async () => (await Promise.all(urls.map((url) => fetchText(url, "application/sql")))).join("\n")],
  ];
}

/** The metric whose buckets a quantile is taken of, and the query that shows them. */
export function bucketsOf(expr: string): { metric: string; query: string; classic: boolean } | null {
  const inside = /histogram_quantile\s*\(([^]*)/.exec(expr)?.[1];
  const metric = inside && /([a-zA-Z_:][\w:]*)\s*[{[]/.exec(inside)?.[1];
  if (!metric) return null;
  const classic = metric.endsWith("_bucket");
  return { metric, classic, query: classic ? `group by (le) (${metric})` : `sum(${metric})` };
}

function BucketError({ exprs, format }: { exprs: readonly string[]; format: (value: number) => string }) {
  const found = exprs.map(bucketsOf).find(Boolean) ?? null;
  const [answer] = useInstantQueries(found ? [found.query] : [], found !== null);
  if (!found) return "none beyond that of the samples: nothing is estimated from buckets";
  if (!answer?.data) return answer?.error ? `the buckets of ${found.metric} could not be read` : "reading the buckets …";
  const { samples } = answer.data;
  if (found.classic) {
    const bounds = samples.map(({ metric }) => Number(metric["le"])).filter(Number.isFinite).sort((a, b) => a - b);
    if (bounds.length === 0) return "no bucket in sight";
    return `up to the width of a bucket, for values within one are not told apart. Bounds: ${bounds.map(format).join(", ")}; above the last only that is known`;
  }
  const widest = samples.flatMap(({ histogram }) => histogram?.[1].buckets ?? []).reduce((most, [, low, high]) => {
    const growth = Number(high) / Number(low);
    return Number.isFinite(growth) && growth > most ? growth : most;
  }, 1);
  return widest > 1 ? `at most ±${((Math.sqrt(widest) - 1) * 100).toFixed(1)} %: a native bucket ends at ${widest.toFixed(3)} times its beginning` : "no bucket in sight";
}

function Folded({ exprs }: { exprs: readonly string[] }) {
  const { data, error } = useGuard();
  if (!data) return error ? "the guards could not be asked" : "asking the guards …";
  const about = (metric: string) => exprs.some((expr) => expr.includes(metric));
  const labels = data.folds.filter(({ metric }) => about(metric)).map(({ label, metric }) => `${label} of ${metric}`);
  const lost = data.sdk_overflows.filter(({ metric }) => about(metric)).map(({ metric }) => metric);
  if (labels.length + lost.length === 0) return data.cardinality ? "nothing: every label within its budget" : "not known: guard.cardinality is off";
  return (
    <>
      {labels.length > 0 && `values of ${labels.join(", ")} past their budget are one series, __overflow__; sums hold. `}
      {lost.length > 0 && `The SDK of ${lost.join(", ")} folded attributes itself. `}
      <Link to={paths.data}>See the data page</Link>
    </>
  );
}

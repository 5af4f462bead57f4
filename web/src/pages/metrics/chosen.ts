/** The view that suits a metric at one click: rates of counters, quantiles of histograms; pure. */

import type { Metric } from "../../api/metrics";

export interface Suggested {
  queries: string[];
  view: "chart" | "heat";
  /** In words, for the link's title. */
  title: string;
}

const NAME = /^[A-Za-z_:][\w:]*$/;

function selector(name: string, job: string): string {
  const matchers = job ? `job=${JSON.stringify(job)}` : "";
  return NAME.test(name) ? `${name}{${matchers}}` : `{${[JSON.stringify(name), matchers].filter(Boolean).join(", ")}}`;
}

/** Queries over a range that holds a few exports even where these come once a minute. */
export function suggest({ name, job, type, classic, native }: Metric, range = "5m"): Suggested {
  const rate = (series: string) => `rate(${selector(series, job)}[${range}])`;
  if (type === "histogram" && (classic || native)) {
    const buckets = native ? `sum(${rate(name)})` : `sum by (le) (${rate(`${name}_bucket`)})`;
    return {
      queries: [0.5, 0.95, 0.99].map((quantile) => `histogram_quantile(${quantile}, ${buckets})`),
      view: "chart",
      title: "p50, p95 and p99",
    };
  }
  if (type === "counter") return { queries: [`sum(${rate(name)})`], view: "chart", title: "rate" };
  return { queries: [selector(name, job)], view: "chart", title: "value" };
}

/** The heat map of a histogram; null for anything else. */
export function suggestHeat({ name, job, type, classic, native }: Metric, range = "5m"): Suggested | null {
  if (type !== "histogram" || !(classic || native)) return null;
  const series = native ? name : `${name}_bucket`;
  const rate = `rate(${selector(series, job)}[${range}])`;
  return { queries: [native ? `sum(${rate})` : `sum by (le) (${rate})`], view: "heat", title: "heat map" };
}

/** Units of PromQL answers: guessed from the query's words, and how numbers are written; pure. */

import type { Metric } from "../../api/metrics";
import {
  formatBytes, formatCompact, formatDuration, formatRatio, NO_VALUE, ratio, seconds,
} from "../../units";
import { metricNames } from "./tokens";

export const UNITS = ["auto", "number", "seconds", "bytes", "ratio", "per second", "bytes per second"] as const;
export type UnitChoice = (typeof UNITS)[number];
export type Unit = Exclude<UnitChoice, "auto">;

/** A number at three significant digits, with k, M, G, or an exponent where it is very small. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "−Inf";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3) return value.toExponential(2);
  if (size >= 1e13) return value.toExponential(2);
  if (Number.isInteger(value) && size < 1e4) return String(value);
  return formatCompact(value, (small) => Number(small.toPrecision(size >= 1000 ? 4 : 3)).toString());
}

const signed = (format: (value: number) => string) => (value: number) =>
  value < 0 ? `−${format(-value)}` : format(value);

const FORMATS: Record<Unit, (value: number) => string> = {
  number: formatNumber,
  seconds: signed((value) => formatDuration(seconds(value))),
  bytes: signed(formatBytes),
  ratio: signed((value) => formatRatio(ratio(value))),
  "per second": (value) => `${formatNumber(value)}\u202f/s`,
  "bytes per second": signed((value) => `${formatBytes(value)}/s`),
};

/** How values of a unit are written. */
export function formatIn(unit: Unit): (value: number | null) => string {
  return (value) => (value === null || Number.isNaN(value) ? NO_VALUE : Number.isFinite(value) ? FORMATS[unit](value) : formatNumber(value));
}

/** The unit that the last words of a name tell. */
function unitOfName(name: string, metrics: readonly Metric[]): Unit {
  const base = name.replace(/_(bucket|count|sum|total)$/, "");
  const declared = metrics.find((metric) => metric.name === name || metric.name === base)?.unit;
  if (/_seconds$/.test(base) || declared === "seconds" || declared === "s") return "seconds";
  if (/_bytes$/.test(base) || declared === "bytes" || declared === "By") return "bytes";
  if (/_ratio$/.test(base) || declared === "ratio") return "ratio";
  return "number";
}

/** The unit of a query's values, as far as its words tell; `number` where they do not. */
export function guessUnit(expr: string, metrics: readonly Metric[]): Unit {
  const names = metricNames(expr).filter((name) => !/^(inf|nan)$/i.test(name));
  const [first] = names;
  if (!first) return "number";
  const unit = unitOfName(first, metrics);
  if (/\bhistogram_(quantile|avg|stddev)\s*\(/.test(expr)) return unit;
  if (/^\s*(count|count_values|absent|group)\b/.test(expr) || /\b(histogram_count|changes|resets|count_over_time)\s*\(/.test(expr)) return "number";
  const per = /\b(rate|irate|deriv)\s*\(/.test(expr);
  if (/\//.test(expr)) {
    if (/_sum$/.test(first) && names.some((name) => /_count$/.test(name))) return unit;
    return names.length > 1 && names.every((name) => unitOfName(name, metrics) === unit) ? "ratio" : "number";
  }
  if (/_count$|_bucket$/.test(first)) return per ? "per second" : "number";
  if (!per) return unit;
  if (unit === "seconds") return "number";
  return unit === "bytes" ? "bytes per second" : "per second";
}

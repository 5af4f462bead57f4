/** What to cut first, by what is stored: how much it brings, and the setting that does it; pure. */

import type { Guard, Stored } from "../../api/stored";
import { formatBytes, formatCount, formatRatio, ratio } from "../../units";

export interface Advice {
  readonly what: string;
  readonly why: string;
  /** Bytes less on the disk once every day of the retention is full; null where it cannot be told. */
  readonly saves: number | null;
  readonly how: string;
  /** Lines of the settings file, to copy; empty where it is done elsewhere. */
  readonly setting: string;
}

/** A share of the disk below which a kind is not worth cutting. */
const WORTH_RATIO = 0.3;
const MANY_VALUES = 100;
/** Sampling is worth its while from so many spans a second on. */
const MANY_SPANS = 20;
const KEPT_RATIO = 0.25;
/** Samples that thinning out leaves of a series in an hour: first, last, smallest, largest of 300 s. */
const THINNED = 48;
const WEEK = 7;

/** The cuts that bring most, the largest first; none where nothing stands out. */
export function adviseCuts(stored: Stored, guard: Guard | undefined): Advice[] {
  const all: (Advice | null)[] = [
    fewerDays(stored), fewerTraces(stored), largestService(stored), thinnerMetrics(stored), widestLabel(stored),
  ];
  const fold = guard?.folds[0];
  if (fold) {
    all.push({
      what: `label ${fold.label} of ${fold.metric}`,
      why: `${formatCount(fold.values)} values, folded past ${formatCount(fold.budget)}`,
      saves: null,
      how: fold.advice,
      setting: "",
    });
  }
  return all.filter((one) => one !== null).toSorted((a, b) => (b.saves ?? 0) - (a.saves ?? 0));
}

const largest = ({ kinds }: Stored) => kinds.toSorted((a, b) => b.bytes - a.bytes)[0];
const isLarge = (bytes: number, used: number) => used > 0 && bytes / used >= WORTH_RATIO;

function fewerDays(stored: Stored): Advice | null {
  const kind = largest(stored);
  if (!kind || !isLarge(kind.bytes, stored.used_bytes) || kind.kind === "alerts") return null;
  const fewer = Math.max(1, Math.floor(kind.days_kept / 2));
  return {
    what: kind.kind,
    why: `${formatRatio(ratio(kind.bytes / stored.used_bytes))} of the disk, ${formatBytes(kind.growth_bytes)} more a day`,
    saves: kind.growth_bytes * (kind.days_kept - fewer),
    how: `Keep ${fewer} days instead of ${kind.days_kept}`,
    setting: `[store.retention]\n${kind.kind}_days = ${fewer}`,
  };
}

/** Spans a second in the newest step that is over. */
function spansNow({ growth }: Stored): number {
  const step = growth.filter(({ kind }) => kind === "traces").at(-2);
  return step ? step.rows / step.step : 0;
}

function fewerTraces(stored: Stored): Advice | null {
  const kind = stored.kinds.find((one) => one.kind === "traces");
  const rate = spansNow(stored);
  if (!kind || !isLarge(kind.bytes, stored.used_bytes) || rate < MANY_SPANS) return null;
  const budget = Math.round(rate * KEPT_RATIO);
  return {
    what: "traces that say nothing new",
    why: `${formatCount(rate)} spans a second`,
    saves: kind.growth_bytes * kind.days_kept * (1 - KEPT_RATIO),
    how: "Keep every failed and slow trace, and a sample of the others; counts and percentiles stay exact",
    setting: `[sampling]\nspans_per_second = ${budget}`,
  };
}

function largestService({ services, kinds, used_bytes: used }: Stored): Advice | null {
  const own = services.filter(({ service }) => service !== "").toSorted((a, b) => b.bytes - a.bytes)[0];
  const kind = kinds.find((one) => one.kind === own?.kind);
  if (!own || !kind || !isLarge(own.bytes, used) || kind.days_kept < 2) return null;
  return {
    what: `${own.kind} of ${own.service}`,
    why: `${formatRatio(ratio(own.bytes / used))} of the disk, ${formatCount(own.rows)} rows`,
    saves: (own.bytes / Math.max(1, kind.bytes)) * kind.growth_bytes * (kind.days_kept - 1),
    how: "Keep them for a day",
    setting: `[store.retention.services.${JSON.stringify(own.service)}]\n${own.kind}_days = 1`,
  };
}

function thinnerMetrics({ metrics, kinds, retention, used_bytes: used }: Stored): Advice | null {
  const kind = kinds.find((one) => one.kind === "metrics");
  const samples = metrics.reduce((sum, one) => sum + one.samples, 0);
  const each = samples / Math.max(1, metrics.reduce((sum, one) => sum + one.series, 0));
  const later = (kind?.days_kept ?? 0) - WEEK;
  if (!kind || retention.downsample_after_days || later < 1 || each < 2 * THINNED || !isLarge(kind.bytes, used)) return null;
  return {
    what: "old metric samples",
    why: `a series has ${formatCount(each)} samples an hour`,
    saves: kind.growth_bytes * later * (1 - THINNED / each),
    how: `Thin out those older than ${WEEK} days; rates and extremes stay the same`,
    setting: `[store.retention]\ndownsample_after_days = ${WEEK}`,
  };
}

function widestLabel({ labels, kinds, metrics }: Stored): Advice | null {
  const label = labels.toSorted((a, b) => b.values - a.values)[0];
  if (!label || label.values < MANY_VALUES) return null;
  const kind = kinds.find((one) => one.kind === "metrics");
  const series = metrics.reduce((sum, one) => sum + one.series, 0);
  const part = series ? Math.min(1, label.series / series) : 0;
  return {
    what: `label ${label.label} of ${label.metric}`,
    why: `${formatCount(label.values)} values make ${formatCount(label.series)} series`,
    saves: kind && part ? part * (1 - MANY_VALUES / label.values) * kind.growth_bytes * kind.days_kept : null,
    how: `Leave it out where it is recorded, or keep ${MANY_VALUES} values apart and fold the rest; sums stay the same`,
    setting: `[guard]\ncardinality_rules = [${JSON.stringify(`${MANY_VALUES} metric=${label.metric} label=${label.label}`)}]`,
  };
}

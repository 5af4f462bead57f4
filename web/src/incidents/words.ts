/** Investigations and incidents in words; pure. */

import type { Effect, FixVerdict, Suspect, Verdict } from "../api/incidents";
import { formatCount, formatDuration, formatRate, formatRatio, NO_VALUE, perSecond, ratio, seconds } from "../units";

/** A number with its unit, as findings name units. */
export function formatUnit(value: number | null | undefined, unit: string): string {
  if (value == null || !Number.isFinite(value)) return NO_VALUE;
  switch (unit) {
    case "s":
      return formatDuration(seconds(value));
    case "ms":
      return formatDuration(seconds(value / 1000));
    case "ratio":
    case "share":
      return formatShare(value);
    case "1":
      return Math.abs(value) <= 1 ? formatShare(value) : plain(value);
    case "/s":
    case "1/s":
      return value < 0 ? `−${formatRate(perSecond(-value))}` : formatRate(perSecond(value));
    case "%":
      return formatShare(value / 100);
    default:
      return `${Number.isInteger(value) ? formatCount(value) : plain(value)}\u202f${value === 1 ? unit.replace(/s$/, "") : unit}`.trim();
  }
}

function formatShare(value: number): string {
  return value < 0 ? `−${formatRatio(ratio(-value))}` : formatRatio(ratio(value));
}

function plain(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** The change of an effect with its sign: `+286 ms`. */
export function formatChange(change: number | null | undefined, unit: string): string {
  if (change == null) return NO_VALUE;
  const text = formatUnit(Math.abs(change), unit);
  return `${change < 0 ? "−" : "+"}${text}`;
}

/** How often a measure became what it was: `12.9×`; empty where that says nothing. */
export function formatFactor({ before, after }: Pick<Effect, "before" | "after">): string {
  if (before === null || after === null || before <= 0 || after < 0) return "";
  const factor = after / before;
  if (factor >= 1.995) return `${plain(factor)}×`;
  return factor < 0.5 && factor > 0 ? `÷${plain(1 / factor)}` : "";
}

/** What evidence is about, without the part of time that its number is of. */
export function sayMeasure(title: string): string {
  return title.replace(/ (before|since then|then|now)$/, "");
}

export function sayConfidence(confidence: number): string {
  if (confidence >= 0.8) return "high";
  return confidence >= 0.5 ? "medium" : "low";
}

/** How much of the damage a suspect explains: `87 % (80 % to 93 %)`. */
export function sayExplained({ explained, explained_low: low, explained_high: high }: Pick<Suspect, "explained" | "explained_low" | "explained_high">): string {
  if (explained === null) return "";
  const percent = (share: number) => `${Math.round(share * 100)}\u202f%`;
  return low === null || high === null ? percent(explained) : `${percent(explained)} (${percent(low)} to ${percent(high)})`;
}

export const VERDICTS: Record<Verdict, { text: string; why: string }> = {
  explained: { text: "Cause found", why: "A cause is named with high confidence." },
  partial: { text: "Found where, not why", why: "It is known where it happens, but not what caused it." },
  unexplained: { text: "No clear cause", why: "The symptom is there, and no suspect stood up to the evidence." },
  no_change: { text: "No change found", why: "Nothing beyond the usual was found in this time." },
};

export const FIXES: Record<FixVerdict, { text: string; why: string }> = {
  too_early: { text: "too early to say", why: "The requests since the fix do not decide it yet." },
  recovered: { text: "recovered", why: "It is as it was before; this is said wrongly at most once in a hundred." },
  improved: { text: "improved, not recovered", why: "Better than during the incident, but not as it was before." },
  not_recovered: { text: "not recovered", why: "As bad as during the incident." },
  relapsed: { text: "came back", why: "It had recovered and became bad again." },
};

export const KINDS: Record<Suspect["kind"], string> = {
  slice: "part of the traffic",
  operation: "step",
  mediator: "condition",
  dependency: "dependency",
  log: "log lines",
  feature: "feature",
  resource: "resource",
  release: "release",
  change: "change",
  traffic: "traffic",
  configuration: "configuration",
};

/** Attributes and values: `region us-east, model_version v23.1`; `other` where there are none. */
export function sayScope(scope: Readonly<Record<string, string>>, other = "everybody"): string {
  const parts = Object.entries(scope).map(([name, value]) => `${name} ${value || "not said"}`);
  return parts.join(", ") || other;
}

/** Where the numbers of an effect stand on a line from `low` to `high`, as parts of it. */
export function placeEffect({ before, after, low, high }: Effect) {
  if (before === null || after === null) return null;
  const ends = low === null || high === null ? null : ([before + low, before + high] as const);
  const all = [0, before, after, ...(ends ?? [])].filter(Number.isFinite);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const length = most - least || 1;
  const place = (value: number) => Math.min(1, Math.max(0, (value - least) / length));
  return {
    before: place(before),
    after: place(after),
    interval: ends && ([place(ends[0]), place(ends[1])] as const),
  };
}

interface Moment {
  time: number;
  kind: string;
  text: string;
  link: string;
}

/** Several timelines as one, oldest first, without what two of them say. */
export function mergeTimelines<M extends Moment>(...timelines: readonly (readonly M[])[]): M[] {
  const seen = new Map<string, M>();
  for (const moment of timelines.flat()) {
    const key = `${Math.round(moment.time)} ${moment.kind} ${moment.text}`;
    if (!seen.has(key)) seen.set(key, moment);
  }
  return [...seen.values()].sort((a, b) => a.time - b.time);
}

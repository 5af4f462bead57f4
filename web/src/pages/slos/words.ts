/** Numbers and windows of SLOs as text; pure. */

import type { BurnRate, Slo } from "../../api/slos";
import { formatDuration, formatRatio, NO_VALUE, ratio, seconds } from "../../units";

/** An objective with every digit that it has: `99.95 %`. */
export function formatObjective(objective: number): string {
  return `${Number((objective * 100).toPrecision(7))}\u202f%`;
}

/** What is left of a budget as percent; more than all of it may be spent. */
export function formatBudget(left: number | null): string {
  if (left === null) return NO_VALUE;
  return left < 0 ? `−${formatRatio(ratio(-left))}` : formatRatio(ratio(left));
}

/** What an SLO allows: `at most 1 % requests that failed, over a 30-day period`. */
export function sayPromise({ objective, sli, period }: Pick<Slo, "objective" | "sli" | "period">): string {
  return `at most ${formatObjective(1 - objective)} ${sli}, over a ${period} period`;
}

/** How many times faster than allowed a budget burns: `2.31×`. */
export function formatBurn(rate: number | null): string {
  if (rate === null) return NO_VALUE;
  if (rate > 0 && rate < 0.01) return "<0.01×";
  return `${Number(rate.toPrecision(3))}×`;
}

/** A window of an alert: `5 m`, `6 h`, `3 d`. */
export function formatWindow(length: number): string {
  for (const [unit, name] of [[86_400, "d"], [3_600, "h"], [60, "m"]] as const) {
    if (length >= unit && length % unit === 0 && (unit > 60 || length < 3_600)) return `${length / unit}\u202f${name}`;
  }
  return formatDuration(seconds(length));
}

/** Whether an alert's condition holds now, as a word. */
export function sayBurning({ burning, long, short }: Pick<BurnRate, "burning" | "long" | "short">): string {
  if (burning) return "burning";
  return long === null || short === null ? "not measured" : "quiet";
}

const UNIT_S: Record<string, number> = { day: 86_400, hour: 3_600 };

/**
 * How long the budget lasts at the rate of now; empty where nobody can tell. A rate of 1 spends a whole
 * budget in exactly one period; what leaves a rolling period meanwhile is not counted.
 */
export function sayForecast({ budget_left: left, burn_rates: rates, period }: Pick<Slo, "budget_left" | "burn_rates" | "period">): string {
  const [, count, unit = ""] = /^(\d+)-(day|hour)$/.exec(period) ?? [];
  const measured = rates.find(({ long }) => long !== null);
  if (!count || measured?.long == null || left === null || left <= 0) return "";
  const past = `At the rate of the last ${formatWindow(measured.long_window)}`;
  if (measured.long <= 1) return `${past} the budget does not run out.`;
  return `${past} what is left of the budget lasts ${formatDuration(seconds((left * Number(count) * (UNIT_S[unit] ?? 0)) / measured.long))}.`;
}

/** A group as text: `region us-east`; everything together where it has no labels. */
export function sayGroup(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name} ${value || "not said"}`);
  return parts.join(", ") || "all together";
}

/** True where a runbook is a web page rather than text. */
export function isLink(runbook: string): boolean {
  return /^https?:\/\//.test(runbook);
}

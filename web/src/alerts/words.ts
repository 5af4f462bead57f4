/** Alerts in words; pure. */

import type { Alert, AlertEvent, Condition } from "../api/alerts";
import { formatDuration, formatRatio, NO_VALUE, ratio, seconds } from "../units";

type Said = Pick<Alert, "name" | "annotations">;

/** An alert in a sentence: its summary, else its description, else its name. */
export function sayAlert({ name, annotations }: Said): string {
  return annotations["summary"] || annotations["description"] || annotations["message"] || name;
}

/** What an alert says beyond its sentence; empty where there is no more. */
export function sayMore(alert: Said): string {
  const more = alert.annotations["description"] ?? "";
  return more === sayAlert(alert) ? "" : more;
}

export function severityOf({ labels }: Pick<Alert, "labels">): string {
  return labels["severity"] ?? "";
}

export function ownerOf({ labels, annotations }: Pick<Alert, "labels" | "annotations">): string {
  return labels["owner"] || labels["team"] || annotations["owner"] || "";
}

export function serviceOf({ labels }: Pick<Alert, "labels">): string {
  return labels["service"] || labels["service_name"] || labels["job"] || "";
}

/** Labels that nothing else on the screen says already. */
const SAID_ELSEWHERE = new Set(["alertname", "severity", "owner", "team", "service", "service_name"]);

export function restOfLabels({ labels }: Pick<Alert, "labels">): [string, string][] {
  return Object.entries(labels)
    .filter(([name]) => !SAID_ELSEWHERE.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** How long an alert has been in its state, or was: `for 12 m 03 s`, `lasted 4 m 10 s`. */
export function sayLength(alert: Pick<Alert, "state" | "active" | "fired" | "resolved">, now: number): string {
  const { state, active, fired, resolved } = alert;
  if (state === "resolved" || state === "inactive") {
    const end = resolved ?? active;
    return `lasted ${formatDuration(seconds(Math.max(1, Math.round(end - (fired ?? active)))))}`;
  }
  const since = state === "firing" ? (fired ?? active) : active;
  return `for ${formatDuration(seconds(Math.max(1, Math.round(now - since))))}`;
}

/** When an alert came into its state. */
export function sinceOf({ state, active, fired, resolved }: Pick<Alert, "state" | "active" | "fired" | "resolved">): number {
  if (state === "firing") return fired ?? active;
  return state === "pending" ? active : (resolved ?? active);
}

/** A text for a matcher that is equal to a label: `region="us-east"`. */
export function matcherFor(name: string, value: string): string {
  const written = /^[^\s=!~"{},]+$/.test(name) ? name : quoted(name);
  return `${written}=${quoted(value)}`;
}

function quoted(text: string): string {
  return `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;
}

const MATCHER = /^\s*("(?:[^"\\]|\\.)*"|[^\s=!~"{},]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"]*?)\s*$/s;

/** What is wrong with a matcher, or null: the server looks closer. */
export function matcherProblem(text: string): string | null {
  const form = MATCHER.exec(text);
  if (!form) return 'Write label="value", or with !=, =~ or !~';
  const value = form[3] ?? "";
  if (!form[2]?.includes("~")) return null;
  try {
    new RegExp(value.startsWith('"') ? value.slice(1, -1) : value);
    return null;
  } catch {
    return "This is no regular expression";
  }
}

/** Labels that say which evaluation an alert comes from rather than what is wrong. */
const TOO_NARROW = new Set(["window", "instance"]);

/** Matchers that a silence of an alert begins with. */
export function matchersOf({ labels }: Pick<Alert, "labels">): string[] {
  return Object.entries(labels)
    .filter(([name]) => !TOO_NARROW.has(name))
    .sort(([a], [b]) => Number(b === "alertname") - Number(a === "alertname") || (a < b ? -1 : 1))
    .map(([name, value]) => matcherFor(name, value));
}

/** A number with at most four digits that count. */
function plain(value: number): string {
  const size = Math.abs(value);
  return size >= 1e6 || (size > 0 && size < 1e-4) ? value.toPrecision(3) : String(Number(value.toPrecision(4)));
}

/** How the values of an expression read, guessed from the names of its metrics. */
export function formatFor(expr: string): (value: number) => string {
  const measure = expr.toLowerCase();
  if (/_seconds(_|\b)/.test(measure) && !/_count\b/.test(measure.replace(/_sum[^/]*\/[^/]*_count/g, "")) ) {
    return (value) => formatDuration(seconds(value));
  }
  if (/ratio(_|\b)|:ratio/.test(measure)) return (value) => (value < 0 ? plain(value) : formatRatio(ratio(value)));
  return plain;
}

/** A value that an alert has, in the unit of its expression. */
export function formatValue(value: number | null, expr: string): string {
  return value === null ? NO_VALUE : formatFor(expr)(value);
}

/** When a condition holds, in words: `above 200 ms`. */
export function sayCondition({ expr, op, threshold }: Condition): string {
  if (threshold === null) return op ? `${op} its bound` : "";
  const words: Record<string, string> = { ">": "above", ">=": "at or above", "<": "below", "<=": "at or below", "==": "equal to", "!=": "other than" };
  return `${words[op] ?? op} ${formatFor(expr)(threshold)}`;
}

/** Changes of an alert without those that only add to one before them. */
export function mainEvents(events: readonly AlertEvent[]): AlertEvent[] {
  return events.filter(({ reason }) => reason !== "trace");
}

/** Firing alerts that people are told of: the number on the navigation. */
export function countFiring(alerts: readonly Alert[]): number {
  return alerts.filter(({ state, muted_by: mutes }) => state === "firing" && mutes.length === 0).length;
}

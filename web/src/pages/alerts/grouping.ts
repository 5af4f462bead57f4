/** Which alerts stand together, which are found, and how many there are; pure. */

import { ownerOf, sayAlert, serviceOf, severityOf } from "../../alerts/words";
import type { Alert } from "../../api/alerts";

export type Grouping = "service" | "name" | "severity" | "owner" | "none";

export const GROUPINGS: readonly (readonly [Grouping, string])[] = [
  ["service", "service"],
  ["name", "alert"],
  ["severity", "severity"],
  ["owner", "owner"],
  ["none", "nothing"],
];

const KEYS: Record<Grouping, (alert: Alert) => string> = {
  service: (alert) => serviceOf(alert) || "no service named",
  name: ({ name }) => name,
  severity: (alert) => severityOf(alert) || "no severity named",
  owner: (alert) => ownerOf(alert) || "nobody named",
  none: () => "",
};

/** Groups in the order of their first alert: the server puts what needs somebody first. */
export function groupAlerts(alerts: readonly Alert[], by: Grouping): { name: string; alerts: Alert[] }[] {
  const groups = new Map<string, Alert[]>();
  for (const alert of alerts) {
    const name = KEYS[by](alert);
    const group = groups.get(name);
    if (group) group.push(alert);
    else groups.set(name, [alert]);
  }
  return [...groups].map(([name, members]) => ({ name, alerts: members }));
}

/** True where every word is in the alert's texts or labels. */
export function isFound(alert: Alert, wanted: string): boolean {
  const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`);
  const text = [alert.name, sayAlert(alert), ...labels].join("\n").toLowerCase();
  return wanted.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** How many alerts there are, in a sentence: `2 fire (1 page), 1 pending, 1 over lately; 1 silenced or muted`. */
export function say(alerts: readonly Alert[]): string {
  const count = (state: Alert["state"]) => alerts.filter((alert) => alert.state === state).length;
  const [firing, pending, over] = [count("firing"), count("pending"), count("resolved")];
  if (alerts.length === 0) return "Nothing fires.";
  const pages = alerts.filter((alert) => alert.state === "firing" && severityOf(alert) === "page").length;
  const muted = alerts.filter(({ state, muted_by: mutes }) => state === "firing" && mutes.length > 0).length;
  const parts = [
    firing ? `${firing} ${firing === 1 ? "fires" : "fire"}${pages ? ` (${pages} page)` : ""}` : "none fires",
    ...(pending ? [`${pending} pending`] : []),
    ...(over ? [`${over} over lately`] : []),
  ];
  return `${parts.join(", ")}${muted ? `; of ${muted} nobody is told` : ""}.`;
}

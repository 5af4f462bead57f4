/** What an alert or notification is, in word, shape and colour. */

import type { Alert, AlertEvent, DeliveryStatus } from "../api/alerts";
import { BadIcon, ClockIcon, OkIcon, SilentIcon, WarnIcon } from "../ui/icons";
import css from "./alerts.module.css";

const STATES = {
  firing: { icon: BadIcon, text: "firing", why: "Its condition holds, for as long as its rule asks." },
  pending: { icon: ClockIcon, text: "pending", why: "Its condition holds, but not yet for as long as its rule asks." },
  resolved: { icon: OkIcon, text: "over", why: "It fired, and its condition holds no longer." },
  inactive: { icon: SilentIcon, text: "went away", why: "It was pending, and its condition ceased to hold before it fired." },
} as const;

export function AlertBadge({ state, muted = false }: { state: AlertEvent["state"]; muted?: boolean }) {
  const { icon: Icon, text, why } = STATES[state];
  return (
    <span className={css.state} data-state={muted ? "muted" : state} title={why} data-testid="alert-state">
      <Icon size={15} />
      {text}
    </span>
  );
}

/** How grave an alert is, in the rules' own word. */
export function Severity({ severity }: { severity: string }) {
  if (!severity) return null;
  return (
    <span className={css.severity} data-severity={severity} data-testid="severity">
      {severity}
    </span>
  );
}

const DELIVERIES = {
  sent: { icon: OkIcon, text: "sent" },
  queued: { icon: ClockIcon, text: "on its way" },
  dead: { icon: BadIcon, text: "given up" },
} as const;

export function DeliveryBadge({ status }: { status: DeliveryStatus }) {
  const { icon: Icon, text } = DELIVERIES[status];
  return (
    <span className={css.state} data-state={status} data-testid="delivery-status">
      <Icon size={15} />
      {text}
    </span>
  );
}

/** Why nobody is told of an alert, and who looks after it. */
export function Notes({ alert }: { alert: Alert }) {
  const { muted_by: mutes, acknowledged, flapping, changes } = alert;
  if (mutes.length === 0 && !acknowledged && !flapping) return null;
  return (
    <ul className={css.notes} data-testid="alert-notes">
      {acknowledged && (
        <li>
          <OkIcon size={14} />
          <span>
            <strong>{acknowledged.author || "Somebody"}</strong> looks after it{acknowledged.comment && `: ${acknowledged.comment}`}
          </span>
        </li>
      )}
      {mutes.map(({ kind, id, comment }) => (
        <li key={`${kind} ${id}`}>
          <SilentIcon size={14} />
          <span>{sayMute(kind, comment)}</span>
        </li>
      ))}
      {flapping && (
        <li>
          <WarnIcon size={14} />
          <span>flapping: it began or ended {changes} times in the last hour</span>
        </li>
      )}
    </ul>
  );
}

function sayMute(kind: Alert["muted_by"][number]["kind"], comment: string): string {
  if (kind === "inhibition") return `nobody is told, since ${comment || "a graver alert"} fires`;
  const what = kind === "silence" ? "silenced" : "in maintenance";
  return comment ? `${what}: ${comment}` : what;
}

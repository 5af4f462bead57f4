/** How a service does, by its own requests and by open incidents; in word, shape and colour. */

import type { Service } from "../api/shapes";
import { BadIcon, OkIcon, SilentIcon, WarnIcon } from "./icons";
import css from "./verdict.module.css";

export type Verdict = "failing" | "incident" | "errors" | "silent" | "ok";

/** Above this part of failed requests a service is failing; above the other it has errors. */
const FAILING_RATIO = 0.05;
const ERRORS_RATIO = 0.01;
/** A service is silent when nothing came for this long, or for two steps of the chart. */
const SILENT_S = 60;

const LOOKS = {
  failing: { icon: BadIcon, text: "failing", why: "5 % of requests or more fail" },
  incident: { icon: WarnIcon, text: "incident", why: "an incident of this service is open" },
  errors: { icon: WarnIcon, text: "errors", why: "1 % of requests or more fail" },
  silent: { icon: SilentIcon, text: "silent", why: "no request for a minute or more" },
  ok: { icon: OkIcon, text: "ok", why: "requests come, and less than 1 % fail" },
} as const;

export const WORST_FIRST: readonly Verdict[] = ["failing", "incident", "errors", "silent", "ok"];

/** Judges a share of failed requests; nothing where it is usual. */
export function judgeErrors(errorRatio: number): "failing" | "errors" | undefined {
  if (errorRatio >= FAILING_RATIO) return "failing";
  return errorRatio >= ERRORS_RATIO ? "errors" : undefined;
}

/** Judges a row of the overview; `end` and `step` are those of its window. */
export function judge(
  service: Pick<Service, "service" | "error_ratio" | "last_seen">,
  { end, step }: { end: number; step: number },
  troubled: ReadonlySet<string>,
): Verdict {
  const errors = judgeErrors(service.error_ratio);
  if (errors !== "failing" && troubled.has(service.service)) return "incident";
  if (errors) return errors;
  return end - service.last_seen > Math.max(SILENT_S, 2 * step) ? "silent" : "ok";
}

export function VerdictBadge({ verdict }: { verdict: Verdict }) {
  const { icon: Icon, text, why } = LOOKS[verdict];
  return (
    <span className={css[verdict]} title={why} data-testid="verdict">
      <Icon size={15} />
      {text}
    </span>
  );
}

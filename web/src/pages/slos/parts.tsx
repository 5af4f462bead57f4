/** What the list and the page of an SLO share: its state, its budget. */

import type { SloState } from "../../api/slos";
import { BadIcon, OkIcon, SilentIcon, WarnIcon } from "../../ui/icons";
import { formatBudget } from "./words";
import css from "./slos.module.css";

const LOOKS = {
  burning: { icon: BadIcon, text: "burning", why: "Bad events come so fast that an alert's windows are both over their threshold." },
  exhausted: { icon: WarnIcon, text: "exhausted", why: "The budget of this period is spent." },
  unmeasured: { icon: SilentIcon, text: "unmeasured", why: "Nothing that this SLO counts was measured in its period." },
  ok: { icon: OkIcon, text: "ok", why: "There is budget left, and it does not burn fast." },
} as const;

/** The order in which SLOs need somebody. */
export const WORST_FIRST: readonly SloState[] = ["burning", "exhausted", "unmeasured", "ok"];

export function StateBadge({ state }: { state: SloState }) {
  const { icon: Icon, text, why } = LOOKS[state];
  return (
    <span className={css.state} data-state={state} title={why} data-testid="slo-state">
      <Icon size={15} />
      {text}
    </span>
  );
}

/** What is left of a budget as a number and a bar; an unmeasured one is said to be so. */
export function Budget({ left }: { left: number | null }) {
  if (left === null) return <span className={css.none}>not measured</span>;
  const level = left <= 0 ? "spent" : left < 0.25 ? "low" : "good";
  return (
    <span className={css.budget} data-level={level}>
      <strong>{formatBudget(left)}</strong>
      {left < 0 && <span className={css.over}>overspent</span>}
      <span className={css.track} aria-hidden="true">
        <span style={{ width: `${Math.min(1, Math.max(0, left)) * 100}%` }} />
      </span>
    </span>
  );
}

/** Verdicts of the watch over drift: each a shape, a word, and what it means. */

import type { Finding, Reading } from "../../api/drift";
import { BadIcon, FilterInIcon, OkIcon, SilentIcon, WarnIcon } from "../../ui/icons";
import css from "./drift.module.css";

export type Kind = Reading["verdict"] | Finding["kind"];

export const LOOKS = {
  missing: { icon: BadIcon, text: "missing", why: "more predictions come without the feature than in the reference" },
  drifted: { icon: WarnIcon, text: "drifted", why: "PSI is above what chance makes of so few rows" },
  new_category: { icon: FilterInIcon, text: "new categories", why: "categories that the reference has not" },
  accept_rate: { icon: WarnIcon, text: "accepted less", why: "users accept the predictions less often than before" },
  stable: { icon: OkIcon, text: "stable", why: "like the reference, as far as chance lets one see" },
  too_few: { icon: SilentIcon, text: "too few rows", why: "fewer than 100: nothing is said of the distribution" },
} as const;

export function VerdictMark({ verdict, size = 14 }: { verdict: Kind; size?: number }) {
  const Icon = LOOKS[verdict].icon;
  return (
    <span className={css.mark} data-verdict={verdict}>
      <Icon size={size} />
    </span>
  );
}

/** The verdict's shape and word, and whether it was told already. */
export function Verdict({ verdict, held = true }: { verdict: Kind; held?: boolean }) {
  const waits = !held && verdict !== "stable" && verdict !== "too_few";
  return (
    <span className={css.verdict} title={LOOKS[verdict].why}>
      <VerdictMark verdict={verdict} size={15} />
      {LOOKS[verdict].text}
      {waits && <span className={css.faint}>(seen once: told when it is seen again)</span>}
    </span>
  );
}

/** What the shapes and the depth of colour mean. */
export function Legend() {
  return (
    <div className={css.legend} data-testid="drift-legend">
      {Object.entries(LOOKS)
        .filter(([verdict]) => verdict !== "accept_rate") // of findings alone
        .map(([verdict, { text, why }]) => (
        <span key={verdict} title={why}>
          <VerdictMark verdict={verdict as Kind} />
          {text}
        </span>
      ))}
      <span>
        <strong>4.0×</strong> PSI is four times what chance alone passes
      </span>
    </div>
  );
}

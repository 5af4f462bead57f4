/** What to cut first, by what is stored. */

import type { Guard, Stored } from "../../api/stored";
import { formatBytes, formatCount, formatRatio, ratio } from "../../units";

export interface Advice {
  readonly what: string;
  readonly why: string;
  readonly how: string;
}

/** A share of the disk below which a kind is not worth cutting. */
const WORTH_RATIO = 0.3;
const MANY_VALUES = 100;

/** The cuts that bring most, the largest first; none where nothing stands out. */
export function adviseCuts(stored: Stored, guard: Guard | undefined): Advice[] {
  const all: (Advice | null)[] = [largestKind(stored), largestService(stored), widestLabel(stored)];
  const fold = guard?.folds[0];
  if (fold) {
    all.push({
      what: `label ${fold.label} of ${fold.metric}`,
      why: `${formatCount(fold.values)} values, folded past ${formatCount(fold.budget)}`,
      how: fold.advice,
    });
  }
  return all.filter((one) => one !== null);
}

function largestKind({ kinds, used_bytes: used }: Stored): Advice | null {
  const kind = kinds.toSorted((a, b) => b.bytes - a.bytes)[0];
  if (!kind || !used || kind.bytes / used < WORTH_RATIO || kind.kind === "alerts") return null;
  const fewer = Math.max(1, Math.floor(kind.days_kept / 2));
  return {
    what: kind.kind,
    why: `${formatRatio(ratio(kind.bytes / used))} of the disk, ${formatBytes(kind.growth_bytes)} more a day`,
    how: `Keep fewer days: [store.retention] ${kind.kind}_days = ${fewer}`,
  };
}

function largestService({ services, used_bytes: used }: Stored): Advice | null {
  const own = services.filter(({ service }) => service !== "").toSorted((a, b) => b.bytes - a.bytes)[0];
  if (!own || !used || own.bytes / used < WORTH_RATIO) return null;
  return {
    what: `${own.kind} of ${own.service}`,
    why: `${formatRatio(ratio(own.bytes / used))} of the disk, ${formatCount(own.rows)} rows`,
    how: `Keep them for less time: [store.retention.services.${JSON.stringify(own.service)}] ${own.kind}_days = 1`,
  };
}

function widestLabel({ labels }: Stored): Advice | null {
  const label = labels.toSorted((a, b) => b.values - a.values)[0];
  if (!label || label.values < MANY_VALUES) return null;
  return {
    what: `label ${label.label} of ${label.metric}`,
    why: `${formatCount(label.values)} values make ${formatCount(label.series)} series`,
    how: "Leave it out where it is recorded, or give it a budget in guard.cardinality_rules",
  };
}

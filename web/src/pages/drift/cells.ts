/** Readings as a heat map: which rows and columns there are, and what a cell says. */

import type { Reading } from "../../api/drift";
import { formatRatio, ratio } from "../../units";

/** What stands for all versions in the API. */
export const ALL = "*";

export type Split = "all" | "versions" | "segments";

/** The part of the traffic that a column shows. */
export interface Scope {
  readonly version: string;
  readonly segment: string;
  readonly value: string;
}

/** A version and the scopes within it, the whole version first. */
export interface Group {
  readonly version: string;
  readonly scopes: readonly Scope[];
}

export interface Grid {
  readonly groups: readonly Group[];
  readonly features: readonly string[];
  readonly find: (feature: string, scope: Scope) => Reading | undefined;
}

const key = (...parts: string[]) => JSON.stringify(parts);
const scopeKey = ({ version, segment, value }: Scope) => key(version, segment, value);
const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** All versions before any version, a whole before its parts. */
function compareScopes(a: Scope, b: Scope): number {
  if (a.version !== b.version) {
    if (a.version === ALL || b.version === ALL) return a.version === ALL ? -1 : 1;
    return a.version.localeCompare(b.version, "en", { numeric: true });
  }
  return byText(a.segment, b.segment) || byText(a.value, b.value);
}

function isShown({ version, segment }: Scope, split: Split): boolean {
  if (split === "versions") return segment === "";
  if (split === "segments") return version === ALL;
  return true;
}

export const scopeOf = (reading: Reading): Scope => ({
  version: reading.model_version,
  segment: reading.segment,
  value: reading.value,
});

/** Lays a model's readings out; the features that deviate most come first. */
export function makeGrid(readings: readonly Reading[], split: Split): Grid {
  const scopes = new Map<string, Scope>();
  const cells = new Map<string, Reading>();
  const worst = new Map<string, number>();
  for (const reading of readings) {
    const scope = scopeOf(reading);
    worst.set(reading.feature, Math.max(worst.get(reading.feature) ?? 0, badness(reading)));
    if (!isShown(scope, split)) continue;
    scopes.set(scopeKey(scope), scope);
    cells.set(key(reading.feature, scopeKey(scope)), reading);
  }
  const groups = new Map<string, Scope[]>();
  for (const scope of [...scopes.values()].sort(compareScopes)) {
    groups.set(scope.version, [...(groups.get(scope.version) ?? []), scope]);
  }
  return {
    groups: [...groups].map(([version, members]) => ({ version, scopes: members })),
    features: [...worst].sort(([a, one], [b, other]) => other - one || byText(a, b)).map(([name]) => name),
    find: (feature, scope) => cells.get(key(feature, scopeKey(scope))),
  };
}

function badness(reading: Reading): number {
  if (reading.held) return 2;
  return isFault(reading) ? 1 : 0;
}

export function isFault({ verdict }: Pick<Reading, "verdict">): boolean {
  return verdict !== "stable" && verdict !== "too_few";
}

/** PSI as a multiple of what chance alone passes; null where there is no PSI. */
export function timesChance({ psi, psi_critical }: Pick<Reading, "psi" | "psi_critical">): number | null {
  return psi === null || psi_critical === null || psi_critical <= 0 ? null : psi / psi_critical;
}

/** `0.42×` of what chance passes, at two digits. */
export function formatTimes(times: number | null): string {
  if (times === null) return "–";
  if (times >= 9.95) return `${Math.round(times)}×`;
  return `${times.toFixed(1)}×`;
}

/** How deep a multiple of chance is coloured, 0 to 1. */
export function shade(times: number | null): number {
  return times !== null && times > 1 ? Math.min(1, 0.25 + Math.log(times) / Math.log(30)) : 0;
}

/** The scopes of readings, each once: a whole before its parts. */
export function scopesOf(readings: readonly Reading[]): Scope[] {
  return [...new Map(readings.map((one) => [scopeKey(scopeOf(one)), scopeOf(one)])).values()].sort(compareScopes);
}

/** How deep a cell is coloured, 0 to 1: none up to chance, all of it at thirty times chance. */
export function depth(reading: Reading): number {
  const moved = shade(timesChance(reading));
  const lost = reading.verdict === "missing" ? 0.35 + (reading.missing_ratio ?? 0) : 0;
  const strange = reading.verdict === "new_category" ? 0.35 + (reading.new_ratio ?? 0) : 0;
  const found = Math.min(1, Math.max(moved, lost, strange));
  return isFault(reading) ? found : Math.min(found, 0.12);
}

/** The two lines of a cell: the number that its verdict rests on, and what that number is. */
export function sayCell(reading: Reading): [string, string] {
  const times = formatTimes(timesChance(reading));
  const missing = formatRatio(ratio(reading.missing_ratio ?? 0));
  if (reading.verdict === "missing") return [missing, `missing · ${times}`];
  if (reading.verdict === "new_category") return [formatRatio(ratio(reading.new_ratio ?? 0)), `new · ${times}`];
  if (reading.verdict === "drifted") return [times, "drifted"];
  if (reading.missing_ratio) return [times, `${missing} missing`];
  return [times, reading.verdict === "too_few" ? "too few rows" : "stable"];
}

/** A range of numbers as people write it: `(-inf, 2.01124]` is `up to 2.011`. */
export function sayRange(bin: string): string {
  const found = /^[[(](\S+), (\S+)[\])]$/.exec(bin);
  if (!found) return bin;
  const [low, high] = [found[1] ?? "", found[2] ?? ""].map((edge) =>
    Number.isFinite(Number(edge)) ? String(Number(Number(edge).toPrecision(4))) : null,
  );
  if (low && high) return `${low} to ${high}`;
  if (high) return `up to ${high}`;
  return low ? `above ${low}` : "any";
}

export const versionName = (version: string) => (version === ALL ? "all versions" : version);
export const scopeName = (scope: Scope) => scope.value || "everywhere";

/** `v23.1, region ap-south` */
export function sayScope(scope: Scope): string {
  const part = scope.segment ? `${scope.segment} ${scope.value}` : "everywhere";
  return `${versionName(scope.version)}, ${part}`;
}

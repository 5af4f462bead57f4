/** Units as types, and the only places where numbers become text. */

declare const unit: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [unit]: Name };

/** Seconds since the epoch, or a length of time in seconds; may have a fraction. */
export type Seconds = Branded<number, "s">;
/** Nanoseconds since the epoch; too large for a JavaScript number. */
export type Nanos = Branded<bigint, "ns">;
/** A part of a whole, 0 to 1. */
export type Ratio = Branded<number, "ratio">;
/** Events in a second. */
export type PerSecond = Branded<number, "1/s">;

export const seconds = (value: number): Seconds => value as Seconds;
export const ratio = (value: number): Ratio => value as Ratio;
export const perSecond = (value: number): PerSecond => value as PerSecond;
export const nanos = (text: string): Nanos => BigInt(text) as Nanos;
export const nanosToSeconds = (value: Nanos): Seconds => (Number(value / 1000n) / 1e6) as Seconds;

/** What stands where a number would be but none can be computed. */
export const NO_VALUE = "–";
const NARROW_SPACE = "\u202f";

/** Three significant digits, without an exponent and without losing whole digits. */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

/** A length of time at three significant digits: `842 µs`, `12.4 ms`, `1.24 s`, `2 m 03 s`. */
export function formatDuration(value: Seconds | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NO_VALUE;
  const size = Math.abs(value);
  if (size === 0) return `0${NARROW_SPACE}s`;
  if (size < 0.9995e-6) return `${threeDigits(value * 1e9)}${NARROW_SPACE}ns`;
  if (size < 0.9995e-3) return `${threeDigits(value * 1e6)}${NARROW_SPACE}µs`;
  if (size < 0.9995) return `${threeDigits(value * 1e3)}${NARROW_SPACE}ms`;
  if (size < 60) return `${threeDigits(value)}${NARROW_SPACE}s`;
  return formatLongDuration(value);
}

/** Minutes and more, in the two largest units: `2 m 03 s`, `4 h 05 m`, `3 d 02 h`. */
function formatLongDuration(value: number): string {
  const whole = Math.round(Math.abs(value));
  const sign = value < 0 ? "-" : "";
  const two = (large: number, a: string, small: number, b: string) =>
    `${sign}${large}${NARROW_SPACE}${a} ${String(small).padStart(2, "0")}${NARROW_SPACE}${b}`;
  if (whole < 3600) return two(Math.floor(whole / 60), "m", whole % 60, "s");
  if (whole < 86_400) return two(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "m");
  return two(Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3600), "h");
}

/** A formatted number without the zeros that say nothing, for the ticks of an axis: `5 ms`, `2 %`. */
export function trimZeros(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

/** A part of a whole as percent; what is not zero never reads as zero. */
export function formatRatio(value: Ratio | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NO_VALUE;
  const percent = value * 100;
  if (percent === 0) return `0${NARROW_SPACE}%`;
  if (percent < 0.01) return `<${NARROW_SPACE}0.01${NARROW_SPACE}%`;
  return `${percent < 10 ? percent.toFixed(2) : percent.toFixed(1)}${NARROW_SPACE}%`;
}

/** Events a second; a slow trickle reads by the minute. */
export function formatRate(value: PerSecond | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NO_VALUE;
  if (value === 0) return `0${NARROW_SPACE}/s`;
  if (value < 0.1) return `${threeDigits(value * 60)}${NARROW_SPACE}/min`;
  return `${formatCompact(value, threeDigits)}${NARROW_SPACE}/s`;
}

/** A count with thousands apart: `12 340`. */
export function formatCount(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

/** A large number with k, M or G behind it. */
export function formatCompact(value: number, small: (value: number) => string = formatCount): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${threeDigits(value / 1e9)}G`;
  if (size >= 1e6) return `${threeDigits(value / 1e6)}M`;
  if (size >= 1e4) return `${threeDigits(value / 1e3)}k`;
  return small(value);
}

/** Bytes in binary units. */
export function formatBytes(value: number): string {
  let size = value;
  for (const name of ["B", "KiB", "MiB", "GiB"]) {
    if (size < 1024) return `${name === "B" ? size : threeDigits(size)}${NARROW_SPACE}${name}`;
    size /= 1024;
  }
  return `${threeDigits(size)}${NARROW_SPACE}TiB`;
}

/** How long ago: `now`, `12 s ago`, `3 m ago`. */
export function formatAgo(then: Seconds, now: Seconds): string {
  const passed = now - then;
  if (passed < 2) return "now";
  if (passed < 60) return `${Math.round(passed)}${NARROW_SPACE}s ago`;
  if (passed < 3600) return `${Math.floor(passed / 60)}${NARROW_SPACE}m ago`;
  if (passed < 86_400) return `${Math.floor(passed / 3600)}${NARROW_SPACE}h ago`;
  return `${Math.floor(passed / 86_400)}${NARROW_SPACE}d ago`;
}

/** Moments as text, in the time zone that the reader chose. */

import { seconds, type Nanos, type Seconds } from "../units";
import { usePreferences, type Zone } from "./preferences";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: Zone, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${name}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", {
      ...options,
      hourCycle: "h23",
      ...(zone === "utc" ? { timeZone: "UTC" } : {}),
    });
    formats.set(key, found);
  }
  return found;
}

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
const DAY = { day: "numeric", month: "short" } as const;

/** `14:03:20` */
export function formatClock(time: Seconds, zone: Zone): string {
  return format(zone, "clock", CLOCK).format(time * 1000);
}

/** `14:03` */
export function formatMinute(time: Seconds, zone: Zone): string {
  return format(zone, "minute", { hour: "2-digit", minute: "2-digit" }).format(time * 1000);
}

/** `22 Nov` */
export function formatDay(time: Seconds, zone: Zone): string {
  return format(zone, "day", DAY).format(time * 1000);
}

/** `22 Nov 14:03:20` */
export function formatMoment(time: Seconds, zone: Zone): string {
  return `${formatDay(time, zone)} ${formatClock(time, zone)}`;
}

/** `22 Nov 2025 14:03:20.123456789`, to the last nanosecond. */
export function formatExact(time: Nanos, zone: Zone): string {
  const whole = seconds(Number(time / 1_000_000_000n));
  const rest = String(time % 1_000_000_000n).padStart(9, "0");
  const day = format(zone, "long day", { ...DAY, year: "numeric" }).format(whole * 1000);
  return `${day} ${formatClock(whole, zone)}.${rest}`;
}

/** `14:03:20.123` */
export function formatMillis(time: Nanos, zone: Zone): string {
  const whole = seconds(Number(time / 1_000_000_000n));
  return `${formatClock(whole, zone)}.${String((time % 1_000_000_000n) / 1_000_000n).padStart(3, "0")}`;
}

/** `UTC`, or the local zone as an offset: `UTC+2`. */
export function zoneName(zone: Zone, at = new Date()): string {
  if (zone === "utc") return "UTC";
  const minutes = -at.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? "−" : "+"}${hours}${rest ? `:${String(rest).padStart(2, "0")}` : ""}`;
}

/** Seconds since the epoch as `2025-11-22 14:03:20`; a relative time such as `now-1h` as it is. */
export function showTime(text: string, zone: Zone): string {
  if (!/^\d+(\.\d+)?$/.test(text)) return text;
  const at = new Date(Math.round(Number(text)) * 1000);
  const shift = zone === "utc" ? 0 : at.getTimezoneOffset() * 60_000;
  return new Date(at.getTime() - shift).toISOString().slice(0, 19).replace("T", " ");
}

/** What `showTime` shows and people write, as the address wants it; null where it is no time. */
export function readTime(text: string, zone: Zone): string | null {
  const bare = text.trim();
  if (/^now(-\d+[smhdw])?$|^\d+(\.\d+)?$/.test(bare)) return bare;
  if (!/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d/.test(bare)) return null;
  const iso = bare.replace(" ", "T");
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(iso);
  const at = Date.parse(zoned || zone === "local" ? iso : `${iso}Z`);
  return Number.isFinite(at) ? String(at / 1000) : null;
}

/** Formatters in the reader's time zone. */
export function useMoments() {
  const { zone } = usePreferences();
  return {
    zone,
    clock: (time: Seconds) => formatClock(time, zone),
    day: (time: Seconds) => formatDay(time, zone),
    moment: (time: Seconds) => formatMoment(time, zone),
    exact: (time: Nanos) => formatExact(time, zone),
    millis: (time: Nanos) => formatMillis(time, zone),
  };
}

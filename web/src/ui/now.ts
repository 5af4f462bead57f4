import { useEffect, useState } from "react";
import { seconds, type Seconds } from "../units";

/** The time, anew every `everyMs`, for what says how long something has lasted. */
export function useNow(everyMs = 5_000): Seconds {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return seconds(now / 1000);
}

/** `value` once it has stood still for `delayMs`: for questions asked while somebody types. */
export function useSettled<T>(value: T, delayMs = 300): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), delayMs);
    return () => clearTimeout(timer);
  }, [value, delayMs]);
  return settled;
}

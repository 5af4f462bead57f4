/** The time window of the page: presets, a window of one's own, moving, zooming out, live or not. */

import { useState, type FormEvent } from "react";
import { seconds, type Seconds } from "../units";
import { setParams } from "../url/params";
import { moveWindow, REFRESH_S, resolveTime, useTimeWindow } from "../url/window";
import type { TimeWindow } from "../url/window";
import { ClockIcon, LeftIcon, PauseIcon, PlayIcon, RightIcon, ZoomOutIcon } from "./icons";
import { formatClock, formatDay, formatMoment, readTime, showTime, zoneName } from "./moments";
import { Popover } from "./popover";
import { usePreferences, type Zone } from "./preferences";
import css from "./time-picker.module.css";

const PRESETS = [
  ["now-5m", "Last 5 minutes"],
  ["now-15m", "Last 15 minutes"],
  ["now-1h", "Last hour"],
  ["now-3h", "Last 3 hours"],
  ["now-6h", "Last 6 hours"],
  ["now-24h", "Last 24 hours"],
  ["now-2d", "Last 2 days"],
  ["now-7d", "Last 7 days"],
] as const;

const nowSeconds = (): Seconds => seconds(Date.now() / 1000);

/** The window in words: `Last hour`, or `22 Nov 14:03:20 – 14:18:20`. */
export function describeWindow({ from, to }: TimeWindow, zone: Zone): string {
  if (to === "now") {
    const preset = PRESETS.find(([start]) => start === from);
    if (preset) return preset[1];
    if (from.startsWith("now-")) return `Last ${from.slice(4)}`;
  }
  const moment = (text: string) => {
    const at = resolveTime(text, nowSeconds());
    return text.startsWith("now") || at === null ? text : at;
  };
  const [start, end] = [moment(from), moment(to)];
  if (typeof start === "string") return `${start} – ${typeof end === "string" ? end : formatMoment(end, zone)}`;
  if (typeof end === "string") return `${formatMoment(start, zone)} – ${end}`;
  const sameDay = formatDay(start, zone) === formatDay(end, zone);
  return `${formatMoment(start, zone)} – ${sameDay ? formatClock(end, zone) : formatMoment(end, zone)}`;
}

export function TimePicker() {
  const window = useTimeWindow();
  const { zone } = usePreferences();
  return (
    <div className={css.picker} role="group" aria-label="Time window">
      <button
        type="button"
        className={css.step}
        onClick={() => moveWindow(window, -1, nowSeconds())}
        aria-label="Earlier"
        title="Earlier, by the length of the window"
      >
        <LeftIcon />
      </button>
      <Popover
        name="Choose a time window"
        buttonClass={css.label}
        data-testid="time-picker"
        label={
          <>
            <ClockIcon size={14} />
            <span className={css.text}>{describeWindow(window, zone)}</span>
            <span className={css.zone}>{zoneName(zone)}</span>
          </>
        }
      >
        {(close) => <WindowPanel window={window} zone={zone} close={close} />}
      </Popover>
      <button
        type="button"
        className={css.step}
        onClick={() => moveWindow(window, 1, nowSeconds())}
        disabled={window.live}
        aria-label="Later"
        title="Later, by the length of the window"
      >
        <RightIcon />
      </button>
      <button
        type="button"
        className={css.step}
        onClick={() => moveWindow(window, 0, nowSeconds())}
        aria-label="Zoom out"
        title="Zoom out to twice the length"
      >
        <ZoomOutIcon />
      </button>
      <LiveButton window={window} />
    </div>
  );
}

function LiveButton({ window }: { window: TimeWindow }) {
  const running = window.refresh !== false;
  const start = window.live ? { refresh: null } : { from: null, to: null, refresh: null };
  return (
    <button
      type="button"
      className={running ? css.live : css.paused}
      onClick={() => setParams(running ? { refresh: "0" } : start)}
      aria-pressed={running}
      title={running ? `Live: asks again every ${REFRESH_S} s. Click to pause.` : "Go live"}
      data-testid="live"
    >
      {running ? <PauseIcon size={13} /> : <PlayIcon size={13} />}
      <span>{running ? "Live" : window.live ? "Paused" : "Go live"}</span>
    </button>
  );
}

interface PanelProps {
  window: TimeWindow;
  zone: Zone;
  close: () => void;
}

function WindowPanel({ window, zone, close }: PanelProps) {
  return (
    <div className={css.panel}>
      <ul className={css.presets}>
        {PRESETS.map(([from, name]) => (
          <li key={from}>
            <button
              type="button"
              aria-pressed={window.to === "now" && window.from === from}
              onClick={() => {
                setParams({ from, to: null });
                close();
              }}
              data-testid={`preset-${from}`}
            >
              {name}
            </button>
          </li>
        ))}
      </ul>
      <OwnWindow window={window} zone={zone} close={close} />
    </div>
  );
}

function OwnWindow({ window, zone, close }: PanelProps) {
  const [from, setFrom] = useState(showTime(window.from, zone));
  const [to, setTo] = useState(showTime(window.to, zone));
  const now = nowSeconds();
  const [start, end] = [readTime(from, zone), readTime(to, zone)];
  const [first, last] = [start && resolveTime(start, now), end && resolveTime(end, now)];
  const problem = findProblem(first, last);
  const apply = (event: FormEvent) => {
    event.preventDefault();
    if (problem) return;
    setParams({ from: start, to: end === "now" ? null : end });
    close();
  };
  return (
    <form className={css.own} onSubmit={apply}>
      <label>
        From
        <input value={from} onChange={(event) => setFrom(event.target.value)} spellCheck={false} data-testid="own-from" />
      </label>
      <label>
        To
        <input value={to} onChange={(event) => setTo(event.target.value)} spellCheck={false} data-testid="own-to" />
      </label>
      <p className={problem ? css.problem : css.note} role={problem ? "alert" : undefined}>
        {problem ?? `Times are in ${zoneName(zone)}; now-2h, RFC 3339 and Unix seconds work too.`}
      </p>
      <button type="submit" disabled={problem !== null} data-testid="own-apply">
        Look at this window
      </button>
    </form>
  );
}

function findProblem(first: Seconds | null | "", last: Seconds | null | ""): string | null {
  if (!first || !last) return "Write a time such as 2026-01-31 14:03:20 or now-2h.";
  return last > first ? null : "The window must end after it starts.";
}

/** Marks over any chart with a time axis: releases, changes, scaling, incidents. */

import { memo, type KeyboardEvent } from "react";
import { useMarks, type Mark } from "../api/markers";
import { useMoments } from "../ui/moments";
import { formatDuration, seconds } from "../units";
import { AnyLink } from "../url/any-link";
import { useParam } from "../url/params";
import { CHIP, groupMarks, hasWords, KINDS, type Group } from "./marks";
import type { Marker } from "./points";
import css from "./marks.module.css";

/** Whether changes are marked on time axes, and its setter. */
export function useMarksShown(): [boolean, (shown: boolean) => void] {
  const [text, set] = useParam("marks", "on");
  return [text !== "off", (shown) => set(shown ? "on" : "off")];
}

interface MarksLayerProps {
  start: number;
  end: number;
  /** Width of the plot in pixels. */
  width: number;
  /** Marks of one service and of everything; of all where it is empty. */
  service?: string;
  /** Marks that belong to this chart alone and are always shown. */
  own?: readonly Marker[];
  name: string;
}

const NONE: readonly Marker[] = [];

/** Fills its parent, which covers the plot from `start` to `end`. */
export const MarksLayer = memo(function MarksLayer({ start, end, width, service = "", own = NONE, name }: MarksLayerProps) {
  const [shown] = useMarksShown();
  const found = useMarks([start, end], service, shown);
  if (!(end > start) || width <= 0) return null;
  const told = own.map(({ time, label }): Mark => ({ time, label, kind: "moment", text: label, service: "", link: "" }));
  const groups = groupMarks([...told, ...found].sort((a, b) => a.time - b.time), [start, end], width);
  if (groups.length === 0 && !found.some(({ until = 0 }) => until >= start)) return null;
  const at = (time: number) => `${((Math.min(end, Math.max(start, time)) - start) / (end - start)) * 100}%`;
  return (
    <div role="group" aria-label={`Changes on the time axis of ${name}`} className={css.layer} onKeyDown={moveAmong} data-testid="marks">
      {found.map(({ time, until, text }) =>
        until === undefined || until < start || time > end ? null : (
          <span key={`${time} ${text}`} className={css.lasting} style={{ left: at(time), right: `calc(100% - ${at(until)})` }} />
        ),
      )}
      {groups.map((group, index) => (
        <Flag key={`${group.left} ${group.marks[0]?.text}`} group={group} reachable={index === groups.length - 1} width={width} />
      ))}
    </div>
  );
});

/** One tab stop; arrow keys go from mark to mark. */
function moveAmong(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const flags = [...event.currentTarget.querySelectorAll<HTMLElement>("a, button")];
  const target = flags[flags.indexOf(document.activeElement as HTMLElement) + step];
  event.preventDefault();
  event.stopPropagation();
  target?.focus();
}

const TOLD = 5;

function Flag({ group, reachable, width }: { group: Group; reachable: boolean; width: number }) {
  const { moment } = useMoments();
  const { marks, left, room, flipped } = group;
  const [first] = marks;
  if (!first) return null;
  const glyph = marks.length > 1 ? String(marks.length) : KINDS[first.kind][0];
  const words = marks.length === 1 && hasWords(group) ? first.label : "";
  const say = ({ kind, text, time, until, service }: Mark) =>
    [
      kind === "moment" ? text : `${KINDS[kind][1]}: ${text}`,
      moment(seconds(time)) + (until === undefined ? "" : until === Infinity ? ", goes on" : `, lasted ${formatDuration(seconds(Math.max(1, until - time)))}`),
      service && !text.includes(service) ? service : "",
    ].filter(Boolean).join(" · ");
  const inside = (
    <>
      <b aria-hidden="true" data-glyph={glyph} />
      {words && <span style={{ maxWidth: room - CHIP }}>{words}</span>}
      <span className={css.tip} aria-hidden="true">
        {marks.slice(0, TOLD).map((mark) => (
          <span key={`${mark.time} ${mark.text}`}>{say(mark)}</span>
        ))}
        {marks.length > TOLD && <span>and {marks.length - TOLD} more: look at a shorter time</span>}
        {marks.length === 1 && first.link && <em>click to open it</em>}
      </span>
    </>
  );
  const shared = {
    className: css.flag, tabIndex: reachable ? 0 : -1, draggable: false, "aria-label": (words ? `${words}, ` : "") + marks.map(say).join("; "),
    "data-flipped": flipped || undefined, "data-side": left > width / 2 ? "left" : "right",
  };
  return (
    <span className={css.line} style={{ left }} data-kind={marks.length > 1 ? "several" : first.kind} data-testid="mark">
      {marks.length === 1 && first.link ? (
        <AnyLink href={first.link} {...shared}>{inside}</AnyLink>
      ) : (
        <button type="button" {...shared}>{inside}</button>
      )}
    </span>
  );
}

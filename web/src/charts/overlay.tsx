/** What lies over a chart as real elements: slow points as links, marks, data still arriving. */

import type { KeyboardEvent } from "react";
import { createPortal } from "react-dom";
import type uPlot from "uplot";
import { formatDuration, seconds } from "../units";
import { Link, paths } from "../url/link";
import { useMoments } from "../ui/moments";
import { MarksLayer } from "./marks-layer";
import { thinOut, type Marker, type SlowPoint } from "./points";
import css from "./charts.module.css";

/** Pixels that a slow point keeps to itself, so that each can be hit. */
const DOT_ROOM = 11;
/** Exporters send every few seconds: until then a step misses requests that were answered. */
const ARRIVING_S = 8;

interface OverlayProps {
  plot: uPlot;
  slow: readonly SlowPoint[];
  markers: readonly Marker[];
  service: string | undefined;
  live: boolean;
  name: string;
}

export function Overlay({ plot, slow, markers, service = "", live, name }: OverlayProps) {
  const { min = 0, max = 0 } = plot.scales["x"] ?? {};
  const width = plot.over.clientWidth;
  if (!min || !max || !width) return null;
  const left = (time: number) => plot.valToPos(time, "x");
  return createPortal(
    <>
      {live && <span className={css.arriving} style={{ left: Math.max(0, left(max - ARRIVING_S)) }} />}
      <MarksLayer start={min} end={max} width={width} service={service} own={markers} name={name} />
      <SlowDots plot={plot} points={thinOut(slow, min, max, width / DOT_ROOM)} name={name} />
    </>,
    plot.over,
  );
}

/** One tab stop; arrow keys go from point to point. */
function moveAmongDots(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const dots = [...event.currentTarget.querySelectorAll("a")];
  const target = step && dots[dots.indexOf(document.activeElement as HTMLAnchorElement) + step];
  if (!target) return;
  event.preventDefault();
  target.focus();
}

interface DotsProps {
  plot: uPlot;
  points: readonly SlowPoint[];
  name: string;
}

function SlowDots({ plot, points, name }: DotsProps) {
  const { moment } = useMoments();
  const { min = 0, max = 0 } = plot.scales["y"] ?? {};
  const { clientWidth: width } = plot.over;
  const slowest = points.reduce<SlowPoint | null>((a, b) => (a && a.value >= b.value ? a : b), null);
  if (points.length === 0) return null;
  return (
    <div role="group" aria-label={`Slow requests of ${name}`} onKeyDown={moveAmongDots}>
      {points.map((point) => {
        const left = plot.valToPos(point.time, "x");
        const beyond = point.value > max;
        const top = beyond ? 5 : plot.valToPos(Math.max(point.value, min), "y");
        const text = `${formatDuration(seconds(point.value))} at ${moment(seconds(point.time))}`;
        return (
          <Link
            key={`${point.time} ${point.traceId}`}
            to={paths.trace(point.traceId)}
            className={beyond ? css.dotBeyond : css.dot}
            style={{ left, top, ...(point.color ? { color: `var(${point.color})` } : {}) }}
            tabIndex={point === slowest ? 0 : -1}
            draggable={false}
            aria-label={`Slow request, ${text}: open its trace`}
            data-side={left > width / 2 ? "left" : "right"}
            data-testid="slow-point"
            data-trace-id={point.traceId}
          >
            <span className={css.tip}>
              slowest: <strong>{formatDuration(seconds(point.value))}</strong>
              {beyond && ", off the scale"}
              <br />
              {moment(seconds(point.time))} · click for its trace
            </span>
          </Link>
        );
      })}
    </div>
  );
}

/** Latency over load: what was seen, the curve through it and how sure it is, and where the target ends it. */

import { useLayoutEffect, useRef, useState } from "react";
import type { Headroom } from "../../api/releases";
import { formatDuration, seconds, trimZeros } from "../../units";
import { extent, roundTicks } from "./scale";
import css from "./capacity.module.css";

const HEIGHT = 300;
const EDGE = { left: 58, right: 14, top: 12, bottom: 34 };

export function Curve({ headroom }: { headroom: Headroom }) {
  const holder = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={holder} className={css.curve} style={{ height: HEIGHT }}>
      {width > 0 && <Picture headroom={headroom} width={width} />}
    </div>
  );
}

function Picture({ headroom, width }: { headroom: Headroom; width: number }) {
  const { points, curve, target_bound: bound, target_share: share, load: now, reachable, low, high, limit } = headroom;
  const most = extent(headroom);
  const x = (load: number) => EDGE.left + (load / most.load) * (width - EDGE.left - EDGE.right);
  const y = (latency: number) =>
    HEIGHT - EDGE.bottom - Math.min(1, latency / most.latency) * (HEIGHT - EDGE.top - EDGE.bottom);
  const percentile = `p${trimZeros((share * 100).toFixed(2))}`;
  const line = curve.filter(({ latency }) => latency <= most.latency).map((one) => `${x(one.load)},${y(one.latency)}`);
  const band = [
    ...curve.map((one) => `${x(one.load)},${y(one.high ?? Infinity)}`),
    ...curve.toReversed().map((one) => `${x(one.load)},${y(one.low)}`),
  ];
  const bottom = HEIGHT - EDGE.bottom;
  return (
    <svg width={width} height={HEIGHT} role="img" aria-label={`${percentile} over load, ${points.length} steps. ${headroom.text}`} data-testid="capacity-curve">
      {roundTicks(most.latency, 4).map((tick) => (
        <g key={tick}>
          <line className={css.grid} x1={EDGE.left} x2={width - EDGE.right} y1={y(tick)} y2={y(tick)} />
          <text x={EDGE.left - 8} y={y(tick) + 4} textAnchor="end">
            {trimZeros(formatDuration(seconds(tick)))}
          </text>
        </g>
      ))}
      {roundTicks(most.load, width < 500 ? 4 : 8).map((tick) => (
        <text key={tick} x={x(tick)} y={bottom + 16} textAnchor="middle">
          {trimZeros(tick.toPrecision(3))}
        </text>
      ))}
      <text x={width - EDGE.right} y={HEIGHT - 3} textAnchor="end">
        requests/s{headroom.replicas === null ? "" : " a replica"}
      </text>
      {limit === "bounded" && low !== null && (
        <rect className={css.reach} x={x(low)} width={Math.max(2, x(Math.min(high ?? most.load, most.load)) - x(low))} y={EDGE.top} height={bottom - EDGE.top} />
      )}
      {curve.length > 1 && <polygon className={css.band} points={band.join(" ")} />}
      {points.map((point, index) => (
        <circle key={index} className={point.latency > bound ? css.over : css.seen} cx={x(point.load)} cy={y(point.latency)} r="3" />
      ))}
      {line.length > 1 && <polyline className={css.fit} points={line.join(" ")} />}
      <line className={css.target} x1={EDGE.left} x2={width - EDGE.right} y1={y(bound)} y2={y(bound)} />
      <text className={css.targetText} x={EDGE.left + 6} y={y(bound) - 6}>
        target {percentile} ≤ {formatDuration(seconds(bound))}
      </text>
      {now !== null && <Mark at={x(now)} text="now" bottom={bottom} width={width} low />}
      {reachable !== null && reachable > 0 && (
        <Mark at={x(reachable)} text={limit === "bounded" ? "holds up to here" : "seen to hold"} bottom={bottom} width={width} />
      )}
    </svg>
  );
}

/** A load worth a line; its name stands on the side that has room. */
function Mark({ at, text, bottom, width, low = false }: { at: number; text: string; bottom: number; width: number; low?: boolean }) {
  const left = at > width - 130;
  return (
    <g>
      <line className={css.mark} x1={at} x2={at} y1={EDGE.top} y2={bottom} />
      <text className={css.markText} x={at + (left ? -5 : 5)} y={low ? bottom - 6 : EDGE.top + 10} textAnchor={left ? "end" : "start"}>
        {text}
      </text>
    </g>
  );
}

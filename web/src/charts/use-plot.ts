/** The life of a uPlot chart inside React: made, fed, resized, painted anew, destroyed. */

import { useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffectiveTheme } from "../ui/preferences";
import { plotOptions, type PlotStyle } from "./plot-options";
import type { Values } from "./points";

export interface PlotData {
  times: readonly number[];
  values: readonly Values[];
  /** Range of the time axis. */
  x: readonly [number, number];
  /** Range of the value axis. */
  y: readonly [number, number];
}

export interface PlotEvents {
  onCursor: (index: number | null) => void;
  onZoom: ((from: number, to: number) => void) | undefined;
}

export interface PlotHandle {
  holder: RefObject<HTMLDivElement | null>;
  plot: uPlot | null;
}

/** What each chart draws: drawing it once more would take as long again. */
const fed = new WeakMap<uPlot, PlotData>();

function isFed(plot: uPlot, { times, values, x, y }: PlotData): boolean {
  const last = fed.get(plot);
  if (!last || last.times !== times || last.values !== values) return false;
  return last.x[0] === x[0] && last.x[1] === x[1] && last.y[0] === y[0] && last.y[1] === y[1];
}

function feed(plot: uPlot, data: PlotData): void {
  if (isFed(plot, data)) return;
  fed.set(plot, data);
  const { times, values, x, y } = data;
  plot.batch(() => {
    plot.setData([times as number[], ...(values as Values[])], false);
    plot.setScale("x", { min: x[0], max: x[1] });
    plot.setScale("y", { min: y[0], max: y[1] });
  });
}

/** Keeps a chart in `holder`. A change of style makes it anew; a change of data does not. */
export function usePlot(style: PlotStyle, data: PlotData, events: PlotEvents): PlotHandle {
  const holder = useRef<HTMLDivElement>(null);
  const [plot, setPlot] = useState<uPlot | null>(null);
  const [, repaint] = useState(0);
  const alive = useRef<uPlot | null>(null);
  const latest = useRef({ data, events });
  useLayoutEffect(() => {
    latest.current = { data, events };
  });
  const theme = useEffectiveTheme();
  const styleKey = JSON.stringify([theme, { ...style, format: undefined }]);

  useLayoutEffect(() => {
    const element = holder.current;
    if (!element) return;
    const made = new uPlot(
      plotOptions(style, element.clientWidth || 300, {
        setCursor: [(u) => latest.current.events.onCursor(u.cursor.idx ?? null)],
        setSelect: [
          (u) => {
            const { left, width } = u.select;
            if (width < 4) return;
            latest.current.events.onZoom?.(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
        // What lies over the chart follows it.
        draw: [() => repaint((count) => count + 1)],
      }),
      undefined,
      element,
    );
    feed(made, latest.current.data);
    alive.current = made;
    setPlot(made);
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== made.width) made.setSize({ width, height: style.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      setPlot(null);
    };
    // styleKey stands for the style and the theme.
  }, [styleKey]);

  const { times, values, x, y } = data;
  useEffect(() => {
    // A chart that was just made anew for another number of lines has its data already.
    if (plot && plot === alive.current) feed(plot, { times, values, x, y });
  }, [plot, times, values, x[0], x[1], y[0], y[1]]);

  return { holder, plot };
}

/** uPlot's options in the house's style. */

import uPlot from "uplot";
import { seconds, trimZeros } from "../units";
import { formatClock, formatDay, formatMinute } from "../ui/moments";
import type { Zone } from "../ui/preferences";
import { densePaths } from "./dense";
import { lonely } from "./points";

export interface ChartSeries {
  label: string;
  /** Name of a colour, such as `--p95`. */
  color: string;
  /** Fill below the line. */
  filled?: boolean;
  width?: number;
  /** Fill below the line so that what was drawn before is covered: for lines that stand on each other. */
  solid?: boolean;
  /** A line that is a limit rather than a measurement. */
  dashed?: boolean;
}

export interface PlotStyle {
  series: readonly ChartSeries[];
  format: (value: number) => string;
  height: number;
  zone: Zone;
  logarithmic: boolean;
  /** Lines as drawn, or bars that stand on each other (values are then cumulated already). */
  kind: "lines" | "bars";
  syncKey: string | undefined;
  zoomable: boolean;
}

export const AXIS_WIDTH = 62;

/** The value of a colour's name in the theme in force. */
export function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function timeLabels(zone: Zone) {
  return (_: uPlot, splits: number[], __: number, ___: number, increment: number): string[] => {
    let lastDay = splits[0] === undefined ? "" : formatDay(seconds(splits[0]), zone);
    return splits.map((split) => {
      const at = seconds(split);
      const day = formatDay(at, zone);
      const dayChanged = day !== lastDay;
      lastDay = day;
      if (increment >= 86_400 || dayChanged) return day;
      return increment < 60 ? formatClock(at, zone) : formatMinute(at, zone);
    });
  };
}

function axes({ format, zone }: PlotStyle): uPlot.Axis[] {
  const shared = {
    stroke: cssColor("--text-3"),
    font: `11px ${cssColor("--font")}`,
    grid: { stroke: cssColor("--line"), width: 1 },
    ticks: { show: false },
  };
  return [
    { ...shared, size: 26, space: 76, gap: 6, values: timeLabels(zone) },
    {
      ...shared,
      size: AXIS_WIDTH,
      space: 26,
      gap: 6,
      values: (_, splits) => splits.map((value) => (value === null ? "" : trimZeros(format(value)))),
    },
  ];
}

const stepByStep = uPlot.paths.linear?.();

function line({ label, color, filled, solid, dashed, width = 1.5 }: ChartSeries): uPlot.Series {
  const stroke = cssColor(color);
  const plain = !filled && !solid && !dashed;
  return {
    label,
    stroke,
    width,
    ...(dashed ? { dash: [6, 4] } : {}),
    ...(plain ? { paths: (...asked) => densePaths(...asked) ?? stepByStep?.(...asked) ?? null } : {}),
    ...(solid ? { fill: `color-mix(in srgb, ${stroke} 55%, ${cssColor("--surface")})` } : {}),
    ...(filled ? { fill: `color-mix(in srgb, ${stroke} 18%, transparent)` } : {}),
    points: {
      show: true,
      size: 4,
      fill: stroke,
      filter: (plot, index) => lonely(plot.data[index] ?? []),
    },
  };
}

function bar({ label, color }: ChartSeries): uPlot.Series {
  const paths = uPlot.paths.bars?.({ size: [0.86, 40], align: 1, gap: 0 });
  return { label, fill: cssColor(color), width: 0, points: { show: false }, ...(paths ? { paths } : {}) };
}

/** Options of a chart over time; the range of both axes is set with the data. */
export function plotOptions(style: PlotStyle, width: number, hooks: uPlot.Hooks.Arrays): uPlot.Options {
  const { kind, zone, logarithmic, syncKey, zoomable, height } = style;
  return {
    width,
    height,
    padding: [10, 18, 0, 0],
    legend: { show: false },
    ...(zone === "utc" ? { tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "Etc/UTC") } : {}),
    cursor: {
      y: false,
      drag: { x: zoomable, y: false, setScale: false, dist: 4 },
      points: kind === "bars" ? { show: false } : { size: 7 },
      ...(syncKey ? { sync: { key: syncKey, setSeries: false } } : {}),
    },
    scales: { x: { time: true, auto: false }, y: { auto: false, distr: logarithmic ? 3 : 1 } },
    axes: axes(style),
    series: [{}, ...style.series.map(kind === "bars" ? bar : line)],
    hooks,
  };
}

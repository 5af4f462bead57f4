/** Paints a heat map on its canvas: cells, marks of errors, axes. */

import { seconds, trimZeros } from "../units";
import { formatClock, formatDay, formatMinute } from "../ui/moments";
import type { Zone } from "../ui/preferences";
import { columnsOf, rowLabels, strength, timeTicks, type HeatData } from "./heat-scale";
import { AXIS_WIDTH, cssColor } from "./plot-options";

/** Room around the cells, in pixels. */
export const PLOT = { left: AXIS_WIDTH, right: 18, top: 8, bottom: 24 } as const;

interface Painting {
  width: number;
  height: number;
  data: HeatData;
  format: (value: number) => string;
  zone: Zone;
}

export function paintHeat(canvas: HTMLCanvasElement, painting: Painting): void {
  const { width, height } = painting;
  const scale = devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(scale, scale);
  paintAxes(context, painting);
  paintCells(context, painting);
}

function paintCells(context: CanvasRenderingContext2D, { width, height, data }: Painting): void {
  const rows = data.bounds.length - 1;
  const across = (width - PLOT.left - PLOT.right) / columnsOf(data);
  const up = (height - PLOT.top - PLOT.bottom) / Math.max(1, rows);
  const most = data.cells.reduce((top, [, , count]) => Math.max(top, count), 0) || 1;
  const [mark, bad] = [cssColor("--p95"), cssColor("--bad")];
  for (const [column, row, count, errors] of data.cells) {
    const left = PLOT.left + column * across;
    const top = height - PLOT.bottom - (row + 1) * up;
    context.globalAlpha = strength(count, most);
    context.fillStyle = mark;
    context.fillRect(left, top, Math.max(1, across - 0.6), Math.max(1, up - 0.6));
    if (errors <= 0) continue;
    // Failed ones are a block at the cell's foot, as wide as their share, not a tint alone.
    context.globalAlpha = 1;
    context.fillStyle = bad;
    const share = Math.max(0.35, errors / count);
    context.fillRect(left, top + up - Math.max(2, up * 0.35), Math.max(1.5, (across - 0.6) * share), Math.max(1.6, up * 0.35 - 0.6));
  }
  context.globalAlpha = 1;
}

function paintAxes(context: CanvasRenderingContext2D, { width, height, data, format, zone }: Painting): void {
  const rows = data.bounds.length - 1;
  const inner = { width: width - PLOT.left - PLOT.right, height: height - PLOT.top - PLOT.bottom };
  context.font = `11px ${cssColor("--font")}`;
  context.fillStyle = cssColor("--text-3");
  context.strokeStyle = cssColor("--line");
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const { at, value } of rowLabels(data.bounds, Math.floor(inner.height / 26))) {
    const y = Math.round(height - PLOT.bottom - (at / rows) * inner.height) + 0.5;
    context.beginPath();
    context.moveTo(PLOT.left, y);
    context.lineTo(width - PLOT.right, y);
    context.stroke();
    context.fillText(trimZeros(format(value)), PLOT.left - 6, y, PLOT.left - 8);
  }
  const { ticks, apart } = timeTicks(data.start, data.end, inner.width / 84);
  context.textAlign = "center";
  for (const tick of ticks) {
    const at = seconds(tick);
    const text = apart >= 86_400 ? formatDay(at, zone) : apart < 60 ? formatClock(at, zone) : formatMinute(at, zone);
    const x = PLOT.left + ((tick - data.start) / (data.end - data.start)) * inner.width;
    context.fillText(text, x, height - PLOT.bottom + 13);
  }
}

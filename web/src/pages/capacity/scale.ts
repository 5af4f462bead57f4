/** Axes of the curve of latency over load; pure. */

import type { Headroom } from "../../api/releases";

/** Round values from 0 up to `most`, about `wanted` of them. */
export function roundTicks(most: number, wanted: number): number[] {
  if (!(most > 0)) return [0];
  const rough = most / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, index) => index * step);
}

/** How far the axes reach: all that was seen, the target, and where the curve meets it. */
export function extent({ points, curve, target_bound: bound, reachable, high }: Headroom): { load: number; latency: number } {
  const loads = [...points.map(({ load }) => load), ...curve.map(({ load }) => load), reachable ?? 0, high ?? 0];
  const seen = points.map(({ latency }) => latency).toSorted((a, b) => a - b);
  // One step far above all others would press the rest flat: it is drawn at the edge.
  const usual = seen[Math.floor(seen.length * 0.98)] ?? 0;
  return { load: Math.max(...loads, 1e-9) * 1.04, latency: Math.max(bound * 1.35, usual * 1.1) };
}

/** From answers of PromQL to what is drawn; pure. */

import type { Labels, MatrixSeries, RangeAnswer } from "../../api/metrics";
import type { HeatCell, HeatData } from "../../charts/heat-scale";
import type { Values } from "../../charts/points";
import { COLOR_COUNT } from "../../trace/service-colors";

export interface Line {
  /** Names the series in the address. */
  key: string;
  /** What tells it from the others. */
  label: string;
  /** All that it is. */
  full: string;
  query: number;
  color: string;
  values: Values;
  summary: Summary;
}

export interface Summary {
  count: number;
  last: number | null;
  least: number | null;
  most: number | null;
  mean: number | null;
}

export interface Frame {
  times: number[];
  lines: Line[];
}

/** `name{a="b"}` as PromQL writes it. */
export function writeSeries(labels: Labels, leaveOut: ReadonlySet<string> = new Set()): string {
  const { __name__: name = "", ...rest } = labels;
  const pairs = Object.entries(rest).filter(([label]) => !leaveOut.has(label)).sort(([a], [b]) => (a < b ? -1 : 1));
  const written = pairs.map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(", ");
  return written ? `${name}{${written}}` : name;
}

/** A short name for a text, the same each time (FNV-1a). */
export function shortKey(text: string): string {
  let hash = 2166136261;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  return (hash >>> 0).toString(36);
}

/** Labels that all series share: they tell nothing apart. */
export function sharedLabels(series: readonly { metric: Labels }[]): Set<string> {
  const [first, ...others] = series;
  if (!first || others.length === 0) return new Set();
  return new Set(
    Object.entries(first.metric)
      .filter(([name, value]) => name !== "__name__" && others.every(({ metric }) => metric[name] === value))
      .map(([name]) => name),
  );
}

/** The series of several answers on one axis of time; a step without a value stays a gap. */
export function arrange(answers: readonly (RangeAnswer | undefined)[], exprs: readonly string[]): Frame {
  const given = answers.filter((answer) => answer !== undefined);
  const step = given[0]?.step ?? 1;
  const start = Math.min(...given.map((answer) => answer.start));
  const end = Math.max(...given.map((answer) => answer.end));
  const times: number[] = [];
  if (given.length) for (let at = start; at <= end + 1e-9; at += step) times.push(at);
  const several = exprs.filter(Boolean).length > 1;
  const lines: Line[] = [];
  answers.forEach((answer, query) => {
    if (!answer) return;
    const shared = sharedLabels(answer.series);
    const plain = answer.series.filter(({ values }) => values !== undefined);
    for (const { metric, values = [] } of plain) {
      const full = writeSeries(metric);
      const own = plain.length > 1 ? writeSeries(metric, shared).replace(/^\w*(?=\{)/, "") || full : full;
      const name = own || exprs[query] || "value";
      lines.push({
        key: shortKey(`${query} ${full}`),
        label: several ? `${letter(query)} ${name}` : name,
        full: full || exprs[query] || "",
        query,
        color: `--group-${lines.length % COLOR_COUNT}`,
        ...place(values, times.length, start, step),
      });
    }
  });
  return { times, lines };
}

/** The name that a query goes by: A, B, C. */
export const letter = (query: number) => String.fromCharCode(65 + query);

/** Samples on the steps of a frame and what they amount to, in one pass: there may be very many. */
function place(
  samples: readonly (readonly [number, string])[], length: number, start: number, step: number,
): Pick<Line, "values" | "summary"> {
  const values: Values = new Array<number | null>(length).fill(null);
  let [count, last, least, most, sum] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const [time, text] of samples) {
    const value = Number(text);
    // "NaN", "+Inf" and "-Inf" cannot be drawn.
    if (!Number.isFinite(value)) continue;
    values[Math.round((time - start) / step)] = value;
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
    last = value;
    count++;
  }
  const summary = count ? { count, last, least, most, mean: sum / count } : { count, last: null, least: null, most: null, mean: null };
  return { values, summary };
}

/** Values that stand on each other, first line lowest; where all are missing, a gap. */
export function stack(lines: readonly Line[]): Values[] {
  const length = lines[0]?.values.length ?? 0;
  const below = Array.from({ length }, () => 0);
  return lines.map(({ values }) =>
    values.map((value, index) => {
      below[index] = (below[index] ?? 0) + Math.max(0, value ?? 0);
      return lines.some((line) => line.values[index] != null) ? (below[index] ?? 0) : null;
    }),
  );
}

/** True where an answer can be drawn as a heat map: buckets by `le`, or native histograms. */
export function hasBuckets(series: readonly MatrixSeries[]): boolean {
  return series.some(({ histograms, metric }) => histograms !== undefined || "le" in metric);
}

/** Native bands of one answer are joined to this many rows to the octave. */
const PER_OCTAVE = 2;

/** The buckets of all series added up, by time and value. */
export function heatOf({ series, start, end, step }: RangeAnswer): HeatData {
  const classic = series.filter(({ metric, values }) => "le" in metric && values);
  return classic.length ? classicHeat(classic, { start, end, step }) : nativeHeat(series, { start, end, step });
}

interface Span {
  start: number;
  end: number;
  step: number;
}

function classicHeat(series: readonly MatrixSeries[], { start, end, step }: Span): HeatData {
  const bound = (text: string | undefined) => (text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text));
  const bounds = [...new Set(series.map(({ metric }) => bound(metric["le"])))].sort((a, b) => a - b);
  const below = new Map<number, number[]>();
  for (const { metric, values = [] } of series) {
    const row = bounds.indexOf(bound(metric["le"]));
    for (const [time, text] of values) {
      const column = Math.round((time - start) / step);
      const counts = below.get(column) ?? bounds.map(() => 0);
      counts[row] = (counts[row] ?? 0) + (Number(text) || 0);
      below.set(column, counts);
    }
  }
  const cells: HeatCell[] = [];
  for (const [column, counts] of below) {
    counts.forEach((count, row) => {
      const own = count - (counts[row - 1] ?? 0);
      if (own > 1e-12) cells.push([column, row, own, 0]);
    });
  }
  const first = bounds[0] ?? 0;
  return { start, end: end + step, step, bounds: [first > 0 ? 0 : Number.NEGATIVE_INFINITY, ...bounds], cells };
}

function nativeHeat(series: readonly MatrixSeries[], { start, end, step }: Span): HeatData {
  const rowOf = (value: number) => Math.floor(Math.log2(value) * PER_OCTAVE + 1e-9);
  const found = new Map<string, number>();
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const add = (column: number, row: number, count: number) => {
    lowest = Math.min(lowest, row);
    highest = Math.max(highest, row);
    found.set(`${column} ${row}`, (found.get(`${column} ${row}`) ?? 0) + count);
  };
  for (const { histograms = [] } of series) {
    for (const [time, { buckets = [] }] of histograms) {
      const column = Math.round((time - start) / step);
      for (const [, lower, upper, count] of buckets) {
        const [low, high] = [Number(lower), Number(upper)];
        // Zeros and what is negative have no place on a scale of powers: only sizes above zero do.
        if (!(high > 0) || low < 0) continue;
        add(column, rowOf(low > 0 ? Math.sqrt(low * high) : high / 2), Number(count));
      }
    }
  }
  const bounds: number[] = [];
  if (found.size) for (let row = lowest; row <= highest + 1; row++) bounds.push(2 ** (row / PER_OCTAVE));
  const cells = [...found].map(([place, count]): HeatCell => {
    const [column = 0, row = 0] = place.split(" ").map(Number);
    return [column, row - lowest, count, 0];
  });
  return { start, end: end + step, step, bounds, cells };
}

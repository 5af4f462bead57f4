/** Where things lie on a heat map, and what its axes say; pure. */

/** Column, row, count, errors. */
export type HeatCell = readonly [number, number, number, number];

export interface HeatData {
  start: number;
  end: number;
  /** Width of a column in seconds. */
  step: number;
  /** Ends of the rows, one more than there are; ±Infinity where a row is open. */
  bounds: readonly number[];
  cells: readonly HeatCell[];
}

export interface HeatBox {
  from: number;
  to: number;
  low: number;
  high: number;
}

/** A run of columns and rows, both ends included. */
export interface HeatRun {
  left: number;
  right: number;
  bottom: number;
  top: number;
}

export function columnsOf({ start, end, step }: HeatData): number {
  return Math.max(1, Math.ceil((end - start) / step - 1e-9));
}

/** What a run of cells stands for. */
export function boxOf(data: HeatData, { left, right, bottom, top }: HeatRun): HeatBox {
  return {
    from: data.start + left * data.step,
    to: Math.min(data.end, data.start + (right + 1) * data.step),
    low: data.bounds[bottom] ?? 0,
    high: data.bounds[top + 1] ?? Number.POSITIVE_INFINITY,
  };
}

/** The run of cells that a box covers; null where it lies outside. */
export function runOf(data: HeatData, box: HeatBox): HeatRun | null {
  const rows = data.bounds.length - 1;
  const last = columnsOf(data) - 1;
  const left = Math.max(0, Math.round((box.from - data.start) / data.step));
  const right = Math.min(last, Math.round((box.to - data.start) / data.step + 0.499) - 1);
  const slack = 1 + 1e-6;
  let bottom = 0;
  while (bottom < rows && (data.bounds[bottom + 1] ?? 0) <= box.low * slack) bottom++;
  let top = rows - 1;
  while (top >= 0 && (data.bounds[top] ?? 0) * slack >= box.high) top--;
  return left <= right && bottom <= top ? { left, right, bottom, top } : null;
}

/** Count and errors of the cells of a run. */
export function countIn(cells: readonly HeatCell[], run: HeatRun): [count: number, errors: number] {
  let [count, errors] = [0, 0];
  for (const [column, row, n, bad] of cells) {
    if (column < run.left || column > run.right || row < run.bottom || row > run.top) continue;
    count += n;
    errors += bad;
  }
  return [count, errors];
}

export interface RowLabel {
  /** In rows from the bottom; may lie between two ends. */
  at: number;
  value: number;
}

/** Round values (1, 2, 5 times powers of ten) where rows grow evenly, else ends of rows. */
export function rowLabels(bounds: readonly number[], most: number): RowLabel[] {
  const rows = bounds.length - 1;
  const [first = 0, last = 0] = [bounds[0], bounds[rows]];
  const even = first > 0 && Number.isFinite(last) && isGeometric(bounds);
  if (!even) {
    const every = Math.max(1, Math.ceil(rows / most));
    return bounds.flatMap((value, at) => (at % every === 0 && Number.isFinite(value) ? [{ at, value }] : []));
  }
  const perRow = Math.log(last / first) / rows;
  for (const factors of [[1, 2, 5], [1], [1, 0, 0]]) {
    const found: RowLabel[] = [];
    for (let power = Math.floor(Math.log10(first)); power <= Math.log10(last); power++) {
      for (const factor of factors) {
        const value = factor * 10 ** power;
        const at = Math.log(value / first) / perRow;
        if (factor > 0 && at >= 0 && at <= rows) found.push({ at, value });
      }
    }
    if (found.length <= most || factors.length === 3 && factors[1] === 0) return thin(found, most);
  }
  return [];
}

function thin<T>(items: T[], most: number): T[] {
  const every = Math.max(1, Math.ceil(items.length / most));
  return items.filter((_, index) => index % every === 0);
}

function isGeometric(bounds: readonly number[]): boolean {
  const ratio = (bounds[1] ?? 0) / (bounds[0] ?? 1);
  return bounds.every((bound, index) => {
    const before = bounds[index - 1];
    return before === undefined || Math.abs(bound / before / ratio - 1) < 1e-3;
  });
}

const NICE_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** Round moments between `start` and `end`, at most `most` of them, and how far apart they are. */
export function timeTicks(start: number, end: number, most: number): { ticks: number[]; apart: number } {
  const wanted = (end - start) / Math.max(1, most);
  const apart = NICE_S.find((nice) => nice >= wanted) ?? Math.ceil(wanted / 86_400) * 86_400;
  const ticks: number[] = [];
  for (let at = Math.ceil(start / apart) * apart; at <= end; at += apart) ticks.push(at);
  return { ticks, apart };
}

/** How strongly a count is painted, 0 to 1: by its logarithm, so that rare ones are seen. */
export function strength(count: number, most: number): number {
  return count <= 0 ? 0 : 0.16 + 0.84 * (Math.log1p(count / most * 200) / Math.log1p(200));
}

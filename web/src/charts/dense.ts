/** Lines with many steps to a pixel: the range of each column of pixels shows as much, far sooner. */

import uPlot from "uplot";

/** A line whose steps are fewer than this to a pixel is drawn step by step. */
const STEPS_TO_A_PIXEL = 3;

/**
 * Takes the values of one column of pixels: the smallest and the largest in the order in which they
 * come, and whether a line leads there from the column before.
 */
export type TakeColumn = (column: number, first: number, second: number, joined: boolean) => void;

/**
 * Hands on the columns of a line, from the left. `columnOf` tells where a time stands, and never
 * falls. A missing value ends a line; the next one begins another.
 */
export function eachColumn(
  times: ArrayLike<number>,
  values: ArrayLike<number | null | undefined>,
  [from, to]: readonly [number, number],
  columnOf: (time: number) => number,
  take: TakeColumn,
): void {
  let [at, least, most, rising, joined, open] = [0, 0, 0, true, false, false];
  const close = () => {
    if (open) take(at, rising ? least : most, rising ? most : least, joined);
    open = false;
  };
  for (let index = from; index <= to; index++) {
    const value = values[index];
    if (value == null) {
      close();
      continue;
    }
    const column = columnOf(times[index] ?? 0);
    if (open && column === at) {
      if (value > most) {
        most = value;
        rising = true;
      } else if (value < least) {
        least = value;
        rising = false;
      }
      continue;
    }
    const follows = open;
    close();
    at = column;
    least = most = value;
    rising = open = true;
    joined = follows;
  }
  close();
}

/** Paths of a line without a fill; undefined where it is not dense. */
export function densePaths(plot: uPlot, series: number, from: number, to: number): uPlot.Series.Paths | undefined {
  const { left, width } = plot.bbox;
  if (to - from < STEPS_TO_A_PIXEL * width) return undefined;
  const { min = 0, max = 1 } = plot.scales["x"] ?? {};
  const perSecond = width / (max - min);
  const columnOf = (time: number) => Math.round((time - min) * perSecond);
  const stroke = new Path2D();
  eachColumn(plot.data[0], plot.data[series] ?? [], [from, to], columnOf, (column, first, second, joined) => {
    const x = left + column;
    const y = plot.valToPos(first, "y", true);
    if (joined) stroke.lineTo(x, y);
    else stroke.moveTo(x, y);
    if (second !== first) stroke.lineTo(x, plot.valToPos(second, "y", true));
  });
  return { stroke };
}

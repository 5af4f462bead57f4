import { describe, expect, it } from "vitest";
import { eachColumn } from "./dense";

const times = Array.from({ length: 12 }, (_, index) => index);
const fourToAColumn = (time: number) => Math.floor(time / 4);

function columnsOf(values: readonly (number | null | undefined)[], from = 0, to = 11) {
  const found: unknown[] = [];
  eachColumn(times, values, [from, to], fourToAColumn, (...column) => found.push(column));
  return found;
}

describe("columns of a dense line", () => {
  it("keeps the extremes of each column in the order in which they come", () => {
    const values = [3, 1, 9, 5, 2, 8, 1, 4, 7, 7, 7, 7];
    expect(columnsOf(values)).toEqual([
      [0, 1, 9, false],
      [1, 8, 1, true],
      [2, 7, 7, true],
    ]);
  });

  it("draws nothing across a gap, be it within a column or as wide as one", () => {
    const values = [3, null, 9, 5, null, null, null, null, 2, 2, undefined, 1];
    expect(columnsOf(values)).toEqual([
      [0, 3, 3, false],
      [0, 9, 5, false],
      [2, 2, 2, false],
      [2, 1, 1, false],
    ]);
  });

  it("looks only at the steps that it is asked for", () => {
    const values = times.map((time) => time * 10);
    expect(columnsOf(values, 4, 7)).toEqual([[1, 40, 70, false]]);
    expect(columnsOf(values, 5, 4)).toEqual([]);
  });
});

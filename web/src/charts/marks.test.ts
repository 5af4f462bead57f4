import { expect, it } from "vitest";
import { gridOf, type Mark } from "../api/markers";
import { groupMarks, hasWords } from "./marks";

const mark = (time: number, label = "v2"): Mark => ({ time, label, kind: "release", text: label, service: "", link: "" });

it("marks that would cover each other stand together, those outside are left out", () => {
  const groups = groupMarks([mark(-1), mark(10), mark(11), mark(50), mark(101)], [0, 100], 400);
  expect(groups.map(({ left, marks }) => [left, marks.length])).toEqual([[40, 2], [200, 1]]);
  expect(groups.map(hasWords)).toEqual([true, true]);
});

it("words go where there is room", () => {
  const [first, last] = groupMarks([mark(50), mark(98)], [0, 100], 400);
  expect([first?.flipped, last?.flipped]).toEqual([false, true]);
  expect(hasWords(groupMarks([mark(50), mark(55)], [0, 100], 400)[0] as never)).toBe(false);
});

it("a live window asks the same question for a while", () => {
  expect(gridOf([1000, 1900])).toEqual(gridOf([1005, 1905]));
  const { start, end } = gridOf([1000, 1900]);
  expect(start <= 1000 && end >= 1900).toBe(true);
});

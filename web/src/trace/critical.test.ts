import { describe, expect, it } from "vitest";
import type { Span } from "../api/shapes";
import { compareTraces, differingFields } from "./compare";
import { criticalPath, joinStretches, shareOfPath } from "./critical";
import { buildTree, hasFailed } from "./tree";

const START = 1_763_850_000_000_000_000n;

function span(id: string, parent: string, offset: number, duration: number, changes: Partial<Span> = {}): Span {
  return {
    trace_id: "t", span_id: id, parent_span_id: parent, name: id, kind: "Internal", service: "s",
    start_time_unix_nano: String(START + BigInt(offset)), duration_ns: duration,
    status_code: "Unset", status_message: "", attributes: {}, resource: {}, scope: "",
    events: [], links: [], ...changes,
  };
}

const path = (spans: Span[]) =>
  Object.fromEntries([...criticalPath(buildTree(spans))].map(([id, { stretches }]) => [id, stretches]));

describe("the critical path", () => {
  it("goes from child to child, and back to the parent between them", () =>
    expect(path([span("root", "", 0, 100), span("a", "root", 10, 30), span("b", "root", 50, 40), span("c", "b", 60, 20)])).toEqual({
      root: [[0, 10], [40, 50], [90, 100]], a: [[10, 40]], b: [[50, 60], [80, 90]], c: [[60, 80]],
    }));

  it("leaves out what ran beside a longer one", () =>
    expect(path([span("root", "", 0, 100), span("long", "root", 0, 95), span("short", "root", 5, 40)])).toEqual({
      root: [[95, 100]], long: [[0, 95]],
    }));

  it("cuts off what goes on after its parent", () =>
    expect(path([span("root", "", 0, 50), span("late", "root", 20, 100)])).toEqual({ root: [[0, 20]], late: [[20, 50]] }));

  it("adds up to the length of the root", () => {
    const spans = [span("root", "", 0, 10_000), ...Array.from({ length: 9_000 }, (_, index) => span(`s${index}`, "root", index, 2))];
    const total = [...criticalPath(buildTree(spans)).values()].reduce((sum, part) => sum + part.total, 0);
    expect(total).toBe(10_000);
  });

  it("is told by operation", () => {
    const tree = buildTree([span("root", "", 0, 100), span("a", "root", 10, 30, { name: "x" }), span("b", "root", 50, 40, { name: "x" })]);
    expect(shareOfPath(tree, criticalPath(tree)).map(({ name, total }) => [name, total])).toEqual([["x", 70], ["root", 30]]);
  });

  it("is drawn in few pieces", () =>
    expect(joinStretches([[0, 10], [11, 20], [40, 50]], 5)).toEqual([[0, 20], [40, 50]]));
});

describe("two traces", () => {
  const a = [span("r", "", 0, 100, { name: "GET" }), span("x", "r", 10, 20), span("y", "r", 40, 10, { name: "loop" }), span("z", "r", 60, 10, { name: "loop" })];
  const b = [span("r2", "", 0, 300, { name: "GET" }), span("x2", "r2", 10, 200, { name: "x", status_code: "Error" }), span("n", "r2", 250, 5, { name: "new" })];

  it("stand row by row", () =>
    expect(compareTraces(a, b, hasFailed).map((row) => [row.depth, row.name, row.a?.duration ?? null, row.a?.count ?? 0, row.b?.duration ?? null, row.b?.failed ?? 0])).toEqual([
      [0, "GET", 100, 1, 300, 0], [1, "x", 20, 1, 200, 1], [1, "loop", 20, 2, null, 0], [1, "new", null, 0, 5, 0],
    ]));

  it("say which fields differ", () =>
    expect(differingFields(
      [span("a", "", 0, 1, { attributes: { hit: "true", request_id: "1", same: "x" } })],
      [span("b", "", 0, 1, { name: "a", attributes: { hit: "false", request_id: "2", same: "x" } })],
    )).toEqual([{ places: ["s: a"], name: "hit", a: "true", b: "false" }]));
});

import { describe, expect, it } from "vitest";
import type { Span } from "../api/shapes";
import { colorServices } from "./service-colors";
import { axisTicks, buildTree, hasFailed, mainRoot, shareByService, visibleRows } from "./tree";

const START = 1_763_850_000_000_000_000n;

function span(id: string, parent: string, offset: number, duration: number, changes: Partial<Span> = {}): Span {
  return {
    trace_id: "t", span_id: id, parent_span_id: parent, name: id, kind: "Internal", service: "s",
    start_time_unix_nano: String(START + BigInt(offset)), duration_ns: duration,
    status_code: "Unset", status_message: "", attributes: {}, resource: {}, scope: "",
    events: [], links: [], ...changes,
  };
}

const TRACE = [
  span("root", "", 0, 100, { service: "gateway" }),
  span("infer", "root", 10, 80),
  span("encode", "infer", 12, 40),
  span("predict", "infer", 50, 30),
  span("lost", "gone", 60, 70),
];

describe("the tree", () => {
  const tree = buildTree(TRACE);

  it("hangs children under parents and lays rows out in order", () => {
    const rows = visibleRows(tree, new Set()).map(({ span: { name }, depth, offset, descendants }) => [name, depth, offset, descendants]);
    expect(rows).toEqual([
      ["root", 0, 0, 3], ["infer", 1, 10, 2], ["encode", 2, 12, 0], ["predict", 2, 50, 0], ["lost", 0, 60, 0],
    ]);
  });

  it("hides what is below a folded span", () =>
    expect(visibleRows(tree, new Set(["infer"])).map(({ span: { name } }) => name)).toEqual(["root", "infer", "lost"]));

  it("keeps a span whose parent is not stored, and says so", () => {
    expect(tree.byId.get("lost")?.orphan).toBe(true);
    expect(mainRoot(tree).span.name).toBe("root");
    expect(mainRoot(buildTree([span("lost", "gone", 0, 5)])).span.name).toBe("lost");
  });

  it("reaches from the first start to the last end", () => {
    expect(tree.start).toBe(START);
    expect(tree.duration).toBe(130);
  });

  it("counts overlapping children once in the time of a span itself", () => {
    expect(tree.byId.get("infer")?.self).toBe(80 - 68);
    expect(tree.byId.get("encode")?.self).toBe(40);
    expect(shareByService(tree)).toEqual([
      { service: "s", spans: 4, self: 152 }, { service: "gateway", spans: 1, self: 20 },
    ]);
  });

  it("survives ids that go in a circle", () => {
    const circle = buildTree([span("a", "b", 0, 5), span("b", "a", 1, 5), span("c", "c", 2, 5)]);
    expect(visibleRows(circle, new Set())).toHaveLength(3);
  });

  it("does not fall over a chain of 20,000 spans", () => {
    const chain = Array.from({ length: 20_000 }, (_, index) => span(`${index}`, index ? `${index - 1}` : "", index, 9));
    const rows = visibleRows(buildTree(chain), new Set());
    expect(rows.at(-1)?.depth).toBe(19_999);
  });
});

it("axis ticks are round and never too many", () => {
  expect(axisTicks(130, 6)).toEqual([0, 50, 100]);
  expect(axisTicks(1_000_000, 5)).toEqual([0, 200_000, 400_000, 600_000, 800_000]);
});

it("an HTTP status of 500 is a failure, one of 404 is not", () => {
  const http = (status: string) => hasFailed(span("x", "", 0, 1, { attributes: { "http.response.status_code": status } }));
  expect([http("503"), http("404"), hasFailed(span("x", "", 0, 1, { status_code: "Error" }))]).toEqual([true, false, true]);
});

it("services keep their colour and never share one within a trace", () => {
  const colors = colorServices(["gateway", "ml-infer", "feature-store", "gateway"]);
  expect(new Set(colors.values()).size).toBe(3);
  expect(colorServices(["ml-infer"]).get("ml-infer")).toBeDefined();
});

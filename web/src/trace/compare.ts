/** Two traces side by side: spans of the same place in both are one row; pure. */

import { buildTree, mainRoot, type Node, type Tree } from "./tree";
import type { Span } from "../api/shapes";

export interface Side {
  /** Spans of this place: a loop makes several. */
  count: number;
  /** Sum of their durations and of their self times, nanoseconds. */
  duration: number;
  self: number;
  failed: number;
  /** Nanoseconds after the start of the trace. */
  offset: number;
}

export interface PairRow {
  key: string;
  depth: number;
  service: string;
  name: string;
  a: Side | null;
  b: Side | null;
}

interface Group {
  nodes: [Node[], Node[]];
}

export function compareTraces(a: readonly Span[], b: readonly Span[], failed: (span: Span) => boolean): PairRow[] {
  const trees = [buildTree(a), buildTree(b)] as const;
  const rows: PairRow[] = [];
  const stack: { nodes: [Node[], Node[]]; depth: number; path: string }[] = startOf(trees);
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { nodes, depth, path } = top;
    const one = nodes[0][0] ?? nodes[1][0];
    if (!one) continue;
    rows.push({
      key: path, depth, service: one.span.service, name: one.span.name,
      a: sum(nodes[0], failed), b: sum(nodes[1], failed),
    });
    const below = group([nodes[0].flatMap(({ children }) => children), nodes[1].flatMap(({ children }) => children)]);
    for (const [name, { nodes: found }] of [...below].reverse()) {
      stack.push({ nodes: found, depth: depth + 1, path: `${path} / ${name}` });
    }
  }
  return rows;
}

/** The main roots are one row even where their names differ; other roots go by their names. */
function startOf([a, b]: readonly [Tree, Tree]): { nodes: [Node[], Node[]]; depth: number; path: string }[] {
  const main: [Node, Node] = [mainRoot(a), mainRoot(b)];
  const others = group([a.roots.filter((node) => node !== main[0]), b.roots.filter((node) => node !== main[1])]);
  const rest = [...others].reverse().map(([name, { nodes }]) => ({ nodes, depth: 0, path: name }));
  return [...rest, { nodes: [[main[0]], [main[1]]], depth: 0, path: "root" }];
}

/** Nodes by service and name, in the order in which either side has them. */
function group(sides: [readonly Node[], readonly Node[]]): Map<string, Group> {
  const found = new Map<string, Group>();
  sides.forEach((nodes, side) => {
    for (const node of nodes) {
      const key = `${node.span.service} ${node.span.name}`;
      const known = found.get(key) ?? { nodes: [[], []] };
      known.nodes[side]?.push(node);
      found.set(key, known);
    }
  });
  return found;
}

function sum(nodes: readonly Node[], failed: (span: Span) => boolean): Side | null {
  if (nodes.length === 0) return null;
  const side: Side = { count: nodes.length, duration: 0, self: 0, failed: 0, offset: Number.POSITIVE_INFINITY };
  for (const { span, self, offset } of nodes) {
    side.duration += span.duration_ns;
    side.self += self;
    side.failed += failed(span) ? 1 : 0;
    side.offset = Math.min(side.offset, offset);
  }
  return side;
}

export interface FieldDifference {
  /** Spans in which it differs so. */
  places: string[];
  name: string;
  a: string;
  b: string;
}

/** Attributes that the spans of a place have with other values in the two traces; ids left out. */
export function differingFields(a: readonly Span[], b: readonly Span[]): FieldDifference[] {
  const sides = [collect(a), collect(b)] as const;
  const found = new Map<string, FieldDifference>();
  for (const [key, left] of sides[0]) {
    const right = sides[1].get(key);
    if (!right) continue;
    const [place = "", name = ""] = key.split("\n");
    const [x, y] = [[...left].sort().join(", "), [...right].sort().join(", ")];
    if (x === y) continue;
    const same = JSON.stringify([name, x, y]);
    const known = found.get(same);
    if (known) known.places.push(place);
    else found.set(same, { places: [place], name, a: x, b: y });
  }
  return [...found.values()];
}

function collect(spans: readonly Span[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { service, name, attributes, resource } of spans) {
    for (const [field, value] of [...Object.entries(attributes), ...Object.entries(resource)]) {
      if (/(^|[._])(id|uuid|pid|port|trace_id)$|instance/i.test(field)) continue;
      const key = `${service}: ${name}\n${field}`;
      found.set(key, (found.get(key) ?? new Set()).add(value));
    }
  }
  return found;
}

/** A trace as rows of a waterfall; pure. Recursion is avoided: a chain may be 10,000 spans deep. */

import type { Span } from "../api/shapes";

export interface Node {
  span: Span;
  depth: number;
  /** Nanoseconds after the start of the trace. */
  offset: number;
  children: Node[];
  /** Spans below this one. */
  descendants: number;
  /** Its parent is not stored: it stands at the top, but is not the root. */
  orphan: boolean;
  /** Nanoseconds of its duration in which none of its children ran. */
  self: number;
}

export interface Tree {
  roots: Node[];
  byId: Map<string, Node>;
  /** Start of the earliest span, nanoseconds since the epoch. */
  start: bigint;
  /** From the earliest start to the latest end, nanoseconds; at least 1. */
  duration: number;
}

/** Nanoseconds of `node` that its children do not cover, overlaps counted once. */
function selfTime(node: Node): number {
  const end = node.offset + node.span.duration_ns;
  let covered = 0;
  let reached = node.offset;
  for (const child of node.children) {
    const from = Math.max(child.offset, reached);
    const to = Math.min(child.offset + child.span.duration_ns, end);
    if (to > from) {
      covered += to - from;
      reached = to;
    }
  }
  return node.span.duration_ns - covered;
}

/** Links spans (at least one, ordered by start) to their parents and measures them. */
export function buildTree(spans: readonly Span[]): Tree {
  const starts = spans.map((span) => BigInt(span.start_time_unix_nano));
  const start = starts.reduce((a, b) => (b < a ? b : a));
  const nodes = spans.map((span, index): Node => ({
    span,
    depth: 0,
    offset: Number((starts[index] ?? start) - start),
    children: [],
    descendants: 0,
    orphan: false,
    self: 0,
  }));
  const byId = new Map(nodes.map((node) => [node.span.span_id, node]));
  const roots: Node[] = [];
  for (const node of nodes) {
    const parent = byId.get(node.span.parent_span_id);
    if (parent && parent !== node) parent.children.push(node);
    else roots.push(node);
  }
  const reached = reach(roots);
  for (const node of nodes) {
    if (reached.has(node)) continue;
    // Ids that go in a circle: cut it open at its earliest span.
    const parent = byId.get(node.span.parent_span_id);
    parent?.children.splice(parent.children.indexOf(node), 1);
    roots.push(node);
    reach([node], reached);
  }
  for (const node of roots) node.orphan = node.span.parent_span_id !== "";
  measure([...reached]);
  const end = nodes.reduce((latest, { offset, span }) => Math.max(latest, offset + span.duration_ns), 1);
  return { roots, byId, start, duration: end };
}

/** Sets the depth of all below `roots`; returns `reached` with them, parents before children. */
function reach(roots: readonly Node[], reached = new Set<Node>()): Set<Node> {
  const order = [...roots];
  for (const node of order) {
    if (reached.has(node)) continue;
    reached.add(node);
    for (const child of node.children) {
      child.depth = node.depth + 1;
      order.push(child);
    }
  }
  return reached;
}

/** Orders children, counts descendants and sets the self time of nodes, parents coming first. */
function measure(parentsFirst: Node[]): void {
  for (const node of parentsFirst.reverse()) {
    node.children.sort((a, b) => a.offset - b.offset);
    node.descendants = node.children.reduce((sum, child) => sum + 1 + child.descendants, 0);
    node.self = selfTime(node);
  }
}

/** The rows that are seen, top to bottom: what is folded hides all below it. */
export function visibleRows(tree: Tree, folded: ReadonlySet<string>): Node[] {
  const rows: Node[] = [];
  const stack = [...tree.roots].reverse();
  for (let node = stack.pop(); node; node = stack.pop()) {
    rows.push(node);
    if (!folded.has(node.span.span_id)) stack.push(...[...node.children].reverse());
  }
  return rows;
}

/** Round times between 0 and `duration` for the axis, in nanoseconds: at most `most` of them. */
export function axisTicks(duration: number, most: number): number[] {
  const rough = duration / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const ticks: number[] = [];
  for (let at = 0; at < duration; at += step) ticks.push(at);
  return ticks;
}

/** The request that the trace is about: the root without a parent, else the earliest span. */
export function mainRoot(tree: Tree): Node {
  const main = tree.roots.find((node) => !node.orphan) ?? tree.roots[0];
  if (!main) throw new Error("a trace has at least one span");
  return main;
}

export interface ServiceShare {
  service: string;
  spans: number;
  /** Sum of its spans' self times, nanoseconds. */
  self: number;
}

/** Where the time went: self time by service, the largest first. */
export function shareByService(tree: Tree): ServiceShare[] {
  const shares = new Map<string, ServiceShare>();
  for (const { span, self } of tree.byId.values()) {
    const share = shares.get(span.service) ?? { service: span.service, spans: 0, self: 0 };
    share.spans += 1;
    share.self += self;
    shares.set(span.service, share);
  }
  return [...shares.values()].sort((a, b) => b.self - a.self);
}

/** An error by the span's own status or by its HTTP status, as the server counts them. */
export function hasFailed({ status_code, attributes }: Span): boolean {
  const http = Number(attributes["http.response.status_code"] ?? attributes["http.status_code"] ?? 0);
  return status_code === "Error" || http >= 500;
}

/** The critical path of a trace: at each moment, the span that everything waited for; pure. */

import { mainRoot, type Node, type Tree } from "./tree";

/** Nanoseconds after the start of the trace. */
export type Stretch = readonly [from: number, to: number];

export interface CriticalPart {
  /** In the order of time, apart from each other. */
  stretches: Stretch[];
  total: number;
}

/**
 * What of which span lies on the critical path, by span id. From the root's end backwards: the
 * child that ended last held its parent up; what no child covers is the parent's own.
 */
export function criticalPath(tree: Tree): Map<string, CriticalPart> {
  const found = new Map<string, CriticalPart>();
  const add = ({ span }: Node, from: number, to: number) => {
    if (to <= from) return;
    const part = found.get(span.span_id) ?? { stretches: [], total: 0 };
    part.stretches.push([from, to]);
    part.total += to - from;
    found.set(span.span_id, part);
  };
  const root = mainRoot(tree);
  const stack: { node: Node; until: number }[] = [{ node: root, until: endOf(root) }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { node, until } = top;
    let reached = Math.min(until, endOf(node));
    for (const child of [...node.children].sort((a, b) => endOf(b) - endOf(a))) {
      const end = Math.min(endOf(child), reached);
      if (child.offset >= reached || end <= node.offset) continue;
      add(node, end, reached);
      stack.push({ node: child, until: end });
      reached = Math.max(child.offset, node.offset);
      if (reached <= node.offset) break;
    }
    add(node, node.offset, reached);
  }
  for (const { stretches } of found.values()) stretches.reverse();
  return found;
}

function endOf({ offset, span }: Node): number {
  return offset + span.duration_ns;
}

/** Stretches with gaps that nobody could see closed, so that few are drawn. */
export function joinStretches(stretches: readonly Stretch[], gap: number): Stretch[] {
  const joined: [number, number][] = [];
  for (const [from, to] of stretches) {
    const last = joined.at(-1);
    if (last && from - last[1] <= gap) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

export interface CriticalShare {
  name: string;
  service: string;
  total: number;
}

/** Time on the critical path by operation, the most first. */
export function shareOfPath(tree: Tree, path: ReadonlyMap<string, CriticalPart>): CriticalShare[] {
  const shares = new Map<string, CriticalShare>();
  for (const [id, { total }] of path) {
    const span = tree.byId.get(id)?.span;
    if (!span) continue;
    const key = `${span.service} ${span.name}`;
    const share = shares.get(key) ?? { name: span.name, service: span.service, total: 0 };
    share.total += total;
    shares.set(key, share);
  }
  return [...shares.values()].sort((a, b) => b.total - a.total);
}

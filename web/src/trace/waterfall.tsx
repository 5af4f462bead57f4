/** Spans as bars over time, nested by parent, their log lines in place. Only the rows on screen exist. */

import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { LogRecord } from "../api/shapes";
import { formatDuration, seconds, trimZeros } from "../units";
import type { CriticalPart } from "./critical";
import { axisTicks, visibleRows, type Node, type Tree } from "./tree";
import { LogRow, ROW_HEIGHT, SpanRow } from "./waterfall-row";
import css from "./waterfall.module.css";

const TICKS = 6;
const NO_LOGS: readonly LogRecord[] = [];

interface WaterfallProps {
  tree: Tree;
  colors: ReadonlyMap<string, string>;
  critical: ReadonlyMap<string, CriticalPart>;
  /** Only spans that the trace waited for, and those above them. */
  onlyCritical: boolean;
  /** Log records by the span that they were written in, oldest first. */
  logs: ReadonlyMap<string, readonly LogRecord[]>;
  /** Show the lines of every span. */
  allLogs: boolean;
  selected: string;
  onSelect: (spanId: string) => void;
}

type Row = { node: Node; record?: undefined } | { node: Node; record: LogRecord };

/** A set of span ids with one taken in, or out if it is there. */
function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}

function useRows({ tree, critical, onlyCritical, logs, allLogs }: WaterfallProps) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => {
    const found: Row[] = [];
    for (const node of visibleRows(tree, folded)) {
      const id = node.span.span_id;
      if (onlyCritical && !critical.has(id)) continue;
      found.push({ node });
      // `open` holds the exceptions: with all lines shown, the spans whose lines are not.
      if (open.has(id) === allLogs) continue;
      for (const record of logs.get(id) ?? NO_LOGS) found.push({ node, record });
    }
    return found;
  }, [tree, folded, critical, onlyCritical, logs, open, allLogs]);
  const fold = useCallback((id: string) => setFolded((set) => toggled(set, id)), []);
  const toggleLogs = useCallback((id: string) => setOpen((set) => toggled(set, id)), []);
  return { rows, folded, fold, open, toggleLogs };
}

export function Waterfall(props: WaterfallProps) {
  const { tree, colors, critical, logs, allLogs, selected, onSelect } = props;
  const id = useId();
  const body = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const [current, setCurrent] = useState(0);
  const { rows, folded, fold, open, toggleLogs } = useRows(props);
  useLayoutEffect(() => setMargin(body.current?.offsetTop ?? 0), []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollMargin: margin,
  });
  const select = useCallback(
    (index: number, spanId: string) => {
      setCurrent(index);
      onSelect(spanId);
    },
    [onSelect],
  );
  useSelectedInView(selected, rows, virtual.scrollToIndex, setCurrent);
  const onKeyDown = (event: KeyboardEvent) => {
    const node = rows[current]?.node;
    if (!node) return;
    const spanId = node.span.span_id;
    const move = (to: number) => {
      const index = Math.min(rows.length - 1, Math.max(0, to));
      setCurrent(index);
      virtual.scrollToIndex(index);
    };
    const parent = () => rows.findLastIndex((row, index) => index < current && !row.record && row.node.depth < node.depth);
    const isOpen = node.children.length > 0 && !folded.has(spanId);
    const act = {
      ArrowDown: () => move(current + 1),
      ArrowUp: () => move(current - 1),
      Home: () => move(0),
      End: () => move(rows.length - 1),
      ArrowRight: () => (isOpen || !node.children.length ? move(current + 1) : fold(spanId)),
      ArrowLeft: () => (isOpen ? fold(spanId) : move(parent())),
      Enter: () => onSelect(spanId),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  return (
    <div className={css.waterfall} data-testid="waterfall">
      <Axis duration={tree.duration} />
      <div
        ref={body}
        role="tree"
        tabIndex={0}
        aria-label="Spans"
        aria-activedescendant={rows.length ? `${id}-${current}` : undefined}
        className={css.body}
        style={{ height: virtual.getTotalSize() }}
        onKeyDown={onKeyDown}
      >
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          if (!row) return null;
          const shared = { id: `${id}-${index}`, top: start - virtual.options.scrollMargin, start: tree.start, current: index === current };
          if (row.record) return <LogRow key={index} {...shared} record={row.record} depth={row.node.depth} />;
          const spanId = row.node.span.span_id;
          return (
            <SpanRow
              key={index}
              {...shared}
              index={index}
              node={row.node}
              total={tree.duration}
              color={colors.get(row.node.span.service) ?? "--text-3"}
              folded={folded.has(spanId)}
              selected={spanId === selected}
              critical={critical.get(spanId)}
              logs={logs.get(spanId) ?? NO_LOGS}
              logsShown={open.has(spanId) !== allLogs}
              onFold={fold}
              onSelect={select}
              onLogs={toggleLogs}
            />
          );
        })}
      </div>
    </div>
  );
}

/** Brings a span into view that was chosen elsewhere, such as in the list of logs. */
function useSelectedInView(
  selected: string,
  rows: readonly Row[],
  scrollTo: (index: number) => void,
  setCurrent: (index: number) => void,
): void {
  const shown = useRef(selected);
  useEffect(() => {
    if (shown.current === selected) return;
    shown.current = selected;
    const index = rows.findIndex(({ node, record }) => !record && node.span.span_id === selected);
    if (index < 0) return;
    setCurrent(index);
    scrollTo(index);
  }, [selected, rows, scrollTo, setCurrent]);
}

function Axis({ duration }: { duration: number }) {
  return (
    <div className={css.axis} aria-hidden="true">
      <span className={css.axisName}>Span</span>
      <div className={css.ticks}>
        {axisTicks(duration, TICKS).map((tick) => (
          <span key={tick} style={{ left: `${(tick / duration) * 100}%` }}>
            {tick === 0 ? "0" : trimZeros(formatDuration(seconds(tick / 1e9)))}
          </span>
        ))}
      </div>
    </div>
  );
}

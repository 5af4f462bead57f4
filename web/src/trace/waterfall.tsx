/** Spans as bars over time, nested by parent. Only the rows on screen exist. */

import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { BadIcon, DownIcon, RightIcon } from "../ui/icons";
import { formatDuration, seconds, trimZeros } from "../units";
import { axisTicks, hasFailed, visibleRows, type Node, type Tree } from "./tree";
import css from "./waterfall.module.css";

const ROW_HEIGHT = 28;
const TICKS = 6;
/** Deeper levels are not indented further: names would leave the column. */
const MOST_INDENT = 14;

interface WaterfallProps {
  tree: Tree;
  colors: ReadonlyMap<string, string>;
  selected: string;
  onSelect: (spanId: string) => void;
}

export function Waterfall({ tree, colors, selected, onSelect }: WaterfallProps) {
  const id = useId();
  const body = useRef<HTMLDivElement>(null);
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [margin, setMargin] = useState(0);
  const [current, setCurrent] = useState(0);
  const rows = useMemo(() => visibleRows(tree, folded), [tree, folded]);
  useLayoutEffect(() => setMargin(body.current?.offsetTop ?? 0), []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollMargin: margin,
  });

  const fold = (node: Node, hide: boolean) => {
    const next = new Set(folded);
    if (hide) next.add(node.span.span_id);
    else next.delete(node.span.span_id);
    setFolded(next);
  };
  useSelectedInView(selected, rows, virtual.scrollToIndex, setCurrent);
  const onKeyDown = (event: KeyboardEvent) => {
    const node = rows[current];
    if (!node) return;
    const move = (to: number) => {
      const index = Math.min(rows.length - 1, Math.max(0, to));
      setCurrent(index);
      virtual.scrollToIndex(index);
    };
    const parent = () => rows.findLastIndex((row, index) => index < current && row.depth < node.depth);
    const open = node.children.length > 0 && !folded.has(node.span.span_id);
    const act = {
      ArrowDown: () => move(current + 1),
      ArrowUp: () => move(current - 1),
      Home: () => move(0),
      End: () => move(rows.length - 1),
      ArrowRight: () => (open ? move(current + 1) : fold(node, false)),
      ArrowLeft: () => (open ? fold(node, true) : move(parent())),
      Enter: () => onSelect(node.span.span_id),
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
          const node = rows[index];
          return (
            node && (
              <Row
                key={index}
                id={`${id}-${index}`}
                node={node}
                top={start - virtual.options.scrollMargin}
                total={tree.duration}
                color={colors.get(node.span.service) ?? "--text-3"}
                folded={folded.has(node.span.span_id)}
                selected={node.span.span_id === selected}
                current={index === current}
                onFold={fold}
                onSelect={() => {
                  setCurrent(index);
                  onSelect(node.span.span_id);
                }}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

/** Brings a span into view that was chosen elsewhere, such as in the list of logs. */
function useSelectedInView(
  selected: string,
  rows: readonly Node[],
  scrollTo: (index: number) => void,
  setCurrent: (index: number) => void,
): void {
  const shown = useRef(selected);
  useEffect(() => {
    if (shown.current === selected) return;
    shown.current = selected;
    const index = rows.findIndex((node) => node.span.span_id === selected);
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

/** Puts a bar's duration behind it, else before it, else inside; both are percents of the track. */
function placeLabel(left: number, width: number) {
  if (left + width < 86) return { style: { left: `calc(${left + width}% + 6px)` } };
  if (left > 14) return { style: { right: `calc(${100 - left}% + 6px)` } };
  return { style: { right: `calc(${100 - left - width}% + 6px)` }, "data-inside": true };
}

interface RowProps {
  id: string;
  node: Node;
  top: number;
  total: number;
  color: string;
  folded: boolean;
  selected: boolean;
  current: boolean;
  onFold: (node: Node, hide: boolean) => void;
  onSelect: () => void;
}

function Row({ id, node, top, total, color, folded, selected, current, onFold, onSelect }: RowProps) {
  const { span, depth, offset, children, descendants, orphan } = node;
  const failed = hasFailed(span);
  const duration = formatDuration(seconds(span.duration_ns / 1e9));
  const left = (offset / total) * 100;
  const width = (span.duration_ns / total) * 100;
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={selected}
      aria-expanded={children.length ? !folded : undefined}
      className={css.row}
      data-current={current || undefined}
      data-testid="span-row"
      data-span-name={span.name}
      data-span-id={span.span_id}
      style={{ transform: `translateY(${top}px)`, height: ROW_HEIGHT }}
      onClick={onSelect}
    >
      <span className={css.label} style={{ paddingLeft: 8 + Math.min(depth, MOST_INDENT) * 14 }}>
        {children.length > 0 ? (
          <button
            type="button"
            tabIndex={-1}
            className={css.fold}
            aria-label={folded ? `Show ${descendants} spans below` : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              onFold(node, !folded);
            }}
          >
            {folded ? <RightIcon size={12} /> : <DownIcon size={12} />}
          </button>
        ) : (
          <span className={css.leaf} />
        )}
        <span className={css.color} style={{ background: `var(${color})` }} />
        {failed && (
          <span className={css.failed} title="failed">
            <BadIcon size={13} />
            <span className="visually-hidden">failed</span>
          </span>
        )}
        <span className={css.name} title={`${span.service}: ${span.name}`}>
          {span.name}
        </span>
        <span className={css.service}>{span.service}</span>
        {folded && <span className={css.hidden}>+{descendants}</span>}
        {orphan && (
          <span className={css.hidden} title="Its parent span is not stored">
            parent missing
          </span>
        )}
      </span>
      <span className={css.track}>
        <span
          className={failed ? css.barFailed : css.bar}
          style={{ left: `${left}%`, width: `${width}%`, background: `var(${color})` }}
        />
        <span className={css.duration} {...placeLabel(left, width)}>
          {duration}
        </span>
      </span>
    </div>
  );
}

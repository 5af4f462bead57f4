/** One line of the waterfall: a span with its bar, or a log record under its span. */

import { memo } from "react";
import type { LogRecord } from "../api/shapes";
import { severityColor, severityOf } from "../charts/severity";
import { SeverityMark } from "../ui/logs/severity-mark";
import { BadIcon, DownIcon, LogsIcon, RightIcon } from "../ui/icons";
import { formatDuration, seconds } from "../units";
import { joinStretches, type CriticalPart } from "./critical";
import { hasFailed, type Node } from "./tree";
import css from "./waterfall.module.css";

export const ROW_HEIGHT = 28;
/** Deeper levels are not indented further: names would leave the column. */
const MOST_INDENT = 14;
/** Marks of one bar: a thousandth of the trace is less than a pixel or two. */
const FINEST = 1 / 600;
const MOST_TICKS = 40;

const indent = (depth: number) => 8 + Math.min(depth, MOST_INDENT) * 14;

/** Puts a bar's duration behind it, else before it, else inside; both are percents of the track. */
function placeLabel(left: number, width: number) {
  if (left + width < 80) return { style: { left: `calc(${left + width}% + 6px)` } };
  if (left > 20) return { style: { right: `calc(${100 - left}% + 6px)` } };
  return { style: { right: `calc(${100 - left - width}% + 6px)` }, "data-inside": true };
}

interface SpanRowProps {
  id: string;
  index: number;
  node: Node;
  top: number;
  total: number;
  /** Start of the trace, nanoseconds since the epoch. */
  start: bigint;
  color: string;
  folded: boolean;
  selected: boolean;
  current: boolean;
  critical: CriticalPart | undefined;
  logs: readonly LogRecord[];
  logsShown: boolean;
  onFold: (spanId: string) => void;
  onSelect: (index: number, spanId: string) => void;
  onLogs: (spanId: string) => void;
}

export const SpanRow = memo(function SpanRow(props: SpanRowProps) {
  const { id, index, node, top, total, color, folded, selected, current, critical, logs, logsShown } = props;
  const { span, depth, offset, children, descendants, orphan, self } = node;
  const failed = hasFailed(span);
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
      data-critical={critical ? true : undefined}
      data-testid="span-row"
      data-span-name={span.name}
      data-span-id={span.span_id}
      style={{ transform: `translateY(${top}px)`, height: ROW_HEIGHT }}
      onClick={() => props.onSelect(index, span.span_id)}
    >
      <span className={css.label} style={{ paddingLeft: indent(depth) }}>
        {children.length > 0 ? (
          <button
            type="button"
            tabIndex={-1}
            className={css.fold}
            aria-label={folded ? `Show ${descendants} spans below` : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              props.onFold(span.span_id);
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
        {logs.length > 0 && (
          <button
            type="button"
            tabIndex={-1}
            className={css.logCount}
            aria-pressed={logsShown}
            aria-label={`${logsShown ? "Hide" : "Show"} ${logs.length} log lines of ${span.name}`}
            title={`${logs.length} log lines`}
            onClick={(event) => {
              event.stopPropagation();
              props.onLogs(span.span_id);
            }}
            data-testid="span-logs"
          >
            <LogsIcon size={11} /> {logs.length}
          </button>
        )}
      </span>
      <span className={css.track}>
        <span
          className={failed ? css.barFailed : css.bar}
          style={{ left: `${left}%`, width: `${width}%`, background: `var(${color})` }}
        />
        <Critical part={critical} total={total} />
        <LogTicks logs={logs} start={props.start} total={total} />
        <span className={css.duration} {...placeLabel(left, width)}>
          {formatDuration(seconds(span.duration_ns / 1e9))}
          {children.length > 0 && <span className={css.self}> self {formatDuration(seconds(self / 1e9))}</span>}
        </span>
      </span>
    </div>
  );
});

/** The stretches in which the trace waited for this span. */
function Critical({ part, total }: { part: CriticalPart | undefined; total: number }) {
  if (!part) return null;
  return joinStretches(part.stretches, total * FINEST).map(([from, to]) => (
    <span
      key={from}
      className={css.critical}
      style={{ left: `${(from / total) * 100}%`, width: `${((to - from) / total) * 100}%` }}
      data-testid="critical"
    />
  ));
}

/** Where in time the span's log lines stand. */
function LogTicks({ logs, start, total }: { logs: readonly LogRecord[]; start: bigint; total: number }) {
  return logs.slice(0, MOST_TICKS).map((record, index) => {
    const at = Number(BigInt(record.time_unix_nano) - start) / total;
    if (at < 0 || at > 1) return null;
    return (
      <span key={index} className={css.tick} style={{ left: `${at * 100}%`, background: `var(${severityColor(severityOf(record.severity_number))})` }} />
    );
  });
}

interface LogRowProps {
  id: string;
  record: LogRecord;
  depth: number;
  top: number;
  start: bigint;
  current: boolean;
}

/** A log record in the place of its span. */
export const LogRow = memo(function LogRow({ id, record, depth, top, start, current }: LogRowProps) {
  const offset = Number(BigInt(record.time_unix_nano) - start) / 1e9;
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={depth + 2}
      aria-selected={false}
      className={css.logRow}
      data-current={current || undefined}
      data-testid="waterfall-log"
      style={{ transform: `translateY(${top}px)`, height: ROW_HEIGHT, paddingLeft: indent(depth) + 24 }}
    >
      <SeverityMark record={record} />
      <span className={css.logOffset}>
        {offset < 0 ? "−" : "+"}
        {formatDuration(seconds(Math.abs(offset)))}
      </span>
      <span className={css.logBody} title={record.body}>
        {record.body || record.event_name || "(no body)"}
      </span>
    </div>
  );
});

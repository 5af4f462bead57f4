import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { LogRecord } from "../../api/shapes";
import { moveAmongLinks } from "../../trace/trace-list";
import { LogDetails } from "../../ui/logs/log-details";
import { SeverityMark } from "../../ui/logs/severity-mark";
import { useMoments } from "../../ui/moments";
import { formatCount, nanos, nanosToSeconds } from "../../units";
import { LogContext } from "./context";
import { keyOf } from "./use-tail";
import css from "./logs.module.css";

const LINE_HEIGHT = 28;
/** The next page is asked for when this many lines are left below. */
const AHEAD = 40;

interface LogListProps {
  records: readonly LogRecord[];
  onFilter: (condition: string) => void;
  /** Told whether a line is open. */
  onReading: (reading: boolean) => void;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => unknown;
  /** Stands below the last line instead of where the window ends. */
  end?: string;
}

/** Log lines, newest first. Only those on screen exist; a click opens one to its fields. */
export function LogList({ records, onFilter, onReading, hasMore, loadingMore, loadMore, end }: LogListProps) {
  const body = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const [open, setOpen] = useState<string | null>(null);
  useLayoutEffect(() => setMargin(body.current?.offsetTop ?? 0), [records.length]);
  useEffect(() => onReading(open !== null), [open, onReading]);
  const virtual = useWindowVirtualizer({
    count: records.length,
    estimateSize: () => LINE_HEIGHT,
    overscan: 16,
    scrollMargin: margin,
  });
  const toggle = useCallback((record: LogRecord) => {
    const key = keyOf(record);
    setOpen((now) => (now === key ? null : key));
  }, []);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const nearEnd = hasMore && !loadingMore && last >= records.length - AHEAD;
  useEffect(() => {
    if (nearEnd) void loadMore();
  }, [nearEnd, loadMore]);
  return (
    <div className={css.list} data-testid="log-list">
      <div ref={body} style={{ height: virtual.getTotalSize() }} className={css.lines} onKeyDown={moveAmongLinks}>
        {items.map(({ index, start }) => {
          const record = records[index];
          if (!record) return null;
          const key = keyOf(record);
          return (
            <div
              key={index}
              ref={virtual.measureElement}
              data-index={index}
              className={css.item}
              style={{ transform: `translateY(${start - virtual.options.scrollMargin}px)` }}
            >
              <LogLine record={record} open={open === key} toggle={toggle} />
              {open === key && (
                <LogDetails record={record} onFilter={onFilter}>
                  <LogContext record={record} />
                </LogDetails>
              )}
            </div>
          );
        })}
      </div>
      <p className={css.end}>
        {end}
        {loadingMore && "Loading older records…"}
        {!loadingMore && hasMore && (
          <button type="button" onClick={() => void loadMore()} data-testid="load-more">
            Load older records
          </button>
        )}
        {!end && !hasMore && `The end of this time window: ${formatCount(records.length)} records.`}
      </p>
    </div>
  );
}

interface LogLineProps {
  record: LogRecord;
  open: boolean;
  toggle: (record: LogRecord) => void;
}

const LogLine = memo(function LogLine({ record, open, toggle }: LogLineProps) {
  const { millis, moment } = useMoments();
  const time = nanos(record.time_unix_nano);
  return (
    <button type="button" className={css.line} aria-expanded={open} onClick={() => toggle(record)} data-line data-testid="log-line">
      <time className={css.time} title={moment(nanosToSeconds(time))}>
        {millis(time)}
      </time>
      <SeverityMark record={record} />
      <span className={css.service} title={record.service}>
        {record.service}
      </span>
      <span className={css.text}>{record.body || record.event_name || "(no body)"}</span>
    </button>
  );
});

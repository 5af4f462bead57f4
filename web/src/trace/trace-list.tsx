import { useRef, type KeyboardEvent } from "react";
import type { TraceSummary } from "../api/shapes";
import { BadIcon } from "../ui/icons";
import { useMoments } from "../ui/moments";
import { formatCount, formatDuration, nanos, nanosToSeconds, seconds, type Seconds } from "../units";
import { Link, paths } from "../url/link";
import { colorServices } from "./service-colors";
import css from "./trace-list.module.css";

interface TraceListProps {
  traces: readonly TraceSummary[];
  label: string;
  /** Leave out what a narrow place has no room for. */
  compact?: boolean;
}

/** Arrow keys go from line to line. */
export function moveAmongLinks(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-line]")];
  const target = step && links[links.indexOf(document.activeElement as HTMLElement) + step];
  if (!target) return;
  event.preventDefault();
  target.focus();
}

/** Traces as lines, each with a bar of its duration against the longest. */
export function TraceList({ traces, label, compact = false }: TraceListProps) {
  const list = useRef<HTMLUListElement>(null);
  const { day } = useMoments();
  const days = new Set(traces.map((trace) => day(startOf(trace))).concat(day(seconds(Date.now() / 1000))));
  const longest = Math.max(...traces.map(({ duration }) => duration), 1e-9);
  return (
    <ul ref={list} className={compact ? css.compact : css.list} aria-label={label} onKeyDown={moveAmongLinks} data-testid="trace-list">
      {traces.map((trace) => (
        <li key={trace.trace_id}>
          <TraceLine trace={trace} longest={longest} compact={compact} dated={days.size > 1} />
        </li>
      ))}
    </ul>
  );
}

function startOf(trace: TraceSummary): Seconds {
  return nanosToSeconds(nanos(trace.start_time_unix_nano));
}

interface TraceLineProps {
  trace: TraceSummary;
  longest: number;
  compact: boolean;
  /** Say the day too. */
  dated: boolean;
}

function TraceLine({ trace, longest, compact, dated }: TraceLineProps) {
  const { clock, moment } = useMoments();
  const start = startOf(trace);
  const failed = trace.error_count > 0;
  return (
    <Link to={paths.trace(trace.trace_id)} className={css.line} data-line data-testid="trace-line" data-trace-id={trace.trace_id}>
      <time className={css.time} title={moment(start)}>
        {dated ? moment(start) : clock(start)}
      </time>
      <span className={css.duration}>
        <span className={css.number}>{formatDuration(seconds(trace.duration))}</span>
        <span className={css.track}>
          <span
            className={failed ? css.barFailed : css.bar}
            style={{ width: `${Math.max(1, (trace.duration / longest) * 100)}%` }}
          />
        </span>
      </span>
      <span className={css.root}>
        <span className={css.name} title={`${trace.root_service}: ${trace.root_name}`}>
          <strong>{trace.root_name}</strong> <span className={css.service}>{trace.root_service}</span>
        </span>
      </span>
      <span className={css.errors}>
        {failed && (
          <>
            <BadIcon size={14} />
            {trace.error_count} {trace.error_count === 1 ? "error" : "errors"}
          </>
        )}
      </span>
      {!compact && (
        <>
          <Services names={trace.services} />
          <span className={css.spans}>
            {formatCount(trace.span_count)} {trace.span_count === 1 ? "span" : "spans"}
          </span>
        </>
      )}
    </Link>
  );
}

function Services({ names }: { names: readonly string[] }) {
  const colors = colorServices(names);
  return (
    <span className={css.services} title={names.join(", ")}>
      {names.map((name) => (
        <span key={name} className={css.chip}>
          <span className={css.dot} style={{ background: `var(${colors.get(name)})` }} />
          {name}
        </span>
      ))}
    </span>
  );
}

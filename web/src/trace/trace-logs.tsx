import { useState } from "react";
import { useTraceLogs } from "../api/queries";
import type { LogRecord } from "../api/shapes";
import { LogDetails } from "../ui/logs/log-details";
import { SeverityMark } from "../ui/logs/severity-mark";
import { Answer, Loading } from "../ui/states";
import { formatDuration, seconds } from "../units";
import { Link, paths } from "../url/link";
import { absoluteWindow } from "../url/window";
import type { Tree } from "./tree";
import css from "./trace-logs.module.css";

/** Lines may be stamped by another clock than the spans: the server counts as far as this. */
const MARGIN_S = 3600;

interface TraceLogsProps {
  traceId: string;
  tree: Tree;
  count: number;
  selected: string;
  onSelect: (spanId: string) => void;
}

/** Where the log records of a trace are looked for. */
export function logWindow(tree: Tree): { from: string; to: string } {
  const start = Number(tree.start / 1_000_000n) / 1e3;
  return absoluteWindow(Math.max(0, start - MARGIN_S), start + tree.duration / 1e9 + MARGIN_S);
}

/** The log lines of a trace, oldest first, each with its place in the trace. */
export function TraceLogs({ traceId, tree, count, selected, onSelect }: TraceLogsProps) {
  const start = Number(tree.start / 1_000_000n) / 1e3;
  const end = start + tree.duration / 1e9;
  const window = logWindow(tree);
  const query = useTraceLogs(traceId, Number(window.from), Number(window.to));
  return (
    <section id="logs" className={css.logs} aria-label="Logs of this trace" data-testid="trace-logs">
      <header className={css.head}>
        <h2>
          Logs <span className={css.count}>{count}</span>
        </h2>
        {count > 0 && (
          <Link
            to={paths.logs}
            params={{ filter: `trace_id = "${traceId}"`, ...absoluteWindow(start - 5, end + 5) }}
            data-testid="all-logs"
          >
            Open in Logs
          </Link>
        )}
      </header>
      {count === 0 ? (
        <p className={css.none}>
          No log line carries this trace id. <Link to={paths.doctor}>The doctor</Link> says what logs lack.
        </p>
      ) : (
        <Answer query={query} loading={<Loading rows={4} label="the trace's logs" />}>
          {({ logs }) => <Lines logs={logs} tree={tree} selected={selected} onSelect={onSelect} />}
        </Answer>
      )}
    </section>
  );
}

interface LinesProps {
  logs: readonly LogRecord[];
  tree: Tree;
  selected: string;
  onSelect: (spanId: string) => void;
}

function Lines({ logs, tree, selected, onSelect }: LinesProps) {
  const [open, setOpen] = useState<number | null>(null);
  return (
    <ul>
      {logs.toReversed().map((record, index) => {
        const offset = Number(BigInt(record.time_unix_nano) - tree.start) / 1e9;
        const span = tree.byId.get(record.span_id)?.span;
        return (
          <li key={index} data-of-selected={(selected !== "" && record.span_id === selected) || undefined}>
            <div className={css.line}>
              <button
                type="button"
                className={css.open}
                aria-expanded={open === index}
                onClick={() => setOpen(open === index ? null : index)}
                data-testid="trace-log-line"
              >
                <span className={css.offset}>
                  {offset < 0 ? "−" : "+"}
                  {formatDuration(seconds(Math.abs(offset)))}
                </span>
                <SeverityMark record={record} />
                <span className={css.service}>{record.service}</span>
                <span className={css.body}>{record.body}</span>
              </button>
              {span && (
                <button type="button" className={css.span} onClick={() => onSelect(span.span_id)} title="Show its span">
                  {span.name}
                </button>
              )}
            </div>
            {open === index && <LogDetails record={record} inTrace />}
          </li>
        );
      })}
    </ul>
  );
}

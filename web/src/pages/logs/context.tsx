import { useState } from "react";
import { useLogsAround } from "../../api/explore";
import type { LogRecord } from "../../api/shapes";
import { addCondition, attributeField, quote } from "../../ui/filter/text";
import { SeverityMark } from "../../ui/logs/severity-mark";
import { useMoments } from "../../ui/moments";
import { Answer, Loading } from "../../ui/states";
import { nanos } from "../../units";
import css from "./context.module.css";

const STEP = 10;
const MOST = 500;
const INSTANCE = "service.instance.id";

/** The filter of records from where this one came: its service and, where it is known, its instance. */
export function originFilter({ service, resource }: LogRecord): string {
  const instance = resource[INSTANCE];
  const same = service ? `service.name = ${quote(service)}` : "";
  return instance ? addCondition(same, `${attributeField("resource", INSTANCE)} = ${quote(instance)}`) : same;
}

/** The lines before and after a line, of the same service and instance. */
export function LogContext({ record }: { record: LogRecord }) {
  const [open, setOpen] = useState(false);
  if (!open) {
    return (
      <button type="button" className={css.open} onClick={() => setOpen(true)} data-testid="show-context">
        Show the lines around it
      </button>
    );
  }
  return <Around record={record} onClose={() => setOpen(false)} />;
}

function Around({ record, onClose }: { record: LogRecord; onClose: () => void }) {
  const [limit, setLimit] = useState(STEP);
  const query = useLogsAround(record.time_unix_nano, originFilter(record), limit);
  const instance = record.resource[INSTANCE];
  return (
    <section className={css.around} aria-label="Lines around this one" data-testid="context">
      <header>
        <h3>
          Around it: {record.service}
          {instance && `, instance ${instance}`}
        </h3>
        {limit < MOST && (
          <button type="button" className={css.open} onClick={() => setLimit(Math.min(MOST, limit * 3))} data-testid="more-context">
            More
          </button>
        )}
        <button type="button" className={css.open} onClick={onClose}>
          Close
        </button>
      </header>
      <Answer query={query} loading={<Loading rows={6} label="the lines around" />}>
        {({ before, after }) => (
          <ol>
            {[...before, ...after].map((line, index) => (
              <Line key={index} line={line} self={isSame(line, record)} />
            ))}
          </ol>
        )}
      </Answer>
    </section>
  );
}

function isSame(a: LogRecord, b: LogRecord): boolean {
  return a.time_unix_nano === b.time_unix_nano && a.body === b.body && a.span_id === b.span_id;
}

function Line({ line, self }: { line: LogRecord; self: boolean }) {
  const { millis } = useMoments();
  return (
    <li className={css.line} aria-current={self || undefined} data-testid="context-line">
      <time>{millis(nanos(line.time_unix_nano))}</time>
      <SeverityMark record={line} />
      <span className={css.text}>{line.body || line.event_name || "(no body)"}</span>
    </li>
  );
}

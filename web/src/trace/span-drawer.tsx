import { useEffect } from "react";
import type { Span } from "../api/shapes";
import { Chip } from "../ui/chip";
import { CopyButton } from "../ui/copy";
import { Fields } from "../ui/fields";
import { addCondition, attributeField, quote } from "../ui/filter/text";
import { BadIcon, CloseIcon, FilterInIcon } from "../ui/icons";
import { useMoments } from "../ui/moments";
import { formatDuration, nanos, seconds } from "../units";
import { Link, paths } from "../url/link";
import { hasFailed, type Node } from "./tree";
import css from "./span-drawer.module.css";

interface SpanDrawerProps {
  node: Node;
  traceStart: bigint;
  color: string;
  onClose: () => void;
}

const duration = (ns: number) => formatDuration(seconds(ns / 1e9));

/** Everything that one span says. */
export function SpanDrawer({ node, traceStart, color, onClose }: SpanDrawerProps) {
  const { span } = node;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) onClose();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [onClose]);
  const finder = (scope: "attributes" | "resource") => (name: string, value: string) => (
    <FindLike span={span} condition={`${attributeField(scope, name)} = ${quote(value)}`} />
  );
  return (
    <aside className={css.drawer} aria-label={`Span ${span.name}`} data-testid="span-drawer">
      <header className={css.head}>
        <span className={css.color} style={{ background: `var(${color})` }} />
        <div className={css.title}>
          <h2>{span.name}</h2>
          <p>
            <Link to={paths.service(span.service)}>{span.service}</Link>
          </p>
        </div>
        <button type="button" onClick={onClose} aria-label="Close the span's details" className={css.close} data-testid="close-drawer">
          <CloseIcon />
        </button>
      </header>
      <div className={css.body}>
        <Facts node={node} />
        {span.status_message && <p className={css.message}>{span.status_message}</p>}
        <Fields title="Attributes" fields={Object.entries(span.attributes)} action={finder("attributes")} />
        <Events span={span} traceStart={traceStart} />
        <Links span={span} />
        <Fields title="Resource" fields={Object.entries(span.resource)} action={finder("resource")} />
      </div>
    </aside>
  );
}

function Facts({ node }: { node: Node }) {
  const { exact } = useMoments();
  const { span, offset, self } = node;
  const failed = hasFailed(span);
  return (
    <>
      <dl className={css.facts}>
        <div>
          <dt>duration</dt>
          <dd>{duration(span.duration_ns)}</dd>
        </div>
        <div>
          <dt>self time</dt>
          <dd title="Time in which none of its children ran">{duration(self)}</dd>
        </div>
        <div>
          <dt>starts after</dt>
          <dd>{duration(offset)}</dd>
        </div>
        <div>
          <dt>status</dt>
          <dd className={failed ? css.bad : undefined}>
            {failed && <BadIcon size={14} />}
            {failed ? "failed" : span.status_code.toLowerCase()}
          </dd>
        </div>
      </dl>
      <p className={css.line}>
        <Chip>{span.kind.toLowerCase()}</Chip>
        <span title="Start">{exact(nanos(span.start_time_unix_nano))}</span>
      </p>
      <p className={css.line}>
        <code>{span.span_id}</code>
        <CopyButton text={span.span_id} label="Copy the span's id" />
      </p>
      {span.scope && <p className={css.scope}>instrumented by {span.scope}</p>}
    </>
  );
}

function FindLike({ span, condition }: { span: Span; condition: string }) {
  const filter = addCondition(`service.name = ${quote(span.service)}`, condition);
  return (
    <Link to={paths.traces} params={{ filter }} className={css.find} aria-label={`Find traces with ${condition}`} title={`Find traces with ${condition}`}>
      <FilterInIcon size={13} />
    </Link>
  );
}

function Events({ span, traceStart }: { span: Span; traceStart: bigint }) {
  if (span.events.length === 0) return null;
  return (
    <section className={css.events}>
      <h3>Events</h3>
      {span.events.map((event, index) => (
        <div key={index} className={css.event}>
          <p>
            <strong>{event.name}</strong> after {duration(Number(BigInt(event.time_unix_nano) - traceStart))}
          </p>
          <Fields title="" fields={Object.entries(event.attributes)} />
        </div>
      ))}
    </section>
  );
}

function Links({ span }: { span: Span }) {
  if (span.links.length === 0) return null;
  return (
    <section className={css.events}>
      <h3>Links to other spans</h3>
      {span.links.map((link) => (
        <div key={`${link.trace_id} ${link.span_id}`} className={css.event}>
          <p>
            <Link to={paths.trace(link.trace_id)} params={{ span: link.span_id }}>
              <code>{link.trace_id}</code>
            </Link>
          </p>
          <Fields title="" fields={Object.entries(link.attributes)} />
        </div>
      ))}
    </section>
  );
}

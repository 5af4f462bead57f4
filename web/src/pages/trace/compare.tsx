import { useMemo } from "react";
import { useTrace } from "../../api/queries";
import type { Span, Trace } from "../../api/shapes";
import { compareTraces, differingFields, type PairRow, type Side } from "../../trace/compare";
import { buildTree, hasFailed, mainRoot } from "../../trace/tree";
import { BadIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { useMoments } from "../../ui/moments";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatCount, formatDuration, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { useParam } from "../../url/params";
import css from "./compare.module.css";

const MOST_ROWS = 2_000;
const MOST_FIELDS = 100;

const duration = (ns: number) => formatDuration(seconds(ns / 1e9));

/** Two traces side by side: what took longer, what is only in one, which fields differ. */
export default function CompareTracesPage() {
  const [a] = useParam("a", "");
  const [b] = useParam("b", "");
  const header = (
    <PageHeader title="Two traces" trail={<Link to={paths.traces}>Traces</Link>} heading={<h1>Two traces</h1>} />
  );
  if (!a || !b) {
    return (
      <>
        {header}
        <Empty title="Choose two traces">
          Open a trace and press Compare, or name both in the address: /traces/compare?a=…&b=…
        </Empty>
      </>
    );
  }
  return (
    <>
      {header}
      <Both a={a} b={b} />
    </>
  );
}

function Both({ a, b }: { a: string; b: string }) {
  const first = useTrace(a);
  const second = useTrace(b);
  return (
    <Answer query={first} loading={<Loading rows={10} label="the first trace" />}>
      {(one) => (
        <Answer query={second} loading={<Loading rows={10} label="the second trace" />}>
          {(two) => <Compared a={one} b={two} />}
        </Answer>
      )}
    </Answer>
  );
}

function Compared({ a, b }: { a: Trace; b: Trace }) {
  const rows = useMemo(() => compareTraces(a.spans, b.spans, hasFailed), [a, b]);
  const fields = useMemo(() => differingFields(a.spans, b.spans), [a, b]);
  const widest = Math.max(1, ...rows.map((row) => Math.abs(selfOf(row.b) - selfOf(row.a))));
  return (
    <>
      <div className={css.heads}>
        <Head name="A" spans={a.spans} />
        <Head name="B" spans={b.spans} />
      </div>
      <div className={css.panel} tabIndex={0} role="region" aria-label="Spans of both traces">
        <table className={css.table} data-testid="trace-pairs">
          <caption className="visually-hidden">Spans of both traces by their place, with durations and self times</caption>
          <thead>
            <tr>
              <th scope="col">span</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
              <th scope="col">B − A</th>
              <th scope="col" className={css.wide}>self time, B − A</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MOST_ROWS).map((row) => (
              <Row key={row.key} row={row} widest={widest} />
            ))}
          </tbody>
        </table>
        {rows.length > MOST_ROWS && <p className={css.more}>The first {formatCount(MOST_ROWS)} of {formatCount(rows.length)} places.</p>}
      </div>
      <section className={css.panel} aria-label="Fields that differ" tabIndex={0}>
        <h2>Fields that differ {fields.length > 0 && <span>{formatCount(fields.length)}</span>}</h2>
        {fields.length === 0 ? (
          <p className={css.more}>Spans of the same name say the same in both, ids left out.</p>
        ) : (
          <table className={css.table} data-testid="trace-fields">
            <thead>
              <tr>
                <th scope="col">field</th>
                <th scope="col" className={css.places}>in</th>
                <th scope="col" className={css.places}>A</th>
                <th scope="col" className={css.places}>B</th>
              </tr>
            </thead>
            <tbody>
              {fields.slice(0, MOST_FIELDS).map(({ places, name, a: x, b: y }) => (
                <tr key={`${name} ${x} ${y}`}>
                  <th scope="row" className={css.code}>
                    {name}
                  </th>
                  <td className={css.places} title={places.join("\n")}>
                    {places[0]}
                    {places.length > 1 && ` and ${places.length - 1} more`}
                  </td>
                  <td className={css.code}>{x}</td>
                  <td className={css.code}>{y}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </>
  );
}

function Head({ name, spans }: { name: string; spans: readonly Span[] }) {
  const { exact } = useMoments();
  const tree = buildTree(spans);
  const { span } = mainRoot(tree);
  const failed = spans.filter(hasFailed).length;
  return (
    <div className={css.head}>
      <span className={css.letter}>{name}</span>
      <p>
        <Link to={paths.trace(span.trace_id)}>
          <strong>{span.name}</strong> · {span.service}
        </Link>
        <span>{exact(tree.start as Parameters<typeof exact>[0])}</span>
      </p>
      <dl>
        <div>
          <dt>duration</dt>
          <dd>{duration(tree.duration)}</dd>
        </div>
        <div>
          <dt>spans</dt>
          <dd>{formatCount(spans.length)}</dd>
        </div>
        <div>
          <dt>failed</dt>
          <dd>{failed}</dd>
        </div>
      </dl>
    </div>
  );
}

const selfOf = (side: Side | null) => side?.self ?? 0;

function Row({ row: { name, service, depth, a, b }, widest }: { row: PairRow; widest: number }) {
  const change = selfOf(b) - selfOf(a);
  const width = (Math.abs(change) / widest) * 50;
  return (
    <tr data-only={!a ? "b" : !b ? "a" : undefined} data-testid="trace-pair" data-span-name={name}>
      <th scope="row" style={{ paddingLeft: 12 + Math.min(depth, 14) * 14 }} title={`${service}: ${name}`}>
        {name} <span className={css.service}>{service}</span>
        {!a && <span className={css.only}>only in B</span>}
        {!b && <span className={css.only}>only in A</span>}
      </th>
      <Took side={a} />
      <Took side={b} />
      <td>{a && b ? signed(b.duration - a.duration) : "–"}</td>
      <td className={css.wide}>
        <span className={css.diff}>
          <span className={css.track} aria-hidden="true">
            {change !== 0 && (
              <span className={change > 0 ? css.slower : css.faster} style={{ [change > 0 ? "left" : "right"]: "50%", width: `${width}%` }} />
            )}
          </span>
          <span>{signed(change)}</span>
        </span>
      </td>
    </tr>
  );
}

function Took({ side }: { side: Side | null }) {
  if (!side) return <td>–</td>;
  return (
    <td>
      {side.failed > 0 && (
        <span className={css.failed} title={`${side.failed} failed`}>
          <BadIcon size={12} />
          <span className="visually-hidden">failed</span>
        </span>
      )}
      {duration(side.duration)}
      {side.count > 1 && <span className={css.times}> ×{side.count}</span>}
    </td>
  );
}

function signed(ns: number): string {
  if (ns === 0) return "0";
  return `${ns > 0 ? "+" : "−"}${duration(Math.abs(ns))}`;
}

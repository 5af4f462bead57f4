import { useCallback, useMemo, useRef, type ReactNode } from "react";
import { ApiError } from "../../api/client";
import { useTrace, useTraceLogs } from "../../api/queries";
import type { LogRecord, Trace } from "../../api/shapes";
import { criticalPath, shareOfPath, type CriticalPart } from "../../trace/critical";
import { SpanDrawer } from "../../trace/span-drawer";
import { colorServices } from "../../trace/service-colors";
import { logWindow, TraceLogs } from "../../trace/trace-logs";
import { buildTree, hasFailed, mainRoot, shareByService, type Tree } from "../../trace/tree";
import { Waterfall } from "../../trace/waterfall";
import { CopyButton, CopyList } from "../../ui/copy";
import { shellQuote } from "../../ui/filter/text";
import { Chip } from "../../ui/chip";
import { BadIcon, LeftIcon, OkIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { useMoments } from "../../ui/moments";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatCount, formatDuration, formatRatio, nanos, ratio, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { goBack, useSearch } from "../../url/location";
import { pageHref, useParam } from "../../url/params";
import { absoluteWindow } from "../../url/window";
import { CompareMenu } from "./compare-menu";
import css from "./trace.module.css";

/** How far around a request its services are looked at. */
const AROUND_S = 450;

export default function TracePage({ id }: { id: string }) {
  const query = useTrace(id);
  if (query.error instanceof ApiError && query.error.status === 404) return <NoTrace id={id} message={query.error.message} />;
  return query.data ? (
    <Loaded trace={query.data} />
  ) : (
    <>
      <PageHeader title="Trace" trail={<Trail />} heading={<h1>Trace</h1>} />
      <Answer query={query} loading={<Loading rows={10} label="the trace" />}>
        {() => null}
      </Answer>
    </>
  );
}

function NoTrace({ id, message }: { id: string; message: string }) {
  return (
    <>
      <PageHeader title="No such trace" trail={<Trail />} heading={<h1>No such trace</h1>} />
      <Empty title="This trace is not stored">
        <p>{message}</p>
        <p>
          Its logs may be: <Link to={paths.logs} params={{ filter: `trace_id = "${id}"` }}>look for them</Link>.
        </p>
      </Empty>
    </>
  );
}

function Trail({ children }: { children?: ReactNode }) {
  const search = useSearch();
  return (
    <>
      <button type="button" className={css.back} onClick={() => goBack(pageHref(paths.traces, search))} data-testid="back">
        <LeftIcon size={12} /> Back
      </button>
      <span aria-hidden="true">·</span>
      <Link to={paths.overview} data-testid="to-overview">
        Overview
      </Link>
      {children}
    </>
  );
}

function Loaded({ trace }: { trace: Trace }) {
  const tree = useMemo(() => buildTree(trace.spans), [trace.spans]);
  const colors = useMemo(() => colorServices(trace.spans.map((span) => span.service)), [trace.spans]);
  const [selected, setSelected] = useParam("span", "");
  const close = useCallback(() => setSelected(""), [setSelected]);
  const node = tree.byId.get(selected);
  const critical = useMemo(() => criticalPath(tree), [tree]);
  const [onlyCritical, setOnlyCritical] = useParam("path", "");
  const [allLogs, setAllLogs] = useParam("lines", "");
  const bySpan = useLogsBySpan(trace, tree);
  const logs = useRef<HTMLDivElement>(null);
  const { service, name } = mainRoot(tree).span;
  return (
    <>
      <PageHeader
        title={`${name} · ${service}`}
        trail={
          <Trail>
            <span aria-hidden="true">/</span>
            <Link to={paths.service(service)} data-testid="to-service">
              {service}
            </Link>
          </Trail>
        }
        heading={
          <h1 className={css.title} data-testid="trace-title">
            {name}
          </h1>
        }
        controls={
          <>
            <CopyList
              items={[
                ["trace id", trace.trace_id],
                ["filter", `trace_id = "${trace.trace_id}"`],
                ["curl", `curl ${shellQuote(`${location.origin}/api/traces/${trace.trace_id}`)}`],
                ["link to this view", location.href],
              ]}
            />
            <CompareMenu traceId={trace.trace_id} service={service} name={name} start={Number(tree.start / 1_000_000n) / 1e3} />
            <button
              type="button"
              className={css.toLogs}
              onClick={() => logs.current?.scrollIntoView({ behavior: "smooth", block: "start" })}
              data-testid="to-logs"
            >
              Logs <span>{trace.log_count}</span>
            </button>
          </>
        }
      />
      <Facts trace={trace} tree={tree} />
      <Shares tree={tree} colors={colors} />
      <div className={css.bar}>
        <PathShares tree={tree} critical={critical} />
        <label className={css.toggle}>
          <input type="checkbox" checked={onlyCritical === "1"} onChange={(event) => setOnlyCritical(event.target.checked ? "1" : "")} data-testid="only-critical" />
          Critical path only
        </label>
        {bySpan.size > 0 && (
          <label className={css.toggle}>
            <input type="checkbox" checked={allLogs === "1"} onChange={(event) => setAllLogs(event.target.checked ? "1" : "")} data-testid="all-lines" />
            Log lines in place
          </label>
        )}
      </div>
      <div className={node ? css.split : undefined}>
        <div className={css.main}>
          <Waterfall
            key={allLogs}
            tree={tree}
            colors={colors}
            critical={critical}
            onlyCritical={onlyCritical === "1"}
            logs={bySpan}
            allLogs={allLogs === "1"}
            selected={selected}
            onSelect={setSelected}
          />
          <div ref={logs} className={css.logsPlace}>
            <TraceLogs traceId={trace.trace_id} tree={tree} count={trace.log_count} selected={selected} onSelect={setSelected} />
          </div>
        </div>
        {node && (
          <SpanDrawer
            node={node}
            traceStart={tree.start}
            color={colors.get(node.span.service) ?? "--text-3"}
            onClose={close}
          />
        )}
      </div>
    </>
  );
}

function Facts({ trace, tree }: { trace: Trace; tree: Tree }) {
  const { moment } = useMoments();
  const root = mainRoot(tree);
  const start = seconds(Number(nanos(root.span.start_time_unix_nano) / 1_000_000n) / 1e3);
  const failed = trace.spans.filter(hasFailed).length;
  const models = modelVersions(trace);
  return (
    <div className={css.top}>
    <dl className={css.facts} data-testid="trace-facts">
      <div>
        <dt>duration</dt>
        <dd data-testid="trace-duration">{formatDuration(seconds(tree.duration / 1e9))}</dd>
      </div>
      <div>
        <dt>status</dt>
        <dd className={failed ? css.bad : css.good}>
          {failed ? <BadIcon size={15} /> : <OkIcon size={15} />}
          {failed ? `${failed} of ${trace.spans.length} failed` : "ok"}
        </dd>
      </div>
      <div>
        <dt>started</dt>
        <dd>{moment(start)}</dd>
      </div>
      <div>
        <dt>spans</dt>
        <dd>{formatCount(trace.spans.length)}</dd>
      </div>
      {models.length > 0 && (
        <div>
          <dt>model</dt>
          <dd className={css.chips}>
            {models.map((model) => (
              <Chip key={model}>{model}</Chip>
            ))}
          </dd>
        </div>
      )}
      <div>
        <dt>trace id</dt>
        <dd className={css.id}>
          <code>{trace.trace_id}</code>
          <CopyButton text={trace.trace_id} label="Copy the trace id" />
        </dd>
      </div>
    </dl>
      <div className={css.around}>
        <Link to={paths.overview} params={{ ...absoluteWindow(start - AROUND_S, start + AROUND_S) }} data-testid="overview-around">
          Overview at that time
        </Link>
        <Link
          to={paths.service(root.span.service)}
          params={{ ...absoluteWindow(start - AROUND_S, start + AROUND_S) }}
          data-testid="service-around"
        >
          Service at that time
        </Link>
      </div>
    </div>
  );
}

/** Models and versions that took part, such as `recommender v23`. */
function modelVersions(trace: Trace): string[] {
  const found = new Set<string>();
  for (const { attributes, resource } of trace.spans) {
    const name = attributes["model_name"] ?? resource["model_name"];
    if (!name) continue;
    const version = attributes["model_version"] ?? resource["model_version"];
    found.add(version ? `${name} ${version}` : name);
  }
  return [...found];
}

/** The trace's log records by the span that they carry, oldest first. */
function useLogsBySpan(trace: Trace, tree: Tree): ReadonlyMap<string, readonly LogRecord[]> {
  const { from, to } = logWindow(tree);
  const { data } = useTraceLogs(trace.trace_id, Number(from), Number(to), trace.log_count > 0);
  return useMemo(() => {
    const found = new Map<string, LogRecord[]>();
    for (const record of data?.logs.toReversed() ?? []) {
      if (!tree.byId.has(record.span_id)) continue;
      const known = found.get(record.span_id);
      if (known) known.push(record);
      else found.set(record.span_id, [record]);
    }
    return found;
  }, [data, tree]);
}

const NAMED = 3;

/** What the request waited for, in words. */
function PathShares({ tree, critical }: { tree: Tree; critical: ReadonlyMap<string, CriticalPart> }) {
  const shares = useMemo(() => shareOfPath(tree, critical), [tree, critical]);
  const total = shares.reduce((sum, share) => sum + share.total, 0) || 1;
  return (
    <p className={css.path} data-testid="critical-path">
      <span className={css.pathMark} aria-hidden="true" /> Critical path:{" "}
      {shares.slice(0, NAMED).map(({ name, service, total: own }, index) => (
        <span key={`${service} ${name}`}>
          {index > 0 && ", "}
          <strong title={service}>{name}</strong> {formatDuration(seconds(own / 1e9))} ({formatRatio(ratio(own / total))})
        </span>
      ))}
      {shares.length > NAMED && ` and ${shares.length - NAMED} more`}
    </p>
  );
}

/** Where the time went, service by service. */
function Shares({ tree, colors }: { tree: Tree; colors: ReadonlyMap<string, string> }) {
  const shares = useMemo(() => shareByService(tree), [tree]);
  const total = shares.reduce((sum, { self }) => sum + self, 0) || 1;
  return (
    <figure className={css.shares} aria-label="Self time by service">
      <div className={css.shareBar} aria-hidden="true">
        {shares.map(({ service, self }) => (
          <span key={service} style={{ width: `${(self / total) * 100}%`, background: `var(${colors.get(service)})` }} />
        ))}
      </div>
      <ul>
        {shares.map(({ service, self, spans }) => (
          <li key={service} title={`${formatCount(spans)} spans`}>
            <span className={css.dot} style={{ background: `var(${colors.get(service)})` }} />
            {service}
            <span className={css.share}>{formatDuration(seconds(self / 1e9))} self</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

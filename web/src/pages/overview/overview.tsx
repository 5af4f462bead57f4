import { useDeferredValue, useMemo } from "react";
import { useTroubled } from "../../api/incidents";
import { byService, keyOf, useInstruments } from "../../api/instruments";
import { useServices, useStatus } from "../../api/queries";
import type { Service } from "../../api/shapes";
import { apiUrl } from "../../api/client";
import { useMarks, type Mark } from "../../api/markers";
import { useMarksShown } from "../../charts/marks-layer";
import { ChartMenu, copiesOf, type Fact } from "../../charts/menu";
import { drawnFrom, observedRate } from "../../charts/points";
import { formatCount, formatDuration, formatRate, formatRatio, perSecond, ratio, seconds, trimZeros } from "../../units";
import { setParams, useParam } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import { Find } from "../../ui/find";
import { PageHeader } from "../../ui/layout";
import { useMoments } from "../../ui/moments";
import { Answer, Empty, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { judge } from "../../ui/verdict";
import { ActiveIncidents } from "./active-incidents";
import { FirstRun } from "./first-run";
import { Row } from "./row";
import { formatSorting, parseSorting, sortServices, startsDescending, type Column, type Sorting } from "./sorting";
import css from "./overview.module.css";

interface Overview {
  start: number;
  end: number;
  step: number;
  services: Service[];
}

/** Up to this many rows have room to be taller. */
const FEW = 8;

export function OverviewPage() {
  const query = useServices();
  return (
    <>
      <PageHeader title="Overview" heading={<h1>Overview</h1>} controls={<TimePicker />} />
      <ActiveIncidents />
      <Answer query={query} loading={<Loading rows={8} label="services" />}>
        {(data) => (data.services.length ? <Services data={data} /> : <NoServices />)}
      </Answer>
    </>
  );
}

function NoServices() {
  const { data: status } = useStatus();
  if (!status) return <Loading rows={3} label="the server's state" />;
  const stored = status.tables.some(({ table, rows }) => table === "otel_traces" && rows > 0);
  if (!stored) return <FirstRun status={status} />;
  return (
    <Empty title="No requests in this time window">
      <p>There are older ones: look further back.</p>
      <p className={css.actions}>
        {[["now-1h", "Last hour"], ["now-24h", "Last 24 hours"], ["now-7d", "Last 7 days"]].map(([from, name]) => (
          <button key={from} type="button" onClick={() => setParams({ from, to: null })}>
            {name}
          </button>
        ))}
      </p>
    </Empty>
  );
}

function Services({ data }: { data: Overview }) {
  const [sort, setSort] = useParam("sort", "status");
  const [wanted, setWanted] = useParam("q", "");
  const needle = useDeferredValue(wanted.trim().toLowerCase());
  const sorting = parseSorting(sort);
  const { data: instruments, isPending: asked } = useInstruments();
  const known = useMemo(() => byService(instruments?.services ?? []), [instruments]);
  const { start, end, step } = data;
  const { live } = useTimeWindow();
  const from = live ? drawnFrom(data.services.map(({ points }) => points), start, end) : start;
  const matching = data.services.filter(({ service, model, versions, regions }) =>
    [service, model, ...regions, ...versions.map(({ version }) => version)].some((text) =>
      text.toLowerCase().includes(needle),
    ),
  );
  const [shown] = useMarksShown();
  const marks = useMarks([start, end], "", shown);
  const marksOf = useMemo(() => {
    const found = new Map<string, readonly Mark[]>();
    return (service: string) => {
      const own = found.get(service) ?? marks.filter((mark) => mark.service === "" || mark.service === service);
      found.set(service, own);
      return own;
    };
  }, [marks]);
  const troubled = useTroubled();
  const judged = (service: Service) => judge(service, data, troubled);
  const rows = sortServices(matching, sorting, judged);
  const models = new Map<string, number>();
  for (const { service } of data.services) models.set(service, (models.get(service) ?? 0) + 1);
  return (
    <figure aria-label="Services">
      <div className={css.above}>
        <div className={css.told}>
          <Totals data={data} />
          <ChartMenu inline title="Services" facts={factsOf(data)} copies={copiesOf(apiUrl("/api/services", { query: { start, end, step } }))} />
        </div>
        <Find
          label="Find a service, model, version or region"
          placeholder="Find service, model, region"
          value={wanted}
          onChange={setWanted}
          data-testid="find-service"
        />
      </div>
      {rows.length === 0 ? (
        <Empty title={`No service matches “${wanted}”`} />
      ) : (
        <div className={css.frame}>
          <table role="table" className={rows.length <= FEW ? css.roomy : css.table} aria-label="Services and their models">
            <Head sorting={sorting} onSort={(next) => setSort(formatSorting(next))} />
            <tbody role="rowgroup">
              {rows.map((service) => (
                <Row
                  key={`${service.service} ${service.model}`}
                  service={service}
                  verdict={judged(service)}
                  known={known.get(keyOf(service.service, service.model)) ?? (asked ? undefined : null)}
                  start={start}
                  end={end}
                  step={step}
                  from={from}
                  marks={marksOf(service.service)}
                  shared={(models.get(service.service) ?? 0) > 1}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </figure>
  );
}

function factsOf({ services, step }: Overview): Fact[] {
  const requests = services.reduce((sum, one) => sum + one.requests, 0);
  return [
    ["Samples", `${formatCount(requests)} requests: entry spans, each as many as its sampling weight says`],
    ["Error", "percentiles by t-digest of the durations themselves: exact for few requests, within 1 % of the value for many"],
    ["Left out", "nothing: requests of traces that were not kept are counted all the same"],
    ["Step", trimZeros(formatDuration(seconds(step)))],
    ["Gaps", "a step without requests has no latency, and is not drawn"],
    ["Unit", "latency: duration; errors: share of requests; traffic: requests a second"],
  ];
}

function Totals({ data }: { data: Overview }) {
  const { clock } = useMoments();
  const requests = data.services.reduce((sum, one) => sum + one.requests, 0);
  const errors = data.services.reduce((sum, one) => sum + one.requests * one.error_ratio, 0);
  const rate = data.services.reduce((sum, one) => sum + observedRate(one, data.start, data.end), 0);
  const count = new Set(data.services.map((one) => one.service)).size;
  const regions = new Set(data.services.flatMap((one) => one.regions)).size;
  return (
    <p className={css.totals} data-testid="totals">
      <span>
        <strong>{count}</strong> {count === 1 ? "service" : "services"}
      </span>
      {regions > 0 && (
        <span>
          <strong>{regions}</strong> {regions === 1 ? "region" : "regions"}
        </span>
      )}
      <span>
        <strong>{formatRate(perSecond(rate))}</strong> requests
      </span>
      <span>
        <strong>{formatRatio(ratio(requests ? errors / requests : 0))}</strong> errors
      </span>
      <span className={css.asOf}>as of {clock(seconds(data.end))}</span>
    </p>
  );
}

const HEADS: readonly [Column | null, string, string][] = [
  ["status", "Status", "status"],
  ["service", "Service, model, version", "service"],
  ["p50", "p50", "p50"],
  ["p95", "p95", "p95"],
  ["p99", "p99", "p99"],
  [null, "Latency", "latency"],
  ["errors", "Errors", "errors"],
  ["traffic", "Traffic", "traffic"],
  [null, "", "flow"],
  [null, "Saturation", "saturation"],
  [null, "Quality", "quality"],
  [null, "Cost / 1,000", "cost"],
  [null, "Regions", "region"],
];

function Head({ sorting, onSort }: { sorting: Sorting; onSort: (sorting: Sorting) => void }) {
  return (
    <thead role="rowgroup">
      <tr role="row">
        {HEADS.map(([column, text, name]) => (
          <th
            key={name}
            role="columnheader"
            scope="col"
            className={css[name]}
            aria-sort={column !== sorting.column ? undefined : sorting.descending ? "descending" : "ascending"}
          >
            {column ? (
              <button
                type="button"
                onClick={() =>
                  onSort({
                    column,
                    descending: column === sorting.column ? !sorting.descending : startsDescending(column),
                  })
                }
                data-testid={`sort-${column}`}
              >
                {text}
                {column === sorting.column && (
                  <span aria-hidden="true" className={css.arrow}>
                    {sorting.descending ? "↓" : "↑"}
                  </span>
                )}
              </button>
            ) : (
              text || <span className="visually-hidden">Traffic over time</span>
            )}
          </th>
        ))}
      </tr>
    </thead>
  );
}

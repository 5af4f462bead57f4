import { useMemo } from "react";
import { useServices, useTraces, useTraffic, type GroupBy } from "../../api/queries";
import type { Service, Traffic } from "../../api/shapes";
import { Link, paths } from "../../url/link";
import { useSearch } from "../../url/location";
import { setParams, useChoice } from "../../url/params";
import { Segments } from "../../ui/chip";
import { quote } from "../../ui/filter/text";
import { PageHeader } from "../../ui/layout";
import { Answer, Empty, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { TraceList } from "../../trace/trace-list";
import { RequestBreakdown } from "./breakdown";
import { Instruments } from "./instruments";
import { ServiceCharts } from "./service-charts";
import { Standing } from "./standing";
import css from "./service.module.css";

export default function ServicePage({ id: service }: { id: string }) {
  const model = new URLSearchParams(useSearch()).get("model");
  const [by, setBy] = useChoice<GroupBy>("by", ["none", "region", "model_version"], "none");
  const traffic = useTraffic(service, model, by);
  const overview = useServices().data;
  const rows = useMemo(
    () => overview?.services.filter((row) => row.service === service) ?? [],
    [overview, service],
  );
  const shown = model === null ? rows : rows.filter((row) => row.model === model);
  return (
    <>
      <PageHeader
        title={model ? `${service} · ${model}` : service}
        trail={<Link to={paths.overview}>Overview</Link>}
        heading={
          <h1 className={css.title} title={service} data-testid="service-title">
            {service}
          </h1>
        }
        controls={<TimePicker />}
      />
      <div className={css.bar}>
        <Models rows={rows} model={model} />
        <Segments<GroupBy>
          label="Split by"
          value={by}
          onChange={setBy}
          options={[["none", "Whole"], ["region", "By region"], ["model_version", "By version"]]}
          data-testid="split-by"
        />
        <SignalLinks service={service} model={model} />
      </div>
      <Standing service={service} />
      {overview ? <Instruments rows={shown} overview={overview} /> : <Loading rows={3} label="the instruments" />}
      <Answer query={traffic} loading={<Loading rows={10} label="the service's traffic" />}>
        {(data) => <Charts data={data} filter={requestFilter(service, model)} />}
      </Answer>
      <RequestBreakdown service={service} model={model} />
      <Examples service={service} model={model} />
    </>
  );
}

/** The filter that finds the requests of a service and model. */
function requestFilter(service: string, model: string | null): string {
  const whole = `service.name = ${quote(service)} and entry = true`;
  return model === null ? whole : `${whole} and model_name = ${quote(model)}`;
}

function Models({ rows, model }: { rows: readonly Service[]; model: string | null }) {
  if (rows.length < 2 && model === null) return <Single row={rows[0]} />;
  const names = [...new Set([...rows.map((row) => row.model), ...(model === null ? [] : [model])])];
  return (
    <label className={css.models}>
      Model
      <select
        value={model === null ? "*" : `=${model}`}
        onChange={(event) => {
          const { value } = event.target;
          setParams({ model: value === "*" ? null : value.slice(1) }, { replace: true });
        }}
        data-testid="model"
      >
        <option value="*">all</option>
        {names.map((name) => (
          <option key={name} value={`=${name}`}>
            {name || "none named"}
          </option>
        ))}
      </select>
    </label>
  );
}

function Single({ row }: { row: Service | undefined }) {
  return row?.model ? (
    <span className={css.models}>
      Model <strong>{row.model}</strong>
    </span>
  ) : null;
}

function SignalLinks({ service, model }: { service: string; model: string | null }) {
  return (
    <span className={css.links}>
      <Link to={paths.investigate} params={{ service, model }} data-testid="service-investigate">
        Investigate
      </Link>
      <Link to={paths.compare} params={{ service, model }} data-testid="service-compare">
        Compare releases
      </Link>
      <Link to={paths.capacity} params={{ service }} data-testid="service-capacity">
        Capacity
      </Link>
      <Link to={paths.traces} params={{ filter: requestFilter(service, model) }} data-testid="service-traces">
        Traces
      </Link>
      <Link to={paths.logs} params={{ filter: `service.name = ${quote(service)}` }} data-testid="service-logs">
        Logs
      </Link>
    </span>
  );
}

function Charts({ data, filter }: { data: Traffic; filter: string }) {
  if (!data.series.some(({ points }) => points.some((point) => point.requests > 0))) {
    return (
      <Empty title={`${data.service} answered no request in this time window`}>
        Look further back, or see the <Link to={paths.overview}>overview</Link>.
      </Empty>
    );
  }
  return <ServiceCharts data={data} filter={filter} />;
}

/** Requests worth a look: the slowest, and the last that failed. */
function Examples({ service, model }: { service: string; model: string | null }) {
  const filter = requestFilter(service, model);
  const slowest = useTraces({ filter, order: "slowest", limit: 8 });
  const failing = `${filter} and error = true`;
  const failed = useTraces({ filter: failing, order: "newest", limit: 8 });
  const lists = [
    { title: "Slowest requests", query: slowest, none: "No requests.", more: { filter, order: "slowest" } },
    { title: "Last failed requests", query: failed, none: "None failed in this window.", more: { filter: failing } },
  ];
  return (
    <div className={css.examples}>
      {lists.map(({ title, query, none, more }) => (
        <section key={title}>
          <header className={css.examplesHead}>
            <h2>{title}</h2>
            <Link to={paths.traces} params={more}>
              All
            </Link>
          </header>
          <Answer query={query} loading={<Loading rows={4} label={title} />}>
            {({ traces }) =>
              traces.length ? <TraceList traces={traces} label={title} compact /> : <p className={css.none}>{none}</p>
            }
          </Answer>
        </section>
      ))}
    </div>
  );
}

import { useMemo } from "react";
import type { Metric } from "../../api/metrics";
import { Chip } from "../../ui/chip";
import { SearchIcon } from "../../ui/icons";
import { Empty } from "../../ui/states";
import { formatCount } from "../../units";
import { Link, paths } from "../../url/link";
import { useParam, type Params } from "../../url/params";
import { suggest, suggestHeat, type Suggested } from "./chosen";
import css from "./catalogue.module.css";

export const QUERY_PARAMS = ["q", "q2", "q3", "q4", "q5", "q6", "q7", "q8"] as const;

/** Settings of a page that shows what was suggested. */
export function paramsOf({ queries, view }: Suggested): Params {
  const params: Params = view === "chart" ? {} : { view };
  queries.forEach((query, index) => {
    const name = QUERY_PARAMS[index];
    if (name) params[name] = query;
  });
  return params;
}

/** What is stored, service by service, each metric one click from the chart that suits it. */
export function Catalogue({ metrics }: { metrics: readonly Metric[] }) {
  const [find, setFind] = useParam("find", "");
  const [service, setService] = useParam("service", "");
  const jobs = useMemo(() => [...new Set(metrics.map(({ job }) => job))].sort(), [metrics]);
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const found = metrics.filter(
    ({ name, job, help, type }) =>
      (!service || job === service) &&
      words.every((word) => `${name} ${job} ${help} ${type}`.toLowerCase().includes(word)),
  );
  if (metrics.length === 0) {
    return (
      <Empty title="No metrics in this time window">
        Look further back, or let <Link to={paths.doctor}>the doctor</Link> say why none arrive.
      </Empty>
    );
  }
  return (
    <section aria-label="Metrics that are stored" data-testid="catalogue">
      <div className={css.bar}>
        <label className={css.search}>
          <SearchIcon size={14} />
          <input
            type="search"
            value={find}
            placeholder="Find a metric by name, help or type"
            aria-label="Find a metric"
            onChange={(event) => setFind(event.target.value)}
            data-testid="metric-search"
          />
        </label>
        <label className={css.service}>
          <span>Service</span>
          <select value={service} onChange={(event) => setService(event.target.value)} data-testid="metric-service">
            <option value="">all</option>
            {jobs.map((job) => (
              <option key={job} value={job}>
                {job || "(none)"}
              </option>
            ))}
          </select>
        </label>
        <span className={css.count} role="status">
          {formatCount(found.length)} of {formatCount(metrics.length)}
        </span>
      </div>
      {jobs.map((job) => {
        const own = found.filter((metric) => metric.job === job);
        return own.length > 0 && <Group key={job} job={job} metrics={own} />;
      })}
      {found.length === 0 && <Empty title="No metric has these words" />}
    </section>
  );
}

function Group({ job, metrics }: { job: string; metrics: readonly Metric[] }) {
  return (
    <section className={css.group} aria-label={job || "Without a service"}>
      <h2>
        {job || "(no job)"} <span>{formatCount(metrics.length)}</span>
      </h2>
      <ul>
        {metrics.map((metric) => (
          <Row key={metric.name} metric={metric} />
        ))}
      </ul>
    </section>
  );
}

function Row({ metric }: { metric: Metric }) {
  const chart = suggest(metric);
  const heat = suggestHeat(metric);
  return (
    <li className={css.row}>
      <Link to={paths.metrics} params={paramsOf(chart)} className={css.name} title={`${metric.name}: ${chart.title}`} data-line data-testid="metric-link" data-metric={metric.name}>
        {metric.name}
      </Link>
      <span className={css.facts}>
        <Chip title={metric.guessed ? "by its name: nobody declared it" : "as declared"}>
          {metric.guessed && metric.type !== "unknown" ? `${metric.type}?` : metric.type}
        </Chip>
        {metric.unit && <Chip title="unit">{metric.unit}</Chip>}
      </span>
      <span className={css.help} title={metric.help}>
        {metric.help}
      </span>
      <span className={css.series}>
        {formatCount(metric.series)} {metric.series === 1 ? "series" : "series"}
      </span>
      <span className={css.more}>
        {heat && (
          <Link to={paths.metrics} params={paramsOf(heat)} aria-label={`Heat map of ${metric.name}`} data-testid="metric-heat">
            heat map
          </Link>
        )}
      </span>
    </li>
  );
}

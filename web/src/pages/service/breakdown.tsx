/** Where a request's time goes, step by step, and which services stand around this one. */

import { useMemo } from "react";
import { useBreakdown, type Breakdown, type Neighbour } from "../../api/breakdown";
import { colorServices } from "../../trace/service-colors";
import { formatCount, formatDuration, formatRatio, ratio, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { quote } from "../../ui/filter/text";
import { Answer, Loading } from "../../ui/states";
import css from "./breakdown.module.css";

/** Steps beyond these take hardly any time: they are added up. */
const SHOWN = 8;

export function RequestBreakdown({ service, model }: { service: string; model: string | null }) {
  const query = useBreakdown(service, model);
  return (
    <Answer query={query} loading={<Loading rows={5} label="where the time goes" />}>
      {(data) =>
        data.requests === 0 ? null : (
          <div className={css.pair}>
            <Steps data={data} />
            <Around data={data} />
          </div>
        )
      }
    </Answer>
  );
}

function Steps({ data }: { data: Breakdown }) {
  const colors = useMemo(() => colorServices([data.service, ...data.parts.map((part) => part.service)]), [data]);
  const shown = data.parts.slice(0, SHOWN);
  const rest = data.parts.slice(SHOWN);
  const widest = Math.max(...shown.map((part) => part.share), 0.01);
  return (
    <section className={css.card} aria-label="Where a request's time goes" data-testid="breakdown">
      <header>
        <h2>Where a request's time goes</h2>
        <span className={css.note}>
          own time on the critical path, mean of {formatCount(data.requests)} requests: {formatDuration(seconds(data.mean))}
        </span>
      </header>
      <ol className={css.steps}>
        {shown.map((part) => (
          <li key={`${part.service} ${part.span}`}>
            <Link
              to={paths.traces}
              params={{ filter: `service.name = ${quote(part.service)} and name = ${quote(part.span)}`, order: "slowest" }}
              className={css.name}
              title={`${part.service}: ${part.span}, ${part.calls.toFixed(2)} calls a request`}
            >
              {part.span}
              {part.service !== data.service && <small>{part.service}</small>}
            </Link>
            <span className={css.bar} aria-hidden="true">
              <span style={{ width: `${(100 * part.share) / widest}%`, background: `var(${colors.get(part.service) ?? "--accent"})` }} />
            </span>
            <span className={css.number}>{formatDuration(seconds(part.self_time))}</span>
            <span className={css.share}>{formatRatio(ratio(part.share))}</span>
          </li>
        ))}
      </ol>
      {rest.length > 0 && (
        <p className={css.note}>
          {rest.length} more: {formatRatio(ratio(rest.reduce((sum, part) => sum + part.share, 0)))} together
        </p>
      )}
    </section>
  );
}

function Around({ data }: { data: Breakdown }) {
  return (
    <section className={css.card} aria-label="Services around this one" data-testid="service-map">
      <header>
        <h2>Around this service</h2>
        <span className={css.note}>calls for each request, mean time, failures</span>
      </header>
      <div className={css.map}>
        <Side title="called by" list={data.callers} none="whoever is outside" />
        <span className={css.arrow} aria-hidden="true">→</span>
        <strong className={css.middle} title={data.service}>{data.service}</strong>
        <span className={css.arrow} aria-hidden="true">→</span>
        <Side title="calls" list={data.called} none="no other service" />
      </div>
    </section>
  );
}

function Side({ title, list, none }: { title: string; list: readonly Neighbour[]; none: string }) {
  return (
    <div className={css.side}>
      <span className={css.note}>{title}</span>
      {list.length === 0 && <span className={css.nobody}>{none}</span>}
      {list.map((one) => (
        <Link key={one.service} to={paths.service(one.service)} className={css.neighbour} title={one.service}>
          <span>{one.service}</span>
          <small>
            {one.calls < 0.995 || one.calls > 1.005 ? `${one.calls.toFixed(2)}× · ` : ""}
            {formatDuration(seconds(one.mean))}
            {one.failed > 0 && <em> · {formatRatio(ratio(one.failed))} fail</em>}
          </small>
        </Link>
      ))}
    </div>
  );
}

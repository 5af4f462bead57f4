import { useEffect, useMemo, useRef } from "react";
import { ApiError, apiUrl } from "../../api/client";
import { SLO_REFRESH_S, useSlo, type SloDetail } from "../../api/slos";
import { copiesOf } from "../../charts/menu";
import { TimeChart } from "../../charts/time-chart";
import { CopyButton } from "../../ui/copy";
import { PageHeader } from "../../ui/layout";
import { useMoments, zoneName } from "../../ui/moments";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatCount, formatRatio, ratio, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { usePath } from "../../url/location";
import { Budget, StateBadge } from "./parts";
import { Spent } from "./spent";
import { BurnRates, Groups, Spenders } from "./tables";
import { Warnings } from "./slos";
import { formatBudget, formatObjective, isLink, sayPromise } from "./words";
import css from "./slos.module.css";

export default function SloPage({ id }: { id: string }) {
  const query = useSlo(id);
  const missing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <>
      <PageHeader
        title={`${query.data?.slo.title ?? id} · SLO`}
        trail={<Link to={paths.slos}>SLOs</Link>}
        heading={<h1 className={css.title}>{query.data?.slo.title ?? id}</h1>}
      />
      {missing ? (
        <Empty title={`No SLO ${id} is loaded`}>
          <p>Its file may have changed. See those that are loaded:</p>
          <Link to={paths.slos}>All SLOs</Link>
        </Empty>
      ) : (
        <Answer query={query} loading={<Loading rows={10} label="the SLO" />}>
          {(detail) => <Detail detail={detail} />}
        </Answer>
      )}
    </>
  );
}

function Detail({ detail }: { detail: SloDetail }) {
  const { slo } = detail;
  return (
    <div className={css.detail}>
      <Warnings texts={detail.warnings} />
      <Facts detail={detail} />
      <Groups groups={slo.groups} />
      <BurnDown detail={detail} />
      <BurnRates slo={slo} />
      <Spent slo={slo} />
      <Spenders detail={detail} />
      <Runbook text={detail.runbook} />
      <Recorded queries={detail.queries} />
    </div>
  );
}

function Facts({ detail }: { detail: SloDetail }) {
  const { slo, description, hours, file, line, now, period_start: start } = detail;
  const { moment, zone } = useMoments();
  return (
    <section className={css.facts} aria-label="Where it stands" data-testid="slo-facts">
      <dl className={css.dials}>
        <div>
          <dt>State</dt>
          <dd>
            <StateBadge state={slo.state} />
          </dd>
        </div>
        <div>
          <dt>{slo.groups.length > 1 ? "Budget left, worst group" : "Budget left"}</dt>
          <dd data-testid="budget-left">
            <Budget left={slo.budget_left} />
          </dd>
        </div>
        <div>
          <dt>Bad of all events</dt>
          <dd>
            {formatCount(slo.bad)} <small>of {formatCount(slo.total)}</small>
          </dd>
        </div>
        <div>
          <dt>Measured in the period</dt>
          <dd data-testid="coverage">
            {formatRatio(ratio(slo.coverage))} <small>{slo.measured_now ? "and now" : "not now"}</small>
          </dd>
        </div>
        <div>
          <dt>Owner</dt>
          <dd>{slo.owner || <span className={css.none}>nobody named</span>}</dd>
        </div>
      </dl>
      <p>
        <Link to={paths.service(slo.service)}>{slo.service}</Link> promises {formatObjective(slo.objective)}: {sayPromise(slo)}. {description}
        {hours && ` Only business hours count: ${hours}.`}
      </p>
      <p className={css.note}>
        From {moment(seconds(start))} to {moment(seconds(now))} {zoneName(zone)}, asked again every {SLO_REFRESH_S} s; defined
        in {file}, line {line}
      </p>
    </section>
  );
}

function BurnDown({ detail: { burn_down: points, now, slo } }: { detail: SloDetail }) {
  const drawn = useMemo(() => {
    const first = points.find(({ budget_left: left }) => left !== null);
    const times = points.map(({ time }) => time);
    return {
      times,
      lines: [{ label: "left", color: "--p95", filled: true, width: 2, values: points.map((point) => point.budget_left) }],
      from: first?.time ?? times[0] ?? now,
      measured: first !== undefined,
    };
  }, [points, now]);
  if (!drawn.measured) {
    return (
      <Empty title="Nothing was measured in this period">
        <p>
          Without events there is no budget to burn down. The queries below say what is counted;{" "}
          <Link to={paths.doctor}>the doctor</Link> says what arrives.
        </p>
      </Empty>
    );
  }
  // A little before the first point, so that a young SLO's line does not begin at the edge.
  const range = [drawn.from - (now - drawn.from) * 0.02 - 1, now] as const;
  return (
    <TimeChart
      title={slo.groups.length > 1 ? "Budget left, all groups together" : "Budget left"}
      times={drawn.times}
      lines={drawn.lines}
      range={range}
      format={formatBudget}
      unit="share of the error budget that is left"
      service={slo.service}
      copies={copiesOf(apiUrl("/api/slos/{slo_id}", { path: { slo_id: slo.id } }))}
      height={220}
      leastTop={1.05}
      zoomable={false}
      data-testid="burn-down"
    />
  );
}

function Runbook({ text }: { text: string }) {
  const asked = usePath().endsWith("/runbook");
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (asked) section.current?.scrollIntoView({ block: "start" });
  }, [asked]);
  return (
    <section ref={section} className={css.panel} data-testid="runbook">
      <h2>Runbook</h2>
      {isLink(text) ? (
        <p>
          <a href={text} target="_blank" rel="noreferrer">
            {text}
          </a>
        </p>
      ) : (
        <p className={css.runbook}>{text || "None is named: add `runbook: ` to the SLO, a URL or a file beside it."}</p>
      )}
    </section>
  );
}

function Recorded({ queries }: { queries: Readonly<Record<string, string>> }) {
  const entries = Object.entries(queries);
  if (entries.length === 0) return null;
  return (
    <details className={css.panel}>
      <summary>What is recorded: {entries.length} series and their PromQL</summary>
      <dl className={css.queries}>
        {entries.map(([name, query]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{query}</code>
              <CopyButton text={query} label={`Copy the PromQL of ${name}`} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

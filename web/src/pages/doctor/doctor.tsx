import { useDoctor, useStatus } from "../../api/queries";
import type { Shapes } from "../../api/client";
import type { Check } from "../../api/shapes";
import { CopyButton } from "../../ui/copy";
import { BadIcon, OkIcon, WarnIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { useMoments } from "../../ui/moments";
import { Answer, Loading } from "../../ui/states";
import { formatBytes, formatCount, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import css from "./doctor.module.css";

type State = Check["status"];

const WORST_FIRST: readonly State[] = ["failed", "warning", "ok"];
const ICONS = { failed: BadIcon, warning: WarnIcon, ok: OkIcon } as const;
const VERDICTS: Record<State, string> = {
  ok: "All is well: every service sends what is needed.",
  warning: "It works, but some links are missing.",
  failed: "Something that is needed does not arrive.",
};

export default function DoctorPage() {
  const query = useDoctor();
  const status = useStatus();
  return (
    <>
      <PageHeader title="Doctor" heading={<h1>Doctor</h1>} />
      <Answer query={query} loading={<Loading rows={8} label="the examination" />}>
        {({ status: state, checks }) => (
          <>
            <p className={css.verdict} data-state={state} data-testid="doctor-verdict">
              <Mark state={state} size={20} />
              <strong>{VERDICTS[state]}</strong>
              <span className={css.window}>the last 15 minutes</span>
            </p>
            <div className={css.groups}>
              {groupByService(checks).map(([service, group]) => (
                <Group key={service} service={service} checks={group} />
              ))}
            </div>
          </>
        )}
      </Answer>
      {status.data && <Server status={status.data} />}
    </>
  );
}

/** Checks by service, those in the worst state first; checks of the whole stand at the top. */
export function groupByService(checks: readonly Check[]): [string, Check[]][] {
  const groups = new Map<string, Check[]>();
  for (const check of checks) groups.set(check.service, [...(groups.get(check.service) ?? []), check]);
  const worst = (group: Check[]) => Math.min(...group.map(({ status }) => WORST_FIRST.indexOf(status)));
  return [...groups]
    .map(([service, group]): [string, Check[]] => [
      service,
      group.toSorted((a, b) => WORST_FIRST.indexOf(a.status) - WORST_FIRST.indexOf(b.status)),
    ])
    .sort(([a, one], [b, other]) => {
      if ((a === "") !== (b === "")) return a === "" ? -1 : 1;
      return worst(one) - worst(other) || (a < b ? -1 : 1);
    });
}

function Mark({ state, size = 16 }: { state: State; size?: number }) {
  const Icon = ICONS[state];
  return (
    <span className={css.mark} data-state={state}>
      <Icon size={size} />
      <span className="visually-hidden">{state}</span>
    </span>
  );
}

function allOk(count: number): string {
  return count === 1 ? "1 check, ok" : `${count} checks, all ok`;
}

function Group({ service, checks }: { service: string; checks: readonly Check[] }) {
  const wrong = checks.filter(({ status }) => status !== "ok").length;
  return (
    <section className={css.group} data-testid="doctor-group" data-service={service}>
      <header>
        <h2>{service ? <Link to={paths.service(service)}>{service}</Link> : "All services together"}</h2>
        <span className={css.sum}>{wrong ? `${wrong} of ${checks.length} need you` : allOk(checks.length)}</span>
      </header>
      <ul className={css.checks}>
        {checks.map((check) => (
          <li key={check.name} data-testid="doctor-check" data-state={check.status}>
            <Mark state={check.status} />
            <span className={css.name}>{check.name}</span>
            <div className={css.said}>
              <p>{check.message}</p>
              {check.remedy && (
                <p className={css.remedy}>
                  <span>{check.remedy}</span>
                  <CopyButton text={check.remedy} label={`Copy the remedy for ${check.name}`} />
                </p>
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Server({ status }: { status: Shapes["StatusOut"] }) {
  const { moment } = useMoments();
  const facts = [
    ["version", status.version],
    ["running since", moment(seconds(status.started))],
    ["store", status.store],
    ["OTLP over HTTP", status.otlp_http],
    ["OTLP over gRPC", status.otlp_grpc],
  ];
  return (
    <section className={css.server} data-testid="server">
      <h2>This server</h2>
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <table>
        <caption className="visually-hidden">What is stored</caption>
        <thead>
          <tr>
            <th scope="col">table</th>
            <th scope="col">rows</th>
            <th scope="col">on disk</th>
          </tr>
        </thead>
        <tbody>
          {status.tables.map(({ table, rows, bytes }) => (
            <tr key={table}>
              <th scope="row">{table}</th>
              <td>{formatCount(rows)}</td>
              <td>{formatBytes(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

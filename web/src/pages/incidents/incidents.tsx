import { useIncidents, type IncidentSummary, type Shown } from "../../api/incidents";
import { FixBadge, StateBadge, VerdictBadge } from "../../incidents/parts";
import { sayScope } from "../../incidents/words";
import { Severity } from "../../alerts/badges";
import { Segments } from "../../ui/chip";
import { Find } from "../../ui/find";
import { PageHeader } from "../../ui/layout";
import { useMoments } from "../../ui/moments";
import { useNow } from "../../ui/now";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatDuration, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { useChoice, useParam } from "../../url/params";
import css from "./incidents.module.css";

const SHOWN: readonly (readonly [Shown, string])[] = [
  ["active", "Active"],
  ["resolved", "Resolved"],
  ["all", "All"],
];

export default function IncidentsPage() {
  const query = useIncidents();
  return (
    <>
      <PageHeader title="Incidents" heading={<h1>Incidents</h1>} />
      <Answer query={query} loading={<Loading rows={6} label="the incidents" />}>
        {({ incidents }) => <Incidents incidents={incidents} />}
      </Answer>
    </>
  );
}

function isFound({ title, service, finding, scope, owner }: IncidentSummary, wanted: string): boolean {
  const text = [title, service, finding, sayScope(scope), owner].join("\n").toLowerCase();
  return wanted.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function Incidents({ incidents }: { incidents: readonly IncidentSummary[] }) {
  const [shown, setShown] = useChoice("state", SHOWN.map(([name]) => name), "active");
  const [wanted, setWanted] = useParam("q", "");
  const found = incidents.filter(
    (one) => (shown === "all" || (one.state === "resolved") === (shown === "resolved")) && isFound(one, wanted),
  );
  return (
    <>
      <div className={css.bar}>
        <Segments label="Which incidents" value={shown} onChange={setShown} options={SHOWN} data-testid="incidents-shown" />
        <Find
          label="Find an incident, service or owner"
          placeholder="Find incident, service, owner"
          value={wanted}
          onChange={setWanted}
          data-testid="find-incident"
        />
      </div>
      {found.length ? (
        <ul className={css.list} aria-label="Incidents">
          {found.map((incident) => (
            <Row key={incident.id} incident={incident} />
          ))}
        </ul>
      ) : shown === "active" && !wanted ? (
        <Empty title="All quiet: no incident is active">
          <p>
            Firing alerts that belong together open an incident, and it is investigated at once. Those that are over
            stand under “Resolved”.
          </p>
          <p>
            To ask about something that no alert has seen, <Link to={paths.investigate}>investigate</Link> a service
            yourself.
          </p>
        </Empty>
      ) : (
        <Empty title="No incident is like that" />
      )}
    </>
  );
}

function Row({ incident }: { incident: IncidentSummary }) {
  const now = useNow();
  const { moment } = useMoments();
  const { state, opened, resolved, relapses } = incident;
  return (
    <li className={css.row} data-testid="incident-row" data-incident={incident.id}>
      <div className={css.standing}>
        <StateBadge state={state} />
        <Severity severity={incident.severity} />
      </div>
      <div className={css.what}>
        <h2>
          <Link to={paths.incident(incident.id)} data-line data-testid="incident-link">
            {incident.title}
          </Link>
        </h2>
        {incident.finding && <p>{incident.finding}</p>}
        <p className={css.badges}>
          {incident.verdict && <VerdictBadge verdict={incident.verdict} />}
          {incident.fix && (
            <span className={css.fix}>
              fix: <FixBadge verdict={incident.fix} />
            </span>
          )}
          {relapses > 0 && <span className={css.bad}>came back {relapses === 1 ? "once" : `${relapses} times`}</span>}
        </p>
      </div>
      <dl className={css.facts}>
        <dt>Since</dt>
        <dd>
          {moment(seconds(opened))}{" "}
          <small>
            {resolved === null ? "for" : "lasted"} {formatDuration(seconds(Math.max(1, Math.round((resolved ?? now) - opened))))}
          </small>
        </dd>
        <dt>Whom</dt>
        <dd>{[incident.service, sayScope(incident.scope, "")].filter(Boolean).join(", ") || "not said"}</dd>
        <dt>Owner</dt>
        <dd>
          {incident.owner || <span className={css.none}>nobody named</span>}
          {incident.acknowledged_by && resolved === null && <small> {incident.acknowledged_by} looks after it</small>}
        </dd>
      </dl>
    </li>
  );
}

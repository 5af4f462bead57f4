import { useState } from "react";
import { AlertBadge, Severity } from "../../alerts/badges";
import { Runbook } from "../../alerts/runbook";
import { SilenceDialog } from "../../alerts/silence-form";
import { matcherFor, matchersOf, sayAlert } from "../../alerts/words";
import { useAlerts, useAlertChange } from "../../api/alerts";
import { ApiError } from "../../api/client";
import { investigateAgain, reportUrl, useIncident, withdrawFix, withdrawIncident, type Incident } from "../../api/incidents";
import { InvestigationView } from "../../incidents/answer";
import { ActDialog, type Act } from "../../incidents/forms";
import { StateBadge } from "../../incidents/parts";
import { Timeline } from "../../incidents/timeline";
import { VerificationView } from "../../incidents/verification";
import { mergeTimelines, sayScope } from "../../incidents/words";
import { Refusal } from "../../ui/form";
import forms from "../../ui/form.module.css";
import { BadIcon, OkIcon, SearchIcon, SilentIcon, WarnIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { useMoments, zoneName } from "../../ui/moments";
import { useNow } from "../../ui/now";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatDuration, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import css from "./incidents.module.css";

export default function IncidentPage({ id }: { id: string }) {
  const query = useIncident(id);
  const missing = query.error instanceof ApiError && query.error.status === 404;
  const title = query.data?.title ?? `Incident ${id}`;
  return (
    <>
      <PageHeader
        title={`${title} · Incident`}
        trail={<Link to={paths.incidents}>Incidents</Link>}
        heading={
          <h1 className={css.title} title={title}>
            {title}
          </h1>
        }
      />
      {missing ? (
        <Empty title="Nothing is known of this incident">
          <p>No incident has the id {id}, or it was deleted since.</p>
          <Link to={paths.incidents}>See all incidents</Link>
        </Empty>
      ) : (
        <Answer query={query} loading={<Loading rows={10} label="the incident" />}>
          {(incident) => <Detail incident={incident} />}
        </Answer>
      )}
    </>
  );
}

function Detail({ incident }: { incident: Incident }) {
  const { investigation, verification, timeline } = incident;
  const moments = mergeTimelines(timeline, investigation?.timeline ?? []);
  return (
    <div className={css.detail}>
      <Head incident={incident} />
      {verification && <VerificationView verification={verification} />}
      {investigation ? (
        <InvestigationView
          investigation={investigation}
          until={verification?.checked ?? incident.resolved ?? undefined}
          moments={timeline}
        />
      ) : (
        <section className={css.panel} aria-label="The answer" data-testid="no-answer">
          <h2>The answer</h2>
          <p>{incident.investigating ? "It is being investigated; the answer comes in some seconds." : "It was not investigated so far."}</p>
        </section>
      )}
      <div className={css.pair}>
        <Timeline moments={moments} />
        <div className={css.column}>
          <Alerts incident={incident} />
          <Runbook text={incident.runbook} />
        </div>
      </div>
    </div>
  );
}

function Head({ incident }: { incident: Incident }) {
  const { moment, zone } = useMoments();
  const now = useNow();
  const { opened, resolved, relapses, service } = incident;
  return (
    <section className={css.panel} aria-label="Whom, since when, and who looks after it" data-testid="incident-facts">
      <dl className={css.dials}>
        <div>
          <dt>State</dt>
          <dd>
            <StateBadge state={incident.state} />
            {relapses > 0 && <small className={css.bad}> came back {relapses === 1 ? "once" : `${relapses} times`}</small>}
          </dd>
        </div>
        <div>
          <dt>Severity</dt>
          <dd>{incident.severity ? <Severity severity={incident.severity} /> : <span className={css.none}>none named</span>}</dd>
        </div>
        <div>
          <dt>Whom it hurts</dt>
          <dd>
            {service && <Link to={paths.service(service)}>{service}</Link>}
            <small> {sayScope(incident.scope, service ? "" : "everybody")}</small>
          </dd>
        </div>
        <div>
          <dt>Since</dt>
          <dd>
            {moment(seconds(opened))}{" "}
            <small>
              {zoneName(zone)}, {resolved === null ? "for" : "lasted"}{" "}
              {formatDuration(seconds(Math.max(1, Math.round((resolved ?? now) - opened))))}
            </small>
          </dd>
        </div>
        <div>
          <dt>Owner</dt>
          <dd>{incident.owner || <span className={css.none}>nobody named</span>}</dd>
        </div>
        <div>
          <dt>Looked after by</dt>
          <dd data-testid="looked-after">{incident.acknowledged_by || <span className={css.none}>nobody</span>}</dd>
        </div>
      </dl>
      {incident.notes.length > 0 && (
        <ul className={css.notes} data-testid="incident-notes">
          {incident.notes.map((text) => (
            <li key={text}>
              <WarnIcon size={14} />
              <span>{text}</span>
            </li>
          ))}
        </ul>
      )}
      <Actions incident={incident} />
    </section>
  );
}

function Actions({ incident }: { incident: Incident }) {
  const [act, setAct] = useState<Act | "silence" | null>(null);
  const giveBack = useAlertChange(() => withdrawIncident(incident.id));
  const again = useAlertChange(() => investigateAgain(incident.id));
  const unfix = useAlertChange(() => withdrawFix(incident.id));
  const close = () => setAct(null);
  const over = incident.state === "resolved";
  const alerts = useAlerts().data?.alerts ?? [];
  const first = alerts.find(({ id }) => incident.alert_ids.includes(id));
  const covering = Object.entries({ ...(incident.service ? { service: incident.service } : {}), ...incident.scope });
  return (
    <div className={css.actions}>
      {!over && incident.state !== "verifying" && (
        <button type="button" className={forms.primary} onClick={() => setAct("fixed")} data-testid="mark-fixed">
          <OkIcon size={14} />
          Mark as fixed
        </button>
      )}
      {incident.state === "verifying" && (
        <button type="button" className={forms.button} onClick={() => unfix.mutate(undefined)} disabled={unfix.isPending} data-testid="withdraw-fix">
          Not fixed after all
        </button>
      )}
      {!over &&
        (incident.acknowledged_by ? (
          <button type="button" className={forms.button} onClick={() => giveBack.mutate(undefined)} data-testid="withdraw">
            Withdraw
          </button>
        ) : (
          <button type="button" className={forms.button} onClick={() => setAct("acknowledge")} data-testid="acknowledge">
            <OkIcon size={14} />
            Acknowledge
          </button>
        ))}
      {!over && (
        <button type="button" className={forms.button} onClick={() => setAct("silence")} data-testid="silence">
          <SilentIcon size={14} />
          Silence
        </button>
      )}
      <button type="button" className={forms.button} onClick={() => setAct("note")} data-testid="add-note">
        Add a note
      </button>
      <button
        type="button"
        className={forms.button}
        onClick={() => again.mutate(undefined)}
        disabled={again.isPending || incident.investigating}
        data-testid="investigate-again"
      >
        <SearchIcon size={14} />
        {again.isPending || incident.investigating ? "Investigating …" : "Investigate again"}
      </button>
      {!over && (
        <button type="button" className={forms.button} onClick={() => setAct("resolve")} data-testid="resolve">
          <BadIcon size={14} />
          Resolve
        </button>
      )}
      <span className={css.reports}>
        <a className={forms.button} href={reportUrl(incident.id, "markdown")} download data-testid="report-markdown">
          Report (Markdown)
        </a>
        <a className={forms.button} href={reportUrl(incident.id, "html")} download data-testid="report-html">
          Report (HTML)
        </a>
        <button type="button" className={forms.button} onClick={() => window.print()}>
          Print
        </button>
      </span>
      <Refusal error={giveBack.error ?? again.error ?? unfix.error} />
      {act === "silence" ? (
        <SilenceDialog
          matchers={covering.length ? covering.map(([name, value]) => matcherFor(name, value)) : first ? matchersOf(first) : []}
          close={close}
        />
      ) : (
        act && <ActDialog incident={incident} act={act} close={close} />
      )}
    </div>
  );
}

/** Its alerts as they are now; those that are over long ago as the timeline names them. */
function Alerts({ incident }: { incident: Incident }) {
  const { data } = useAlerts();
  return (
    <section className={css.panel} aria-label="Its alerts" data-testid="incident-alerts">
      <h2>{incident.alert_ids.length === 1 ? "Its alert" : `Its ${incident.alert_ids.length} alerts`}</h2>
      <ul className={css.alerts}>
        {incident.alert_ids.map((id) => {
          const alert = data?.alerts.find((one) => one.id === id);
          const told = incident.timeline.find(({ link }) => link.endsWith(`/alerts/${id}`))?.text;
          return (
            <li key={id}>
              <AlertBadge state={alert?.state ?? "resolved"} muted={Boolean(alert?.muted_by.length)} />
              <Link to={paths.alert(id)}>{alert ? sayAlert(alert) : told || `Alert ${id}`}</Link>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

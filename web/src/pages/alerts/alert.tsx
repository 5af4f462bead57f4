import { useState } from "react";
import { AlertActions } from "../../alerts/actions";
import { AlertBadge, Notes, Severity } from "../../alerts/badges";
import { Runbook } from "../../alerts/runbook";
import { ConditionCharts } from "../../alerts/condition-chart";
import { formatValue, mainEvents, ownerOf, sayAlert, sayLength, sayMore, serviceOf, severityOf, sinceOf } from "../../alerts/words";
import { useAlert, useAlertHistory, useDeliveries, type Alert, type AlertEvent } from "../../api/alerts";
import { ApiError } from "../../api/client";
import { CopyButton } from "../../ui/copy";
import { Fields } from "../../ui/fields";
import forms from "../../ui/form.module.css";
import { SearchIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { useMoments, zoneName } from "../../ui/moments";
import { useNow } from "../../ui/now";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatDuration, seconds } from "../../units";
import { AnyLink } from "../../url/any-link";
import { isAddress, localPath } from "../../url/foreign";
import { Link, paths } from "../../url/link";
import { DeliveryList } from "./deliveries";
import css from "./alerts.module.css";

export default function AlertPage({ id }: { id: string }) {
  const query = useAlert(id);
  const missing = query.error instanceof ApiError && query.error.status === 404;
  const name = query.data?.name ?? `Alert ${id}`;
  return (
    <>
      <PageHeader
        title={`${name} · Alert`}
        trail={<Link to={paths.alerts}>Alerts</Link>}
        heading={
          <h1 className={css.title} title={name}>
            {name}
          </h1>
        }
      />
      {missing ? (
        <Empty title="Nothing is known of this alert">
          <p>
            No alert has the id {id}, or its history was deleted since: it is kept for{" "}
            <code>store.retention.alerts_days</code>.
          </p>
          <Link to={paths.alerts}>See the alerts of now</Link>
        </Empty>
      ) : (
        <Answer query={query} loading={<Loading rows={10} label="the alert" />}>
          {(alert) => <Detail alert={alert} />}
        </Answer>
      )}
    </>
  );
}

function Detail({ alert }: { alert: Alert }) {
  return (
    <div className={css.detail}>
      <Facts alert={alert} />
      <ConditionCharts alert={alert} />
      <Runbook text={alert.links["runbook"] ?? ""} />
      <div className={css.pair}>
        <History alert={alert} />
        <Told alert={alert} />
      </div>
      <section className={css.panel} aria-label="Labels and annotations">
        <Fields title="Labels" fields={Object.entries(alert.labels)} action={(name, value) => <CopyButton text={value} label={`Copy ${name}`} />} />
        <Fields title="Annotations" fields={Object.entries(alert.annotations)} />
        <p className={css.note}>Rule {alert.rule.split(";").join(" › ")}</p>
      </section>
    </div>
  );
}

function Facts({ alert }: { alert: Alert }) {
  const { moment, zone } = useMoments();
  const now = useNow();
  const [service, owner] = [serviceOf(alert), ownerOf(alert)];
  const { fired, resolved } = alert;
  const dashboard = alert.annotations["dashboard"];
  return (
    <section className={css.panel} aria-label="What it says" data-testid="alert-facts">
      <p className={css.lead} data-testid="alert-said">
        {sayAlert(alert)}
      </p>
      {sayMore(alert) && <p className={css.more}>{sayMore(alert)}</p>}
      <dl className={css.dials}>
        <div>
          <dt>State</dt>
          <dd>
            <AlertBadge state={alert.state} muted={alert.muted_by.length > 0} />
          </dd>
        </div>
        <div>
          <dt>Severity</dt>
          <dd>{severityOf(alert) ? <Severity severity={severityOf(alert)} /> : <span className={css.none}>none named</span>}</dd>
        </div>
        <div>
          <dt>{alert.state === "resolved" ? "Over since" : "Since"}</dt>
          <dd>
            {moment(seconds(sinceOf(alert)))} <small>{sayLength(alert, now)}</small>
          </dd>
        </div>
        <div>
          <dt>{resolved ? "Last value" : "Value"}</dt>
          <dd>{formatValue(alert.value, alert.conditions[0]?.expr ?? alert.expr)}</dd>
        </div>
        <div>
          <dt>Owner</dt>
          <dd>{owner || <span className={css.none}>nobody named</span>}</dd>
        </div>
        {service && (
          <div>
            <dt>Service</dt>
            <dd>
              <Link to={paths.service(service)}>{service}</Link>
            </dd>
          </div>
        )}
      </dl>
      <Notes alert={alert} />
      <p className={css.note}>
        {fired && `Fired ${moment(seconds(fired))}`}
        {resolved && `, over ${moment(seconds(resolved))} after ${formatDuration(seconds(resolved - (fired ?? alert.active)))}`}{" "}
        {fired && zoneName(zone)}
      </p>
      <div className={css.bar}>
        <AlertActions alert={alert} />
        <Link to={paths.investigate} params={{ alert: alert.id }} className={forms.button} data-testid="alert-investigate">
          <SearchIcon size={14} />
          Investigate
        </Link>
        {alert.trace_id && (
          <Link to={paths.trace(alert.trace_id)} className={forms.button} data-testid="example-trace">
            Example trace
          </Link>
        )}
        {dashboard && isAddress(dashboard) && (
          <AnyLink href={dashboard} className={forms.button}>
            {localPath(dashboard)?.startsWith("/slos/") ? "Its SLO" : "Its dashboard"}
          </AnyLink>
        )}
      </div>
    </section>
  );
}

const SHOWN_AT_FIRST = 8;

function History({ alert }: { alert: Alert }) {
  const query = useAlertHistory(alert.id);
  const [all, setAll] = useState(false);
  return (
    <section className={css.panel} aria-label="History" data-testid="alert-history">
      <h2>History</h2>
      <Answer query={query} loading={<Loading rows={4} label="the history" />}>
        {({ events }) => {
          const main = mainEvents(events);
          return (
            <>
              <ol className={css.history}>
                {main.slice(0, all ? undefined : SHOWN_AT_FIRST).map((event) => (
                  <Change key={`${event.time} ${event.state} ${event.reason}`} event={event} expr={alert.conditions[0]?.expr ?? ""} />
                ))}
              </ol>
              {main.length === 0 && <p className={css.none}>Nothing in the last 30 days.</p>}
              {main.length > SHOWN_AT_FIRST && !all && (
                <button type="button" className={forms.button} onClick={() => setAll(true)}>
                  Show all {main.length}
                </button>
              )}
            </>
          );
        }}
      </Answer>
    </section>
  );
}

function Change({ event, expr }: { event: AlertEvent; expr: string }) {
  const { moment } = useMoments();
  return (
    <li data-testid="alert-change">
      <span className={css.at}>{moment(seconds(event.time))}</span>
      <AlertBadge state={event.state} />
      <span className={css.note}>
        {event.state === "firing" && event.value !== null && `value ${formatValue(event.value, expr)}`}
        {event.reason && ` ${event.reason}`}
      </span>
    </li>
  );
}

function Told({ alert }: { alert: Alert }) {
  const query = useDeliveries({ alert: alert.id });
  return (
    <section className={css.panel} aria-label="Who was told" data-testid="alert-told">
      <h2>Who was told</h2>
      {alert.receivers.length > 0 && <p className={css.note}>It is sent to {alert.receivers.join(", ")}.</p>}
      <Answer query={query} loading={<Loading rows={3} label="the notifications" />}>
        {({ deliveries }) =>
          deliveries.length ? <DeliveryList deliveries={deliveries} /> : <p className={css.none}>Nobody so far.</p>
        }
      </Answer>
    </section>
  );
}

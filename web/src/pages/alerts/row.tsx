import { AlertActions } from "../../alerts/actions";
import { AlertBadge, Notes, Severity } from "../../alerts/badges";
import { ownerOf, restOfLabels, sayAlert, sayLength, serviceOf, severityOf, sinceOf } from "../../alerts/words";
import type { Alert } from "../../api/alerts";
import { Chip } from "../../ui/chip";
import { useMoments } from "../../ui/moments";
import { useNow } from "../../ui/now";
import { seconds } from "../../units";
import { AnyLink } from "../../url/any-link";
import { isAddress } from "../../url/foreign";
import { Link, paths } from "../../url/link";
import css from "./alerts.module.css";

/** One alert of the list: what, how grave, since when, who, and what one can do. */
export function AlertRow({ alert }: { alert: Alert }) {
  const now = useNow();
  const { moment } = useMoments();
  const service = serviceOf(alert);
  const owner = ownerOf(alert);
  return (
    <li className={css.row} data-testid="alert-row" data-alert={alert.id}>
      <div className={css.standing}>
        <AlertBadge state={alert.state} muted={alert.muted_by.length > 0} />
        <Severity severity={severityOf(alert)} />
      </div>
      <div className={css.what}>
        <h3>
          <Link to={paths.alert(alert.id)} data-line data-testid="alert-link">
            {sayAlert(alert)}
          </Link>
        </h3>
        <p className={css.labels}>
          <span>{alert.name}</span>
          {restOfLabels(alert).map(([name, value]) => (
            <Chip key={name} title={`${name}="${value}"`}>
              {name}={value}
            </Chip>
          ))}
        </p>
        <Notes alert={alert} />
      </div>
      <dl className={css.facts}>
        <dt>{alert.state === "resolved" ? "Over since" : "Since"}</dt>
        <dd>
          {moment(seconds(sinceOf(alert)))} <small>{sayLength(alert, now)}</small>
        </dd>
        <dt>Owner</dt>
        <dd>{owner || <span className={css.none}>nobody named</span>}</dd>
        <dt>More</dt>
        <dd className={css.links}>
          <Runbook alert={alert} />
          {alert.trace_id && (
            <Link to={paths.trace(alert.trace_id)} aria-label={`Example trace of ${alert.name}`}>
              trace
            </Link>
          )}
          {service && <Link to={paths.service(service)}>service</Link>}
        </dd>
      </dl>
      <AlertActions alert={alert} />
    </li>
  );
}

function Runbook({ alert }: { alert: Alert }) {
  const target = alert.links["runbook"];
  if (!target) return <span className={css.none}>no runbook</span>;
  return (
    <AnyLink href={isAddress(target) ? target : paths.alert(alert.id)}>
      runbook<span className="visually-hidden"> of {alert.name}</span>
    </AnyLink>
  );
}

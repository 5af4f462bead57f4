/** What was promised of a service, and what rings: its SLOs and its alerts. */

import { useAlerts } from "../../api/alerts";
import { useSlos, type SloState } from "../../api/slos";
import { formatRatio, ratio } from "../../units";
import { Link, paths } from "../../url/link";
import { BadIcon, OkIcon, SilentIcon, WarnIcon } from "../../ui/icons";
import css from "./standing.module.css";

const LOOKS: Record<SloState, typeof OkIcon> = { ok: OkIcon, burning: WarnIcon, exhausted: BadIcon, unmeasured: SilentIcon };

export function Standing({ service }: { service: string }) {
  const slos = (useSlos().data?.slos ?? []).filter((slo) => slo.service === service);
  const alerts = (useAlerts().data?.alerts ?? []).filter(
    ({ state, labels }) =>
      state === "firing" && [labels.service, labels.service_name, labels.job].some((name) => name === service),
  );
  if (slos.length === 0 && alerts.length === 0) return null;
  return (
    <ul className={css.standing} aria-label="SLOs and alerts of this service" data-testid="standing">
      {alerts.map((alert) => (
        <li key={alert.id}>
          <Link to={paths.alert(alert.id)} className={css.firing} title={alert.name}>
            <BadIcon size={13} />
            {alert.annotations.summary ?? `${alert.name} fires`}
          </Link>
        </li>
      ))}
      {slos.map((slo) => {
        const Icon = LOOKS[slo.state];
        return (
          <li key={slo.id}>
            <Link to={paths.slo(slo.id)} className={css[slo.state]} title={slo.sli}>
              <Icon size={13} />
              {slo.title || slo.id}
              <small>
                {slo.state === "unmeasured" || slo.budget_left === null
                  ? slo.state
                  : `${formatRatio(ratio(Math.max(0, slo.budget_left)))} of budget left`}
              </small>
            </Link>
          </li>
        );
      })}
    </ul>
  );
}

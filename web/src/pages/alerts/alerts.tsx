import { useState } from "react";
import { SilenceDialog } from "../../alerts/silence-form";
import { useAlerts, useReceivers, type Alert } from "../../api/alerts";
import { Segments } from "../../ui/chip";
import { Snippet } from "../../ui/copy";
import forms from "../../ui/form.module.css";
import { Find } from "../../ui/find";
import { PageHeader } from "../../ui/layout";
import { Answer, Empty, Loading } from "../../ui/states";
import { Link, paths } from "../../url/link";
import { useChoice, useParam } from "../../url/params";
import { Deliveries, Receivers } from "./deliveries";
import { GROUPINGS, groupAlerts, isFound, say, type Grouping } from "./grouping";
import { MaintenanceWindows } from "./maintenance";
import { AlertRow } from "./row";
import { Silences } from "./silences";
import css from "./alerts.module.css";

type View = "alerts" | "silences" | "maintenance" | "notifications" | "receivers";
const VIEWS: readonly (readonly [View, string])[] = [
  ["alerts", "Alerts"],
  ["silences", "Silences"],
  ["maintenance", "Maintenance"],
  ["notifications", "Notifications"],
  ["receivers", "Receivers"],
];

type Shown = "all" | "firing" | "pending" | "resolved";
const SHOWN: readonly (readonly [Shown, string])[] = [
  ["all", "All"],
  ["firing", "Firing"],
  ["pending", "Pending"],
  ["resolved", "Over lately"],
];

export default function AlertsPage() {
  const [view, setView] = useChoice("view", VIEWS.map(([name]) => name), "alerts");
  const query = useAlerts();
  return (
    <>
      <PageHeader title="Alerts" heading={<h1>Alerts</h1>} />
      <div className={css.views}>
        <Segments label="What to see" value={view} onChange={setView} options={VIEWS} data-testid="alert-views" />
      </div>
      {view === "alerts" && (
        <Answer query={query} loading={<Loading rows={8} label="the alerts" />}>
          {({ alerts }) => <Alerts alerts={alerts} />}
        </Answer>
      )}
      {view === "silences" && <Silences />}
      {view === "maintenance" && <MaintenanceWindows />}
      {view === "notifications" && <Deliveries />}
      {view === "receivers" && <Receivers />}
    </>
  );
}

function Alerts({ alerts }: { alerts: readonly Alert[] }) {
  const [shown, setShown] = useChoice("state", SHOWN.map(([name]) => name), "all");
  const [grouping, setGrouping] = useChoice("group", GROUPINGS.map(([name]) => name), "service");
  const [wanted, setWanted] = useParam("q", "");
  const [silencing, setSilencing] = useState(false);
  const found = alerts.filter((alert) => (shown === "all" || alert.state === shown) && isFound(alert, wanted));
  return (
    <>
      <NobodyIsTold />
      <div className={css.bar}>
        <p className={css.totals} data-testid="alert-totals">
          {say(alerts)}
        </p>
        <button type="button" className={forms.button} onClick={() => setSilencing(true)} data-testid="new-silence">
          New silence
        </button>
      </div>
      {alerts.length > 0 && (
        <div className={css.bar}>
          <Segments label="Which alerts" value={shown} onChange={setShown} options={SHOWN} data-testid="alerts-shown" />
          <label className={css.grouping}>
            Group by
            <select value={grouping} onChange={(event) => setGrouping(event.target.value as Grouping)} data-testid="alerts-grouped">
              {GROUPINGS.map(([name, text]) => (
                <option key={name} value={name}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          <Find
            label="Find an alert, label or owner"
            placeholder="Find alert, label, owner"
            value={wanted}
            onChange={setWanted}
            data-testid="find-alert"
          />
        </div>
      )}
      {alerts.length === 0 ? (
        <Quiet />
      ) : found.length === 0 ? (
        <Empty title="No alert is like that">
          <button
            type="button"
            className={forms.button}
            onClick={() => {
              setShown("all");
              setWanted("");
            }}
          >
            Show all alerts
          </button>
        </Empty>
      ) : (
        <Groups alerts={found} grouping={grouping} />
      )}
      {silencing && <SilenceDialog matchers={[]} close={() => setSilencing(false)} />}
    </>
  );
}

function Quiet() {
  return (
    <Empty title="All quiet: no alert fires">
      <p>
        Alerts come from <Link to={paths.slos}>SLOs</Link> and from Prometheus rule files. Without either there is
        nothing that could fire:
      </p>
      <Snippet label="commands" text={"vario init slos\nvario up --slos slos/slos.yml --rules 'rules/*.yml' --receivers receivers.yml"} />
    </Empty>
  );
}

/** Alerts that nobody hears of are worth a word before it is needed. */
function NobodyIsTold() {
  const { data } = useReceivers();
  if (!data || data.receivers.length > 0) return null;
  return (
    <p className={css.notice} data-testid="nobody-is-told">
      Nobody is told of alerts: no receiver is named. They stand on this page alone until the server is started with{" "}
      <code>vario up --receivers receivers.yml</code>.
    </p>
  );
}

function Groups({ alerts, grouping }: { alerts: readonly Alert[]; grouping: Grouping }) {
  return (
    <div className={css.groups}>
      {groupAlerts(alerts, grouping).map(({ name, alerts: members }) => (
        <section key={name} aria-label={name || "Alerts"} data-testid="alert-group">
          {name && (
            <h2 className={css.groupHead}>
              <span>{name}</span> <small>{members.length}</small>
            </h2>
          )}
          <ul className={css.list}>
            {members.map((alert) => (
              <AlertRow key={alert.id} alert={alert} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

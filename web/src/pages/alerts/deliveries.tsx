/** Notifications and how far they have come, and who is told. */

import { useState } from "react";
import { retryDelivery, testReceiver, useAlertChange, useDeliveries, useReceivers, type Delivery, type Receiver } from "../../api/alerts";
import { DeliveryBadge } from "../../alerts/badges";
import { Segments } from "../../ui/chip";
import { Refusal } from "../../ui/form";
import forms from "../../ui/form.module.css";
import { BadIcon, OkIcon } from "../../ui/icons";
import { useMoments } from "../../ui/moments";
import { useNow } from "../../ui/now";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatDuration, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { useChoice } from "../../url/params";
import css from "./alerts.module.css";

type Shown = "all" | "queued" | "sent" | "dead";
const SHOWN: readonly (readonly [Shown, string])[] = [
  ["all", "All"],
  ["queued", "On their way"],
  ["sent", "Sent"],
  ["dead", "Given up"],
];

export function Deliveries() {
  const [shown, setShown] = useChoice("status", SHOWN.map(([name]) => name), "all");
  const query = useDeliveries(shown === "all" ? {} : { status: shown });
  return (
    <>
      <div className={css.bar}>
        <Segments label="Which notifications" value={shown} onChange={setShown} options={SHOWN} data-testid="deliveries-shown" />
      </div>
      <Answer query={query} loading={<Loading rows={6} label="the notifications" />}>
        {({ deliveries }) =>
          deliveries.length ? (
            <DeliveryList deliveries={deliveries} />
          ) : (
            <Empty title={shown === "dead" ? "No notification was given up" : "No notification is like that"} />
          )
        }
      </Answer>
    </>
  );
}

export function DeliveryList({ deliveries }: { deliveries: readonly Delivery[] }) {
  return (
    <ul className={css.list} aria-label="Notifications">
      {deliveries.map((delivery) => (
        <DeliveryRow key={delivery.id} delivery={delivery} />
      ))}
    </ul>
  );
}

function DeliveryRow({ delivery }: { delivery: Delivery }) {
  const { moment } = useMoments();
  const now = useNow();
  const retrying = useAlertChange(() => retryDelivery(delivery.id));
  const alert = delivery.firing[0] ?? delivery.resolved[0];
  const title = delivery.title || delivery.group;
  return (
    <li className={css.delivery} data-testid="delivery-row">
      <DeliveryBadge status={delivery.status} />
      <div className={css.what}>
        <p>
          {alert ? <Link to={paths.alert(alert)}>{title}</Link> : title} <span className={css.note}>to</span> {delivery.receiver}
        </p>
        {delivery.error && (
          <p className={css.error} data-testid="delivery-error">
            {delivery.error}
          </p>
        )}
      </div>
      <p className={css.note}>
        {moment(seconds(delivery.tried ?? delivery.created))}
        {delivery.attempts > 1 && `, ${delivery.attempts} attempts`}
        {delivery.next !== null && `, next in ${formatDuration(seconds(Math.max(0, Math.round(delivery.next - now))))}`}
      </p>
      <div className={css.actions}>
        {delivery.status === "dead" && (
          <button
            type="button"
            className={forms.button}
            onClick={() => retrying.mutate(undefined)}
            disabled={retrying.isPending}
            aria-label={`Send again to ${delivery.receiver}: ${title}`}
            data-testid="retry"
          >
            Send again
          </button>
        )}
        <Refusal error={retrying.error} />
      </div>
    </li>
  );
}

export function Receivers() {
  const query = useReceivers();
  return (
    <Answer query={query} loading={<Loading rows={3} label="the receivers" />}>
      {({ receivers, heartbeat, heartbeat_error: error }) => (
        <>
          {receivers.length ? (
            <ul className={css.list} aria-label="Receivers">
              {receivers.map((receiver) => (
                <ReceiverRow key={receiver.name} receiver={receiver} />
              ))}
            </ul>
          ) : (
            <Empty title="Nobody is told of alerts">
              <p>
                Name receivers in a file and start the server with <code>vario up --receivers receivers.yml</code>.
              </p>
            </Empty>
          )}
          <p className={css.totals} data-testid="heartbeat">
            {heartbeat === null
              ? "No heartbeat is set: nothing raises an alarm when vario itself stops."
              : error
                ? `The heartbeat to ${heartbeat} fails: ${error}`
                : `The heartbeat goes to ${heartbeat}; whoever listens raises an alarm when it stops.`}
          </p>
        </>
      )}
    </Answer>
  );
}

function ReceiverRow({ receiver: { name, type, address, waiting, last } }: { receiver: Receiver }) {
  const { moment } = useMoments();
  const [tested, setTested] = useState<{ delivered: boolean; error: string } | null>(null);
  const testing = useAlertChange(() => testReceiver(name));
  return (
    <li className={css.delivery} data-testid="receiver-row">
      {last ? <DeliveryBadge status={last.status} /> : <span className={css.note}>never told</span>}
      <div className={css.what}>
        <h3>{name}</h3>
        <p className={css.note}>
          {type} at {address}
          {waiting > 0 && `; ${waiting} ${waiting === 1 ? "notification waits" : "notifications wait"}`}
        </p>
        {last?.error && <p className={css.error}>{last.error}</p>}
        <div role="status">
          {tested && (
            <p className={tested.delivered ? css.good : css.error} data-testid="test-outcome">
              {tested.delivered ? <OkIcon size={14} /> : <BadIcon size={14} />}
              {tested.delivered ? "The test message arrived." : `The test message did not arrive: ${tested.error}`}
            </p>
          )}
        </div>
      </div>
      <p className={css.note}>{last && `last ${moment(seconds(last.tried ?? last.created))}`}</p>
      <div className={css.actions}>
        <button
          type="button"
          className={forms.button}
          disabled={testing.isPending}
          onClick={() => {
            setTested(null);
            testing.mutate(undefined, { onSuccess: setTested });
          }}
          aria-label={`Send a test message to ${name}`}
          data-testid="test-receiver"
        >
          {testing.isPending ? "Testing …" : "Test"}
        </button>
        <Refusal error={testing.error} />
      </div>
    </li>
  );
}

import { useEffect, useState, type FormEvent } from "react";
import { ApiError } from "../../api/client";
import { useServices } from "../../api/queries";
import { useCapacity, type Capacity, type Headroom } from "../../api/releases";
import type { Service } from "../../api/shapes";
import { Snippet } from "../../ui/copy";
import { BadIcon, OkIcon, SilentIcon, WarnIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { LookBack } from "../../ui/look-back";
import { Pick } from "../../ui/pick";
import { Answer, Empty, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { formatDuration, NO_VALUE, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { setParams, useParam } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import { Curve } from "./curve";
import { Batches, Cost, Idle } from "./waste";
import css from "./capacity.module.css";

export default function CapacityPage() {
  const query = useServices();
  return (
    <>
      <PageHeader title="Capacity" heading={<h1>Capacity and cost</h1>} controls={<TimePicker />} />
      <Answer query={query} loading={<Loading rows={10} label="the services" />}>
        {({ services }) =>
          services.length ? (
            <Chosen services={services} />
          ) : (
            <LookBack title="No requests in this time window">How latency grows with load is read from requests.</LookBack>
          )
        }
      </Answer>
    </>
  );
}

function Chosen({ services }: { services: readonly Service[] }) {
  const names = [...new Set(services.map((one) => one.service))];
  // Who serves a model is who runs out of capacity first.
  const likely = services.toSorted((a, b) => Number(!a.model) - Number(!b.model) || b.requests - a.requests)[0];
  const [service] = useParam("service", likely?.service ?? "");
  const [target] = useParam("target", "");
  useEffect(() => setParams({ service }, { replace: true }), [service]);
  const query = useCapacity(service, target);
  const missing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <>
      <div className={css.bar}>
        <Pick
          label="Service"
          value={service}
          options={names}
          onChange={(next) => setParams({ service: next, target: null })}
          data-testid="capacity-service"
        />
        <Target key={target} target={target} />
        <Link to={paths.service(service)}>{service}</Link>
      </div>
      {missing ? (
        <LookBack title={`${service} answered no requests in this time window`} />
      ) : (
        <Answer query={query} loading={<Loading rows={10} label="the capacity" />}>
          {(found) => <Found found={found} target={target} />}
        </Answer>
      )}
    </>
  );
}

/** What latency must hold; without one it is the service's SLO. */
function Target({ target }: { target: string }) {
  const [text, setText] = useState(target);
  const apply = (event?: FormEvent) => {
    event?.preventDefault();
    setParams({ target: text.trim() || null });
  };
  return (
    <form onSubmit={apply} className={css.form}>
      <label htmlFor="capacity-target">Target</label>
      <input
        id="capacity-target"
        data-filter-input
        value={text}
        placeholder="its latency SLO, or p95<=200ms"
        autoComplete="off"
        spellCheck={false}
        maxLength={64}
        onChange={(event) => setText(event.target.value)}
        data-testid="capacity-target"
      />
      <button type="submit">Apply</button>
    </form>
  );
}

function Found({ found, target }: { found: Capacity; target: string }) {
  const window = useTimeWindow();
  const since = /^now-\w+$/.test(window.from) && window.live ? ` --since ${window.from.slice(4)}` : "";
  const { headroom, idle, batches, cost, notes } = found;
  const cards = [idle, cost, batches.length > 0].filter(Boolean).length;
  return (
    <div className={css.page}>
      {headroom ? <Reach headroom={headroom} service={found.service} /> : <NoTarget service={found.service} />}
      <div className={cards > 1 ? css.pair : css.page}>
        <Idle idle={idle} />
        <Cost cost={cost} />
        <Batches batches={batches} />
      </div>
      <section className={css.card}>
        <header>
          <h2>What it is based on</h2>
        </header>
        <ul className={css.notes}>
          <li>
            steps of {formatDuration(seconds(found.step))}; those with too few requests for a percentile are left out
          </li>
          {notes.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
        <Snippet
          label="the same as a command"
          text={`vario capacity --service ${found.service}${target ? ` --target '${target}'` : ""}${since}`}
        />
      </section>
    </div>
  );
}

function NoTarget({ service }: { service: string }) {
  return (
    <Empty title={`${service} has no latency SLO`}>
      <p>Headroom is how far traffic can grow until latency misses a target. Name one above, such as</p>
      <p>
        <button type="button" className={css.button} onClick={() => setParams({ target: "p95<=200ms" })} data-testid="try-target">
          p95&lt;=200ms
        </button>
      </p>
    </Empty>
  );
}

/** The answer in a few words, and in a mark. */
function sayHeadroom({ limit, growth, reachable }: Headroom): readonly [typeof OkIcon, string] {
  if (limit === "unknown") return [SilentIcon, "Too little was seen to tell"];
  if (reachable === 0) return [BadIcon, "The target is missed at any load"];
  if (growth === null) return [SilentIcon, "How far it can grow is not known"];
  const percent = Math.round(Math.abs(growth) * 100);
  if (limit === "at_least") return [OkIcon, `Holds at least at +${Math.max(0, Math.round(growth * 100))}\u202f% of the traffic of now`];
  if (growth < 0) return [BadIcon, `${percent}\u202f% too much traffic for the target`];
  return [growth < 0.25 ? WarnIcon : OkIcon, `Room for ${percent}\u202f% more traffic`];
}

function Reach({ headroom, service }: { headroom: Headroom; service: string }) {
  const [Icon, words] = sayHeadroom(headroom);
  const { load, reachable, low, high, limit, replicas } = headroom;
  const number = (value: number | null) => (value === null ? NO_VALUE : String(Number(value.toPrecision(3))));
  const each = replicas === null ? "" : " a replica";
  return (
    <section className={css.card} data-testid="headroom">
      <header>
        <h2>How much more traffic can {service} take?</h2>
        <span className={css.note}>target: {headroom.target_source}</span>
      </header>
      <p className={css.said} data-warn={Icon !== OkIcon || undefined} data-bad={Icon === BadIcon || undefined}>
        <Icon size={18} />
        <strong>{words}</strong>
      </p>
      <p>{headroom.text}.</p>
      <dl className={css.facts}>
        <div>
          <dt>Requests/s{each} now</dt>
          <dd>{number(load)}</dd>
        </div>
        <div>
          <dt>{limit === "bounded" ? "The target holds up to" : "It was seen to hold up to"}</dt>
          <dd>
            {number(reachable)}{" "}
            {limit === "bounded" && (
              <small>
                {number(low)} to {high === null ? "no known end" : number(high)} in 90 of 100 cases
              </small>
            )}
          </dd>
        </div>
        <div>
          <dt>Replicas</dt>
          <dd>{replicas === null ? "not named" : number(replicas)}</dd>
        </div>
      </dl>
      {headroom.points.length > 0 && <Curve headroom={headroom} />}
    </section>
  );
}

/** Goes to a page, service, SLO or incident by name. */

import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { useIncidents } from "../api/incidents";
import { useServices } from "../api/queries";
import { useSlos } from "../api/slos";
import { paths } from "../url/link";
import { navigate } from "../url/location";
import { pageHref, type Params } from "../url/params";
import { SearchIcon } from "./icons";
import { SECTIONS } from "./sections";
import css from "./palette.module.css";

interface Goal {
  name: string;
  /** What kind of thing it is. */
  kind: string;
  to: string;
  params?: Params;
}

const SHOWN = 20;

/** The goals whose name or kind has every word of `wanted`; names that begin with it come first. */
export function findGoals(goals: readonly Goal[], wanted: string): Goal[] {
  const words = wanted.trim().toLowerCase().split(/\s+/);
  const begins = ({ name }: Goal) => Number(name.toLowerCase().startsWith(words[0] ?? ""));
  return goals
    .filter(({ name, kind }) => words.every((word) => `${name} ${kind}`.toLowerCase().includes(word)))
    .toSorted((a, b) => begins(b) - begins(a))
    .slice(0, SHOWN);
}

function useGoals(): Goal[] {
  const services = useServices().data?.services;
  const incidents = useIncidents().data?.incidents;
  const slos = useSlos().data?.slos;
  return useMemo(() => {
    const names = [...new Set((services ?? []).map(({ service }) => service))];
    return [
      ...(incidents ?? [])
        .filter(({ state }) => state !== "resolved")
        .map(({ id, title }) => ({ name: title, kind: "incident", to: paths.incident(id) })),
      ...SECTIONS.map(({ name, to }) => ({ name, kind: "page", to })),
      { name: "Investigate", kind: "page", to: paths.investigate },
      ...names.map((service) => ({ name: service, kind: "service", to: paths.service(service) })),
      ...names.flatMap((service) => [
        { name: service, kind: "compare releases", to: paths.compare, params: { service } },
        { name: service, kind: "capacity and cost", to: paths.capacity, params: { service } },
        { name: service, kind: "investigate", to: paths.investigate, params: { service } },
      ]),
      ...(slos ?? []).map(({ id, title }) => ({ name: title, kind: "SLO", to: paths.slo(id) })),
    ];
  }, [services, incidents, slos]);
}

export default function Palette({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const goals = useGoals();
  const [wanted, setWanted] = useState("");
  const [chosen, setChosen] = useState(0);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  const trace = /^[0-9a-f]{32}$/i.test(wanted.trim()) ? wanted.trim().toLowerCase() : null;
  const found = trace ? [{ name: trace, kind: "trace", to: paths.trace(trace) }] : findGoals(goals, wanted);
  const active = Math.min(chosen, found.length - 1);
  const go = (goal: Goal | undefined) => {
    if (!goal) return;
    close();
    navigate(pageHref(goal.to, location.search, goal.params));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) setChosen((active + step + found.length) % found.length);
    else if (event.key === "Enter") go(found[active]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={dialog}
      className={css.dialog}
      aria-label="Go to"
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onMouseDown={(event) => event.target === dialog.current && close()}
      data-testid="palette"
    >
      <label className={css.field}>
        <SearchIcon />
        <span className="visually-hidden">Page, service, SLO, incident or trace id</span>
        <input
          role="combobox"
          aria-expanded
          aria-controls={`${id}-list`}
          aria-activedescendant={found.length ? `${id}-${active}` : undefined}
          autoComplete="off"
          spellCheck={false}
          autoFocus
          placeholder="Go to a page, service, SLO, incident or trace id"
          value={wanted}
          onChange={(event) => {
            setWanted(event.target.value);
            setChosen(0);
          }}
          onKeyDown={onKeyDown}
          data-testid="palette-input"
        />
      </label>
      <ul id={`${id}-list`} role="listbox" aria-label="Places" className={css.list}>
        {found.map((goal, index) => (
          <li
            key={`${goal.kind} ${goal.to} ${goal.name}`}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            onPointerMove={() => setChosen(index)}
            onClick={() => go(goal)}
            data-testid="goal"
          >
            <span>{goal.name}</span>
            <small>{goal.kind}</small>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className={css.none}>Nothing is called “{wanted}”</p>}
    </dialog>
  );
}

/** A suspect: what it is, how much of the damage it explains, and all that shows it. */

import { useState } from "react";
import type { Investigation, LogLine, Suspect } from "../api/incidents";
import { Chip } from "../ui/chip";
import { Snippet } from "../ui/copy";
import { BadIcon, OkIcon } from "../ui/icons";
import { useMoments } from "../ui/moments";
import { seconds } from "../units";
import { Link, paths } from "../url/link";
import { CauseChart } from "./cause-chart";
import { Confidence, EffectView, EvidenceList } from "./parts";
import { KINDS, sayExplained } from "./words";
import css from "./cause.module.css";

const MOST_LOGS = 5;
const MOST_TRACES = 6;

interface CauseProps {
  suspect: Suspect;
  rank: number;
  investigation: Investigation;
}

/** The first cause stands open; the others are one click away. */
export function Cause({ suspect, rank, investigation }: CauseProps) {
  const { moment } = useMoments();
  const [open, setOpen] = useState(rank === 1);
  const explained = sayExplained(suspect);
  return (
    <details className={css.cause} open={open} onToggle={(event) => setOpen(event.currentTarget.open)} data-testid="cause" data-kind={suspect.kind}>
      <summary className={css.head}>
        <span className={css.rank} aria-hidden="true">
          {rank}
        </span>
        <span className={css.say}>
          <span className="visually-hidden">Cause {rank}: </span>
          <span className={css.statement}>{suspect.statement}</span>
          <span className={css.tags}>
            <span className={css.kind}>{KINDS[suspect.kind]}</span>
            {Object.entries(suspect.subject).map(([name, value]) => (
              <Chip key={name} title={`${name}: ${value}`}>
                {name} {value}
              </Chip>
            ))}
            {suspect.onset !== null && <span className={css.note}>since {moment(seconds(suspect.onset))}</span>}
          </span>
        </span>
        <Confidence value={suspect.confidence} />
      </summary>
      <div className={css.body}>
        <div className={css.measures}>
          {suspect.effect && <EffectView effect={suspect.effect} />}
          {explained && (
            <div className={css.explained} data-testid="explained">
              <p>
                <strong>{explained}</strong> of the damage goes with it
              </p>
              <span className={css.track} aria-hidden="true">
                <span style={{ width: `${Math.min(1, Math.max(0, suspect.explained ?? 0)) * 100}%` }} />
              </span>
            </div>
          )}
        </div>
        {open && <CauseChart suspect={suspect} investigation={investigation} />}
        <Reasons suspect={suspect} />
        <Next suspect={suspect} />
        <Examples traceIds={suspect.trace_ids} logs={suspect.logs} />
        {suspect.evidence.length > 0 && (
          <section aria-label="Queries that show it">
            <h4>Queries that show it</h4>
            <EvidenceList evidence={suspect.evidence} />
          </section>
        )}
      </div>
    </details>
  );
}

function Reasons({ suspect: { supports, contradicts } }: { suspect: Suspect }) {
  if (supports.length + contradicts.length === 0) return null;
  return (
    <div className={css.reasons}>
      {supports.length > 0 && (
        <section aria-label="What speaks for it">
          <h4>For it</h4>
          <ul data-for="true" data-testid="supports">
            {supports.map((text) => (
              <li key={text}>
                <OkIcon size={14} />
                <span>{text}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {contradicts.length > 0 && (
        <section aria-label="What speaks against it">
          <h4>Against it</h4>
          <ul data-testid="contradicts">
            {contradicts.map((text) => (
              <li key={text}>
                <BadIcon size={14} />
                <span>{text}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Next({ suspect: { next_step: step, command } }: { suspect: Suspect }) {
  if (!step && !command) return null;
  return (
    <section className={css.next} aria-label="What to do next" data-testid="next-step">
      <h4>Next</h4>
      {step && <p>{step}</p>}
      {command && <Snippet text={command} label="command" />}
    </section>
  );
}

function Examples({ traceIds, logs }: { traceIds: readonly string[]; logs: readonly LogLine[] }) {
  const { clock } = useMoments();
  if (traceIds.length + logs.length === 0) return null;
  return (
    <section aria-label="Examples">
      <h4>Examples</h4>
      {traceIds.length > 0 && (
        <p className={css.traces}>
          {traceIds.slice(0, MOST_TRACES).map((id) => (
            <Link key={id} to={paths.trace(id)} title={id} data-testid="cause-trace">
              trace <code>{id.slice(0, 8)}</code>
            </Link>
          ))}
        </p>
      )}
      {logs.length > 0 && (
        <ul className={css.logs}>
          {logs.slice(0, MOST_LOGS).map((line) => (
            <li key={`${line.time} ${line.body}`} data-testid="cause-log">
              <span className={css.note}>
                {clock(seconds(line.time))} {line.severity}
              </span>
              <code>{line.body}</code>
              {line.trace_id && (
                <Link to={paths.trace(line.trace_id)} aria-label={`Trace of the line at ${clock(seconds(line.time))}`}>
                  trace
                </Link>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

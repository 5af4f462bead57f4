/** Whether a fix worked: now beside the time before and the incident, and the verdict so far. */

import { useMemo } from "react";
import type { Verification } from "../api/incidents";
import { TimeChart, type ChartLine } from "../charts/time-chart";
import { BadIcon, OkIcon } from "../ui/icons";
import { useMoments } from "../ui/moments";
import { useNow } from "../ui/now";
import { formatCount, formatDuration, formatRatio, ratio, seconds } from "../units";
import { EvidenceList, FixBadge } from "./parts";
import { FIXES, formatUnit } from "./words";
import css from "./verification.module.css";

const SOURCES = { person: "said by a person", release: "seen by a release", recovery: "seen by the numbers' own recovery" } as const;

export function VerificationView({ verification }: { verification: Verification }) {
  const { verdict, statement, source, claimed, checked, requests, guards, evidence } = verification;
  const { moment, clock } = useMoments();
  return (
    <section className={css.proof} aria-label="Did the fix work?" data-testid="verification" data-verdict={verdict}>
      <div className={css.head}>
        <h2>Did the fix work?</h2>
        <span aria-live="polite">
          <FixBadge verdict={verdict} />
        </span>
        <Eta verification={verification} />
      </div>
      <p className={css.statement}>{statement || FIXES[verdict].why}</p>
      <Scale verification={verification} />
      <Blocks verification={verification} />
      <p className={css.note}>
        Fixed at {moment(seconds(claimed))}, {SOURCES[source]}; {formatCount(requests)} requests since
        {checked !== null && `, looked at until ${clock(seconds(checked))}`}
        {verification.mix_adjusted && "; counted as if the traffic had the mix of before"}
        {verification.controlled && "; beside traffic that was never hurt"}. Up to{" "}
        {formatRatio(ratio(verification.tolerance))} above the time before still counts as recovered; “recovered” is said
        wrongly at most once in a hundred.
      </p>
      {Object.keys(guards).length > 0 && (
        <ul className={css.guards} aria-label="What must not have become worse" data-testid="guards">
          {Object.entries(guards).map(([name, held]) => (
            <li key={name} data-held={held}>
              {held ? <OkIcon size={14} /> : <BadIcon size={14} />}
              {name} {held ? "did not become worse" : "became worse"}
            </li>
          ))}
        </ul>
      )}
      {evidence.length > 0 && (
        <details className={css.queries}>
          <summary>Queries that show it</summary>
          <EvidenceList evidence={evidence} />
        </details>
      )}
    </section>
  );
}

function Eta({ verification: { verdict, eta } }: { verification: Verification }) {
  const now = useNow();
  const { clock } = useMoments();
  if (verdict !== "too_early" || eta === null) return null;
  return (
    <span className={css.note} data-testid="eta">
      a verdict is likely at {clock(seconds(eta))}
      {eta > now && `, in ${formatDuration(seconds(Math.max(1, Math.round(eta - now))))}`}
    </span>
  );
}

/** Places of a verification's values on a line that begins at zero, as parts of it. */
export function placeFix({ baseline, incident, now, tolerance, to_baseline_low: low, to_baseline_high: high }: Verification) {
  if (baseline === null || incident === null) return null;
  const ends = now === null || low === null || high === null ? null : ([baseline * low, baseline * high] as const);
  const most = Math.max(baseline * (1 + tolerance), incident, now ?? 0, Math.min(ends?.[1] ?? 0, 2 * incident)) * 1.08 || 1;
  const place = (value: number) => Math.min(1, Math.max(0, value / most));
  return {
    baseline: place(baseline),
    incident: place(incident),
    now: now === null ? null : place(now),
    interval: ends && ([place(ends[0]), place(ends[1])] as const),
    recovered: place(baseline * (1 + tolerance)),
  };
}

function Scale({ verification }: { verification: Verification }) {
  const { baseline, incident, now, measure, unit } = verification;
  const places = placeFix(verification);
  const percent = (part: number) => `${part * 100}%`;
  return (
    <figure className={css.scale} data-testid="fix-scale">
      <figcaption>
        <span className={css.measure}>{measure}</span>
        <dl>
          <div data-mark="baseline">
            <dt>before</dt>
            <dd>{formatUnit(baseline, unit)}</dd>
          </div>
          <div data-mark="now">
            <dt>now</dt>
            <dd>{formatUnit(now, unit)}</dd>
          </div>
          <div data-mark="incident">
            <dt>incident</dt>
            <dd>{formatUnit(incident, unit)}</dd>
          </div>
        </dl>
      </figcaption>
      {places && (
        <div className={css.line} aria-hidden="true">
          <span className={css.zone} style={{ width: percent(places.recovered) }}>
            <span>recovered</span>
          </span>
          {places.interval && (
            <span
              className={css.interval}
              style={{ left: percent(places.interval[0]), width: percent(Math.max(0.004, places.interval[1] - places.interval[0])) }}
            />
          )}
          <i data-mark="baseline" style={{ left: percent(places.baseline) }} />
          <i data-mark="incident" style={{ left: percent(places.incident) }} />
          {places.now !== null && <i data-mark="now" style={{ left: percent(places.now) }} />}
        </div>
      )}
    </figure>
  );
}

/** The blocks of the test over time, between the levels of before and of the incident. */
function Blocks({ verification }: { verification: Verification }) {
  const { points, baseline, incident, unit, controlled, measure, claimed } = verification;
  const drawn = useMemo(() => {
    const times = points.map(({ time }) => time);
    const level = (value: number | null) => times.map(() => value);
    const lines: ChartLine[] = [
      { label: "since the fix", color: "--accent", width: 2, values: points.map(({ value }) => value) },
      ...(controlled
        ? [{ label: "never hurt", color: "--text-3", width: 1, values: points.map(({ control }) => control) }]
        : []),
      { label: "before", color: "--ok", dashed: true, values: level(baseline) },
      { label: "incident", color: "--bad", dashed: true, values: level(incident) },
    ];
    return { times, lines };
  }, [points, baseline, incident, controlled]);
  const last = drawn.times.at(-1);
  if (drawn.times.length < 2 || last === undefined) return null;
  return (
    <TimeChart
      title={`${measure} since the fix`}
      times={drawn.times}
      lines={drawn.lines}
      range={[Math.min(claimed, drawn.times[0] ?? claimed), last + 1]}
      markers={[{ time: claimed, label: "fixed" }]}
      format={(value) => formatUnit(value, unit)}
      unit={unit}
      facts={[["Samples", `${formatCount(points.reduce((sum, { requests }) => sum + requests, 0))} requests in ${points.length} blocks`]]}
      height={150}
      zoomable={false}
      live={false}
      data-testid="fix-blocks"
    />
  );
}

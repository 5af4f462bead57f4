/** Small parts of incidents and investigations: states, verdicts, effects as pictures, queries. */

import type { Effect, Evidence, FixVerdict, IncidentState, Verdict } from "../api/incidents";
import { CopyButton } from "../ui/copy";
import { BadIcon, ClockIcon, OkIcon, SearchIcon, SilentIcon, WarnIcon } from "../ui/icons";
import { AnyLink } from "../url/any-link";
import { Link, paths } from "../url/link";
import { absoluteWindow } from "../url/window";
import { FIXES, formatChange, formatFactor, formatUnit, placeEffect, sayConfidence, VERDICTS } from "./words";
import css from "./parts.module.css";

const STATES = {
  open: { icon: BadIcon, text: "open", why: "It goes on, as far as is known." },
  verifying: { icon: ClockIcon, text: "verifying", why: "Somebody says that it is fixed; the data is being asked." },
  resolved: { icon: OkIcon, text: "resolved", why: "It is over." },
} as const;

export function StateBadge({ state }: { state: IncidentState }) {
  const { icon: Icon, text, why } = STATES[state];
  return (
    <span className={css.badge} data-look={state} title={why} data-testid="incident-state">
      <Icon size={15} />
      {text}
    </span>
  );
}

const VERDICT_ICONS = { explained: SearchIcon, partial: WarnIcon, unexplained: SilentIcon, no_change: SilentIcon } as const;

export function VerdictBadge({ verdict }: { verdict: Verdict }) {
  const Icon = VERDICT_ICONS[verdict];
  const { text, why } = VERDICTS[verdict];
  return (
    <span className={css.badge} data-look={verdict} title={why} data-testid="verdict">
      <Icon size={15} />
      {text}
    </span>
  );
}

const FIX_ICONS = { too_early: ClockIcon, recovered: OkIcon, improved: WarnIcon, not_recovered: BadIcon, relapsed: BadIcon } as const;

export function FixBadge({ verdict }: { verdict: FixVerdict }) {
  const Icon = FIX_ICONS[verdict];
  const { text, why } = FIXES[verdict];
  return (
    <span className={css.badge} data-look={verdict} title={why} data-testid="fix-verdict">
      <Icon size={15} />
      {text}
    </span>
  );
}

/** How sure a finding is: a word, a number, and a bar. */
export function Confidence({ value }: { value: number }) {
  const word = sayConfidence(value);
  return (
    <span className={css.confidence} data-level={word} data-testid="confidence">
      <span>
        {word} <small>{value.toFixed(2)}</small>
      </span>
      <span className={css.track} aria-hidden="true">
        <span style={{ width: `${Math.min(1, Math.max(0, value)) * 100}%` }} />
      </span>
    </span>
  );
}

/** Before and after as numbers, and on a line with the interval of the change. */
export function EffectView({ effect }: { effect: Effect }) {
  const { measure, unit, before, after, low, high } = effect;
  const places = placeEffect(effect);
  const factor = formatFactor(effect);
  const change = before === null || after === null ? null : after - before;
  return (
    <div className={css.effect} data-testid="effect">
      <p className={css.numbers}>
        <span className={css.measure}>{measure}</span>
        <span>{formatUnit(before, unit)}</span>
        <span aria-hidden="true">→</span>
        <span className="visually-hidden">before, then</span>
        <strong>{formatUnit(after, unit)}</strong>
        {factor && <span className={css.factor}>{factor}</span>}
      </p>
      {places && (
        <svg className={css.picture} viewBox="0 0 200 22" preserveAspectRatio="none" aria-hidden="true">
          <path d="M0 11H200" className={css.axis} vectorEffect="non-scaling-stroke" />
          {places.interval && (
            <rect x={places.interval[0] * 200} width={Math.max(1, (places.interval[1] - places.interval[0]) * 200)} y="6" height="10" className={css.interval} />
          )}
          <path d={`M${places.before * 200} 3V19`} className={css.before} vectorEffect="non-scaling-stroke" />
          <path d={`M${places.after * 200} 1V21`} className={css.after} vectorEffect="non-scaling-stroke" />
        </svg>
      )}
      <p className={css.note}>
        change {formatChange(change, unit)}
        {low !== null && high !== null && `; with 95 % between ${formatChange(low, unit)} and ${formatChange(high, unit)}`}
      </p>
    </div>
  );
}

const LANGUAGES = { promql: "PromQL", filter: "filter", sql: "SQL" } as const;

/** Numbers, each with the query that gives it again. */
export function EvidenceList({ evidence }: { evidence: readonly Evidence[] }) {
  if (evidence.length === 0) return null;
  return (
    <ul className={css.evidence} data-testid="evidence">
      {evidence.map(({ title, language, query, value, unit, link, window }) => (
        <li key={`${title} ${query}`}>
          <p>
            <span>{title}</span> <strong>{formatUnit(value, unit)}</strong>
            {link ? (
              <AnyLink href={link} aria-label={`open: ${title}`} data-testid="open-evidence">
                open
              </AnyLink>
            ) : (
              language === "promql" && (
                <Link
                  to={paths.metrics}
                  params={{ q: query, ...absoluteWindow(window.start, window.end) }}
                  aria-label={`open: ${title}`}
                  data-testid="open-evidence"
                >
                  open
                </Link>
              )
            )}
          </p>
          <p className={css.query}>
            <span className={css.language}>{LANGUAGES[language]}</span>
            <code>{query}</code>
            <CopyButton text={query} label={`Copy the ${LANGUAGES[language]} of ${title}`} />
          </p>
        </li>
      ))}
    </ul>
  );
}

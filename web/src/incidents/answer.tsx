/** The answer to a question: in a few sentences, then the causes, then what was ruled out. */

import type { Investigation, Moment, RuledOut } from "../api/incidents";
import { useMoments } from "../ui/moments";
import { formatCompact, formatDuration, formatRatio, ratio, seconds } from "../units";
import { Cause } from "./cause";
import { OnsetChart } from "./onset-chart";
import { EffectView, EvidenceList, VerdictBadge } from "./parts";
import { sayScope, VERDICTS } from "./words";
import css from "./answer.module.css";

interface AnswerProps {
  investigation: Investigation;
  /** Until when the chart is drawn; by default the end of what was asked about. */
  until?: number | undefined;
  /** What happened beside what the investigation knows. */
  moments?: readonly Moment[];
}

export function InvestigationView({ investigation, until, moments = [] }: AnswerProps) {
  const { findings, ruled_out: ruledOut, timeline } = investigation;
  return (
    <div className={css.answer} data-testid="investigation">
      <Summary investigation={investigation} />
      <OnsetChart investigation={investigation} until={until} moments={[...timeline, ...moments]} />
      {findings.length > 0 && (
        <section className={css.causes} aria-label="Causes">
          <h2>{findings.length === 1 ? "One cause stands" : `${findings.length} causes stand, the likeliest first`}</h2>
          {findings.map((suspect, index) => (
            <Cause key={`${index} ${suspect.statement}`} suspect={suspect} rank={index + 1} investigation={investigation} />
          ))}
        </section>
      )}
      <RuledOutList ruledOut={ruledOut} />
    </div>
  );
}

function Summary({ investigation }: { investigation: Investigation }) {
  const { summary, verdict, effect, onset, onset_low: low, onset_high: high, scope } = investigation;
  const { clock, moment } = useMoments();
  return (
    <section className={css.summary} aria-label="The answer" data-testid="answer">
      <div className={css.head}>
        <h2>The answer</h2>
        <VerdictBadge verdict={verdict} />
      </div>
      <div className={css.halves}>
        <ol className={css.bullets}>
          {summary.map((sentence) => (
            <li key={sentence} data-testid="bullet">
              {sentence}
            </li>
          ))}
          {summary.length === 0 && <li>{VERDICTS[verdict].why}</li>}
        </ol>
        <dl className={css.facts}>
          {verdict !== "no_change" && (
            <>
              <dt>Whom it hurts</dt>
              <dd>{sayScope(scope)}</dd>
            </>
          )}
          {onset !== null && (
            <>
              <dt>Since</dt>
              <dd data-testid="onset">
                {moment(seconds(onset))}
                {low !== null && high !== null && high - low >= 1 && (
                  <small>
                    {" "}
                    between {clock(seconds(low))} and {clock(seconds(high))}
                  </small>
                )}
              </dd>
            </>
          )}
          {effect && (
            <>
              <dt>How much</dt>
              <dd>
                <EffectView effect={effect} />
              </dd>
            </>
          )}
        </dl>
      </div>
      <Coverage investigation={investigation} />
    </section>
  );
}

/** What was read, so that one knows what the answer rests on. */
function Coverage({ investigation: { coverage, took_ms: took, asked, baseline, window } }: { investigation: Investigation }) {
  const { moment, clock } = useMoments();
  const parts = [
    coverage.spans > 0 && `${formatCompact(coverage.spans)} spans`,
    coverage.logs > 0 && `${formatCompact(coverage.logs)} log records`,
    coverage.series > 0 && `${formatCompact(coverage.series)} series`,
  ].filter(Boolean);
  return (
    <div className={css.coverage} data-testid="coverage">
      <p>
        Asked {moment(seconds(asked))}: {clock(seconds(window.start))} to {clock(seconds(window.end))} against{" "}
        {clock(seconds(baseline.start))} to {clock(seconds(baseline.end))}.{" "}
        {parts.length > 0 && `Read ${parts.join(", ")}`}
        {coverage.sampled < 1 && `, a sample of ${formatRatio(ratio(coverage.sampled))}`}
        {took > 0 && ` in ${formatDuration(seconds(took / 1000))}`}
        {coverage.placebos > 0 && `; compared with ${coverage.placebos} healthy windows`}.
      </p>
      {coverage.left_out.length > 0 && <p>Not looked at: {coverage.left_out.join("; ")}.</p>}
    </div>
  );
}

function RuledOutList({ ruledOut }: { ruledOut: readonly RuledOut[] }) {
  if (ruledOut.length === 0) return null;
  return (
    <details className={css.panel} open={ruledOut.length <= 6} data-testid="ruled-out">
      <summary>
        <h2>Ruled out: {ruledOut.length}</h2>
      </summary>
      <ul className={css.ruledOut}>
        {ruledOut.map(({ subject, reason, evidence }, index) => (
          <li key={index}>
            <strong>{sayScope(subject, "all of it")}</strong>
            <span>{reason}</span>
            {evidence.length > 0 && (
              <details>
                <summary>queries</summary>
                <EvidenceList evidence={evidence} />
              </details>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

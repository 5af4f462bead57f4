import { useState } from "react";
import { expireSilence, useAlertChange, useSilences, type Silence } from "../../api/alerts";
import { SilenceDialog } from "../../alerts/silence-form";
import { Refusal } from "../../ui/form";
import forms from "../../ui/form.module.css";
import { ClockIcon, OkIcon, SilentIcon } from "../../ui/icons";
import { useMoments } from "../../ui/moments";
import { useNow } from "../../ui/now";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatDuration, seconds } from "../../units";
import css from "./alerts.module.css";

const STATES = {
  active: { icon: SilentIcon, text: "active" },
  pending: { icon: ClockIcon, text: "to come" },
  expired: { icon: OkIcon, text: "ended" },
} as const;

export function Silences() {
  const query = useSilences();
  const [making, setMaking] = useState(false);
  return (
    <>
      <div className={css.bar}>
        <p className={css.totals}>A silence keeps alerts from being told until it ends; they stay on the screen.</p>
        <button type="button" className={forms.button} onClick={() => setMaking(true)} data-testid="new-silence">
          New silence
        </button>
      </div>
      <Answer query={query} loading={<Loading rows={4} label="the silences" />}>
        {({ silences }) =>
          silences.length ? (
            <ul className={css.list} aria-label="Silences">
              {silences.map((silence) => (
                <Row key={silence.id} silence={silence} />
              ))}
            </ul>
          ) : (
            <Empty title="Nothing is silenced" />
          )
        }
      </Answer>
      {making && <SilenceDialog matchers={[]} close={() => setMaking(false)} />}
    </>
  );
}

function Row({ silence }: { silence: Silence }) {
  const { moment } = useMoments();
  const now = useNow();
  const [changing, setChanging] = useState(false);
  const ending = useAlertChange(() => expireSilence(silence.id));
  const { icon: Icon, text } = STATES[silence.state];
  const over = silence.state === "expired";
  const left = formatDuration(seconds(Math.max(0, Math.round(silence.ends - now))));
  return (
    <li className={css.row} data-testid="silence-row">
      <div className={css.standing}>
        <span className={css.badge} data-quiet={over}>
          <Icon size={15} />
          {text}
        </span>
        {silence.state === "active" && (
          <span className={css.note}>
            {silence.silenced} {silence.silenced === 1 ? "alert" : "alerts"}
          </span>
        )}
      </div>
      <div className={css.what}>
        <h3>{silence.comment}</h3>
        <p className={css.matchers}>
          {silence.matchers.map((matcher) => (
            <code key={matcher}>{matcher}</code>
          ))}
        </p>
      </div>
      <dl className={css.facts}>
        <dt>{over ? "Ended" : "Ends"}</dt>
        <dd>
          {moment(seconds(silence.ends))} {!over && <small>in {left}</small>}
        </dd>
        <dt>By</dt>
        <dd>{silence.author}</dd>
      </dl>
      <div className={css.actions}>
        {!over && (
          <>
            <button type="button" className={forms.button} onClick={() => setChanging(true)} aria-label={`Change the silence: ${silence.comment}`} data-testid="change-silence">
              Change
            </button>
            <button
              type="button"
              className={forms.button}
              onClick={() => ending.mutate(undefined)}
              disabled={ending.isPending}
              aria-label={`End the silence now: ${silence.comment}`}
              data-testid="end-silence"
            >
              End now
            </button>
          </>
        )}
        <Refusal error={ending.error} />
      </div>
      {changing && <SilenceDialog matchers={silence.matchers} silence={silence} close={() => setChanging(false)} />}
    </li>
  );
}

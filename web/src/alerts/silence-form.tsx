/** The form that silences alerts: which ones, until when, by whom and why. */

import { useState } from "react";
import { putSilence, useAlertChange, useMatching, type Silence } from "../api/alerts";
import { Segments } from "../ui/chip";
import { Dialog } from "../ui/dialog";
import { AuthorField, Field, Form, useAuthor } from "../ui/form";
import { CloseIcon } from "../ui/icons";
import { formatMoment, readTime, showTime, zoneName } from "../ui/moments";
import { useNow, useSettled } from "../ui/now";
import { usePreferences } from "../ui/preferences";
import forms from "../ui/form.module.css";
import { seconds } from "../units";
import { resolveTime } from "../url/window";
import { matcherProblem, sayAlert } from "./words";
import css from "./alerts.module.css";

const LENGTHS = [
  ["30m", "30 min"],
  ["1h", "1 h"],
  ["2h", "2 h"],
  ["8h", "8 h"],
  ["1d", "1 day"],
  ["1w", "1 week"],
  ["until", "until …"],
] as const;
type Length = (typeof LENGTHS)[number][0];

interface SilenceDialogProps {
  matchers: readonly string[];
  /** The silence to change; without it one is made. */
  silence?: Silence;
  close: () => void;
}

export function SilenceDialog({ matchers: first, silence, close }: SilenceDialogProps) {
  const { zone } = usePreferences();
  const now = useNow();
  const [matchers, setMatchers] = useState<readonly string[]>(first.length ? first : [""]);
  const [length, setLength] = useState<Length>(silence ? "until" : "2h");
  const [until, setUntil] = useState(() => showTime(String(Math.round(silence?.ends ?? now + 3600)), zone));
  const [author, setAuthor] = useAuthor();
  const [comment, setComment] = useState(silence?.comment ?? "");
  const written = matchers.map((text) => text.trim()).filter(Boolean);
  const ends = length === "until" ? readTime(until, zone) : `now+${length}`;
  const end = length === "until" ? resolveTime(ends ?? "", now) : seconds(now + lengthOf(length));
  const sending = useAlertChange(() =>
    putSilence({
      id: silence?.id ?? "",
      matchers: written,
      starts: silence ? String(silence.starts) : "now",
      ends: ends ?? "",
      author: author.trim(),
      comment: comment.trim(),
    }),
  );
  const problem =
    written.length === 0
      ? "Say which alerts."
      : written.some(matcherProblem)
        ? "A matcher is not written as it must be."
        : end === null || end <= now
          ? "It must end later than now."
          : !author.trim()
            ? "Say who you are."
            : !comment.trim()
              ? "Say why."
              : null;
  return (
    <Dialog title={silence ? "Change the silence" : "Silence alerts"} close={close} data-testid="silence-dialog">
      <Form
        act={silence ? "Change it" : "Silence"}
        onSubmit={() => sending.mutate(undefined, { onSuccess: close })}
        busy={sending.isPending}
        error={sending.error}
        problem={problem}
        cancel={close}
      >
        <Matchers matchers={matchers} onChange={setMatchers} />
        <Preview matchers={written} />
        <div className={forms.group}>
          <span className={forms.label}>For how long</span>
          <Segments label="For how long" value={length} onChange={setLength} options={LENGTHS} data-testid="silence-length" />
          {length === "until" && (
            <Field
              label={`Until, in ${zoneName(zone)}`}
              value={until}
              onChange={setUntil}
              problem={end === null ? "Write a time such as 2026-01-31 14:00" : null}
              data-testid="silence-until"
            />
          )}
          {end !== null && (
            <p className={forms.note} data-testid="silence-ends">
              Ends {formatMoment(end, zone)} {zoneName(zone)}; the alerts stay on the screen.
            </p>
          )}
        </div>
        <AuthorField value={author} onChange={setAuthor} />
        <Field label="Why" value={comment} onChange={setComment} required maxLength={4096} data-testid="comment" />
      </Form>
    </Dialog>
  );
}

function lengthOf(length: string): number {
  const unit: Record<string, number> = { m: 60, h: 3600, d: 86_400, w: 604_800 };
  return Number.parseInt(length, 10) * (unit[length.at(-1) ?? ""] ?? 0);
}

interface MatchersProps {
  matchers: readonly string[];
  onChange: (matchers: readonly string[]) => void;
  legend?: string;
}

/** Conditions over labels, one to a line, all of which must hold. */
export function Matchers({ matchers, onChange, legend = "Alerts whose labels match all of" }: MatchersProps) {
  return (
    <fieldset className={forms.group} data-testid="matchers">
      <legend>{legend}</legend>
      {matchers.map((text, index) => {
        const problem = text.trim() ? matcherProblem(text) : null;
        return (
          <div key={index}>
            <span className={css.matcher}>
              <input
                className={`${forms.input} ${forms.code}`}
                value={text}
                onChange={(event) => onChange(matchers.map((old, at) => (at === index ? event.target.value : old)))}
                aria-label={`Matcher ${index + 1}`}
                aria-invalid={problem ? true : undefined}
                placeholder='service="ml-infer"'
                spellCheck={false}
                autoComplete="off"
                data-testid="matcher"
              />
              <button
                type="button"
                className={forms.quiet}
                onClick={() => onChange(matchers.filter((_, at) => at !== index))}
                aria-label={`Remove matcher ${index + 1}`}
                data-testid="remove-matcher"
              >
                <CloseIcon size={14} />
              </button>
            </span>
            {problem && <p className={forms.problem}>{problem}</p>}
          </div>
        );
      })}
      <span>
        <button type="button" className={forms.button} onClick={() => onChange([...matchers, ""])} data-testid="add-matcher">
          Add a matcher
        </button>
      </span>
    </fieldset>
  );
}

/** Which of the alerts that are there now the matchers match. */
export function Preview({ matchers }: { matchers: readonly string[] }) {
  const settled = useSettled(JSON.stringify(matchers.some(matcherProblem) ? [] : matchers));
  const { data, error } = useMatching(JSON.parse(settled) as string[]);
  const found = settled === "[]" ? null : data?.alerts.filter(({ state }) => state === "firing" || state === "pending");
  return (
    <div className={forms.preview} role="status" data-testid="silence-preview">
      {error ? (
        error.message
      ) : !found ? (
        "Write a matcher to see which alerts it covers."
      ) : found.length === 0 ? (
        "Covers no alert that fires now; it will cover those to come."
      ) : (
        <>
          Covers <strong>{found.length === 1 ? "one alert" : `${found.length} alerts`}</strong> now:
          <ul>
            {found.slice(0, 20).map((alert) => (
              <li key={alert.id}>{sayAlert(alert)}</li>
            ))}
            {found.length > 20 && <li>and {found.length - 20} more</li>}
          </ul>
        </>
      )}
    </div>
  );
}

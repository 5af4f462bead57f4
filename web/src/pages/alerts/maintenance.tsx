import { useState } from "react";
import { addMaintenance, removeMaintenance, useAlertChange, useMaintenance, type Maintenance, type MaintenanceIn } from "../../api/alerts";
import { Matchers, Preview } from "../../alerts/silence-form";
import { matcherProblem } from "../../alerts/words";
import { Dialog } from "../../ui/dialog";
import { AuthorField, Field, Form, Refusal, useAuthor } from "../../ui/form";
import forms from "../../ui/form.module.css";
import { ClockIcon, SilentIcon } from "../../ui/icons";
import { useMoments } from "../../ui/moments";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatDuration, seconds } from "../../units";
import css from "./alerts.module.css";

type Weekday = NonNullable<MaintenanceIn["weekdays"]>[number];
const WEEKDAYS: readonly Weekday[] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const short = (day: string) => `${day.slice(0, 1).toUpperCase()}${day.slice(1, 3)}`;

export function MaintenanceWindows() {
  const query = useMaintenance();
  const [making, setMaking] = useState(false);
  return (
    <>
      <div className={css.bar}>
        <p className={css.totals}>While a window is open, nobody is told of the alerts that it covers.</p>
        <button type="button" className={forms.button} onClick={() => setMaking(true)} data-testid="new-window">
          New window
        </button>
      </div>
      <Answer query={query} loading={<Loading rows={4} label="the maintenance windows" />}>
        {({ windows }) =>
          windows.length ? (
            <ul className={css.list} aria-label="Maintenance windows">
              {windows.map((window) => (
                <Row key={window.id} window={window} />
              ))}
            </ul>
          ) : (
            <Empty title="No maintenance is planned" />
          )
        }
      </Answer>
      {making && <WindowDialog close={() => setMaking(false)} />}
    </>
  );
}

function sayDays(days: readonly string[]): string {
  return days.length === 7 ? "Every day" : days.map(short).join(", ");
}

function Row({ window }: { window: Maintenance }) {
  const { moment } = useMoments();
  const removing = useAlertChange(() => removeMaintenance(window.id));
  const fixed = window.id.startsWith("file:");
  const bounds = [window.first && `from ${window.first}`, window.last && `until ${window.last}`].filter(Boolean).join(" ");
  return (
    <li className={css.row} data-testid="window-row">
      <div className={css.standing}>
        <span className={css.badge} data-quiet={window.open_until === null}>
          {window.open_until === null ? <ClockIcon size={15} /> : <SilentIcon size={15} />}
          {window.open_until === null ? "closed" : "open"}
        </span>
      </div>
      <div className={css.what}>
        <h3>{window.comment || window.id}</h3>
        <p className={css.matchers}>
          {window.matchers.length ? window.matchers.map((matcher) => <code key={matcher}>{matcher}</code>) : "every alert"}
        </p>
      </div>
      <dl className={css.facts}>
        <dt>When</dt>
        <dd>
          {sayDays(window.weekdays)} {window.opens} {window.time_zone}, {formatDuration(seconds(window.duration_s))} {bounds}
          {window.open_until !== null && <small> open until {moment(seconds(window.open_until))}</small>}
        </dd>
        <dt>By</dt>
        <dd>{fixed ? "the file of receivers" : window.author}</dd>
      </dl>
      <div className={css.actions}>
        {!fixed && (
          <button
            type="button"
            className={forms.button}
            onClick={() => removing.mutate(undefined)}
            disabled={removing.isPending}
            aria-label={`Remove the window: ${window.comment}`}
            data-testid="remove-window"
          >
            Remove
          </button>
        )}
        <Refusal error={removing.error} />
      </div>
    </li>
  );
}

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

function WindowDialog({ close }: { close: () => void }) {
  const [author, setAuthor] = useAuthor();
  const [matchers, setMatchers] = useState<readonly string[]>([""]);
  const [weekdays, setWeekdays] = useState<readonly Weekday[]>(WEEKDAYS);
  const [texts, setTexts] = useState({ opens: "02:00", minutes: "60", time_zone: HERE, first: "", last: "", comment: "" });
  const written = matchers.map((text) => text.trim()).filter(Boolean);
  const field = (name: keyof typeof texts) => ({
    value: texts[name],
    onChange: (value: string) => setTexts({ ...texts, [name]: value }),
    "data-testid": `window-${name}`,
  });
  const minutes = Number(texts.minutes);
  const problem =
    written.some(matcherProblem)
      ? "A matcher is not written as it must be."
      : weekdays.length === 0
        ? "Choose a day."
        : !(minutes >= 1)
          ? "Say how many minutes."
          : !author.trim()
            ? "Say who you are."
            : !texts.comment.trim()
              ? "Say why."
              : null;
  const sending = useAlertChange(() =>
    addMaintenance({
      matchers: written,
      weekdays: [...weekdays],
      opens: texts.opens,
      duration_s: Math.round(minutes * 60),
      time_zone: texts.time_zone.trim(),
      first: texts.first,
      last: texts.last,
      author: author.trim(),
      comment: texts.comment.trim(),
    }),
  );
  return (
    <Dialog title="New maintenance window" close={close} data-testid="window-dialog">
      <Form
        act="Add it"
        onSubmit={() => sending.mutate(undefined, { onSuccess: close })}
        busy={sending.isPending}
        error={sending.error}
        problem={problem}
        cancel={close}
      >
        <Matchers matchers={matchers} onChange={setMatchers} legend="Alerts whose labels match all of (none: every alert)" />
        {written.length > 0 && <Preview matchers={written} />}
        <fieldset className={forms.group}>
          <legend>Days on which it opens</legend>
          <div className={forms.checks}>
            {WEEKDAYS.map((day) => (
              <label key={day}>
                <input
                  type="checkbox"
                  checked={weekdays.includes(day)}
                  onChange={() => setWeekdays(WEEKDAYS.filter((one) => weekdays.includes(one) !== (one === day)))}
                />
                {short(day)}
              </label>
            ))}
          </div>
        </fieldset>
        <div className={forms.pair}>
          <Field label="Opens at" type="time" required {...field("opens")} />
          <Field label="For how many minutes" type="number" min={1} max={10_080} required {...field("minutes")} />
        </div>
        <Field label="Time zone" note="A name such as Europe/Berlin" required {...field("time_zone")} />
        <div className={forms.pair}>
          <Field label="First day (optional)" type="date" {...field("first")} />
          <Field label="Last day (optional)" type="date" {...field("last")} />
        </div>
        <AuthorField value={author} onChange={setAuthor} />
        <Field label="Why" required maxLength={4096} {...field("comment")} />
      </Form>
    </Dialog>
  );
}

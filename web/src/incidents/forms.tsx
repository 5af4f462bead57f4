/** What a person can say about an incident: I look after it, it is fixed, it is over, a note. */

import { useState } from "react";
import { acknowledgeIncident, addNote, claimFix, resolveIncident, type Incident } from "../api/incidents";
import { useAlertChange } from "../api/alerts";
import { Dialog } from "../ui/dialog";
import { AuthorField, Field, Form, useAuthor } from "../ui/form";
import forms from "../ui/form.module.css";
import { formatMoment, readTime, showTime, zoneName } from "../ui/moments";
import { useNow } from "../ui/now";
import { usePreferences } from "../ui/preferences";
import { resolveTime } from "../url/window";

export type Act = "acknowledge" | "fixed" | "resolve" | "note";

const TEXTS = {
  acknowledge: { title: "Acknowledge", act: "Look after it", label: "", note: "Others see that you look after it; its alerts are not told again while they fire on." },
  fixed: { title: "Mark as fixed", act: "Verify the fix", label: "What was done (optional)", note: "From then on the requests are compared with the time before and with the incident, until the numbers decide." },
  resolve: { title: "Resolve without proof", act: "Resolve", label: "Why (optional)", note: "It counts as over on your word. “Mark as fixed” lets the numbers decide instead." },
  note: { title: "Add a note", act: "Add it", label: "Note", note: "It stands on the timeline and in the report." },
} as const;

interface ActDialogProps {
  incident: Pick<Incident, "id" | "title">;
  act: Act;
  close: () => void;
}

export function ActDialog({ incident, act, close }: ActDialogProps) {
  const { title, act: button, label, note } = TEXTS[act];
  const { zone } = usePreferences();
  const now = useNow();
  const [author, setAuthor] = useAuthor();
  const [text, setText] = useState("");
  const [when, setWhen] = useState("now");
  const by = author.trim();
  const at = readTime(when, zone);
  const fixedAt = at === null ? null : resolveTime(at, now);
  const sending = useAlertChange((): Promise<Incident> => {
    if (act === "acknowledge") return acknowledgeIncident(incident.id, by);
    if (act === "fixed") return claimFix(incident.id, by, at ?? "now", text.trim());
    if (act === "resolve") return resolveIncident(incident.id, by, text.trim());
    return addNote(incident.id, by, text.trim());
  });
  const problem =
    act === "fixed" && (fixedAt === null || fixedAt > now + 1)
      ? "Say when it was fixed, not later than now."
      : act === "note" && !text.trim()
        ? "Write the note."
        : by
          ? null
          : "Say who you are.";
  return (
    <Dialog title={title} close={close} data-testid={`${act}-dialog`}>
      <Form
        act={button}
        onSubmit={() => sending.mutate(undefined, { onSuccess: close })}
        busy={sending.isPending}
        error={sending.error}
        problem={problem}
        cancel={close}
      >
        <p className={forms.note}>{note}</p>
        {act === "fixed" && (
          <Field
            label={`When, in ${zoneName(zone)}`}
            value={when}
            onChange={setWhen}
            note={
              fixedAt === null
                ? `such as now-5m or ${showTime(String(Math.round(now - 300)), zone)}`
                : formatMoment(fixedAt, zone)
            }
            problem={fixedAt === null ? `Write a time such as now-5m or ${showTime(String(Math.round(now - 300)), zone)}` : null}
            data-testid="fixed-at"
          />
        )}
        {label && <Field label={label} value={text} onChange={setText} maxLength={4096} required={act === "note"} data-testid="comment" />}
        <AuthorField value={author} onChange={setAuthor} />
      </Form>
    </Dialog>
  );
}

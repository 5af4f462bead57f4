/** What a person can do about an alert: look after it, silence it. */

import { useState } from "react";
import { acknowledge, useAlertChange, withdraw, type Alert } from "../api/alerts";
import { Dialog } from "../ui/dialog";
import { AuthorField, Field, Form, Refusal, useAuthor } from "../ui/form";
import { OkIcon, SilentIcon } from "../ui/icons";
import forms from "../ui/form.module.css";
import { SilenceDialog } from "./silence-form";
import { matchersOf, sayAlert } from "./words";
import css from "./alerts.module.css";

export function AlertActions({ alert }: { alert: Alert }) {
  const [open, setOpen] = useState<"acknowledge" | "silence" | null>(null);
  const giveBack = useAlertChange(() => withdraw(alert.id));
  const firing = alert.state === "firing" || alert.state === "pending";
  const close = () => setOpen(null);
  return (
    <div className={css.actions}>
      {alert.acknowledged ? (
        <button
          type="button"
          className={forms.button}
          onClick={() => giveBack.mutate(undefined)}
          aria-label={`Withdraw the acknowledgement of ${alert.name}`}
          data-testid="withdraw"
        >
          Withdraw
        </button>
      ) : (
        firing && (
          <button
            type="button"
            className={forms.button}
            onClick={() => setOpen("acknowledge")}
            aria-label={`Acknowledge ${alert.name}`}
            data-testid="acknowledge"
          >
            <OkIcon size={14} />
            Acknowledge
          </button>
        )
      )}
      {firing && (
        <button
          type="button"
          className={forms.button}
          onClick={() => setOpen("silence")}
          aria-label={`Silence ${alert.name}`}
          data-testid="silence"
        >
          <SilentIcon size={14} />
          Silence
        </button>
      )}
      <Refusal error={giveBack.error} />
      {open === "acknowledge" && <AcknowledgeDialog alert={alert} close={close} />}
      {open === "silence" && <SilenceDialog matchers={matchersOf(alert)} close={close} />}
    </div>
  );
}

function AcknowledgeDialog({ alert, close }: { alert: Alert; close: () => void }) {
  const [author, setAuthor] = useAuthor();
  const [comment, setComment] = useState("");
  const sending = useAlertChange(() => acknowledge(alert.id, author.trim(), comment.trim()));
  return (
    <Dialog title="Acknowledge" close={close} data-testid="acknowledge-dialog">
      <Form
        act="Look after it"
        onSubmit={() => sending.mutate(undefined, { onSuccess: close })}
        busy={sending.isPending}
        error={sending.error}
        problem={author.trim() ? null : "Say who you are."}
        cancel={close}
      >
        <p className={css.quote}>{sayAlert(alert)}</p>
        <p className={forms.note}>Others see that you look after it, and it is not told again until it ends.</p>
        <AuthorField value={author} onChange={setAuthor} />
        <Field label="Comment (optional)" value={comment} onChange={setComment} maxLength={4096} data-testid="comment" />
      </Form>
    </Dialog>
  );
}

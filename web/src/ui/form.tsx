/** Parts of forms: a labelled field, who signs, the server's refusal beside the button. */

import { useId, useState, type FormEvent, type InputHTMLAttributes, type ReactNode } from "react";
import { BadIcon } from "./icons";
import { prefer, usePreferences } from "./preferences";
import css from "./form.module.css";

interface FieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value"> {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Stands below: what is meant, or what is wrong. */
  note?: ReactNode;
  problem?: string | null;
  "data-testid"?: string;
}

export function Field({ label, value, onChange, note, problem, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className={css.field}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        aria-invalid={problem ? true : undefined}
        aria-describedby={note || problem ? `${id}-note` : undefined}
        autoComplete="off"
        {...rest}
      />
      {(problem || note) && (
        <p id={`${id}-note`} className={problem ? css.problem : css.note}>
          {problem || note}
        </p>
      )}
    </div>
  );
}

/** The name that decisions are signed with; this browser remembers it. */
export function useAuthor(): [string, (name: string) => void] {
  const { author } = usePreferences();
  const [name, setName] = useState(author);
  return [
    name,
    (next) => {
      setName(next);
      prefer({ author: next });
    },
  ];
}

export function AuthorField({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  return (
    <Field
      label="Your name"
      name="author"
      value={value}
      onChange={onChange}
      required
      maxLength={200}
      note="Others see it; this browser remembers it."
      data-testid="author"
    />
  );
}

interface FormProps {
  onSubmit: () => void;
  /** What is done, on the button. */
  act: string;
  busy: boolean;
  error: Error | null;
  /** Why it cannot be sent yet. */
  problem?: string | null;
  cancel: () => void;
  children: ReactNode;
}

/** Fields with a button that sends them; a refusal stands beside the button. */
export function Form({ onSubmit, act, busy, error, problem, cancel, children }: FormProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!problem && !busy) onSubmit();
  };
  return (
    <form className={css.form} onSubmit={submit}>
      {children}
      <Refusal error={error} />
      <div className={css.row}>
        <button type="submit" className={css.primary} disabled={busy || Boolean(problem)} data-testid="submit">
          {busy ? `${act} …` : act}
        </button>
        <button type="button" className={css.button} onClick={cancel}>
          Cancel
        </button>
        {problem && <span className={css.note}>{problem}</span>}
      </div>
    </form>
  );
}

/** The server's refusal of a change, in its words. */
export function Refusal({ error }: { error: Error | null }) {
  if (!error) return null;
  return (
    <p className={css.refusal} role="alert" data-testid="refusal">
      <BadIcon size={14} />
      <span>{error.message}</span>
    </p>
  );
}

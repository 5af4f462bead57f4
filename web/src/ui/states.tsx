/** What stands where data would: nothing yet, nothing found, a refusal, and "last known". */

import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { BadIcon, WarnIcon } from "./icons";
import css from "./states.module.css";

/** Grey shapes while the first answer is under way; appears late so that quick answers never flash. */
export function Loading({ rows = 6, label }: { rows?: number; label: string }) {
  return (
    <div className={css.loading} role="status" data-testid="loading">
      <span className="visually-hidden">Loading {label}</span>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} className={css.bar} style={{ width: `${96 - ((row * 37) % 30)}%` }} />
      ))}
    </div>
  );
}

interface EmptyProps {
  title: string;
  children?: ReactNode;
}

export function Empty({ title, children }: EmptyProps) {
  return (
    <div className={css.empty} data-testid="empty">
      <h2>{title}</h2>
      {children && <div className={css.hint}>{children}</div>}
    </div>
  );
}

interface FailureProps {
  error: Error;
  retry?: () => void;
}

export function Failure({ error, retry }: FailureProps) {
  const refused = error instanceof ApiError && !error.mayPass;
  return (
    <div className={css.failure} role="alert" data-testid="error">
      <BadIcon size={18} />
      <div>
        <h2>{refused ? "This cannot be answered" : "No answer"}</h2>
        <p>{error.message}</p>
        {retry && (
          <button type="button" onClick={retry}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}

/** Says that what stands below is old, because the latest question failed. */
export function Stale({ error }: { error: Error }) {
  return (
    <p className={css.stale} role="alert" data-testid="stale">
      <WarnIcon size={14} />
      <span>
        <strong>These numbers are not fresh.</strong> {error.message}
      </span>
    </p>
  );
}

interface AnswerProps<T> {
  query: {
    data: T | undefined;
    error: Error | null;
    isPlaceholderData?: boolean;
    refetch: () => unknown;
  };
  loading: ReactNode;
  children: (data: T) => ReactNode;
}

/** One of: loading, the refusal, the answer, or the last answer with a note that it is old. */
export function Answer<T>({ query, loading, children }: AnswerProps<T>) {
  const { data, error } = query;
  const usable = data !== undefined && !(error && query.isPlaceholderData);
  if (!usable) return error ? <Failure error={error} retry={() => query.refetch()} /> : loading;
  return (
    <>
      {error && <Stale error={error} />}
      <div className={query.isPlaceholderData ? css.waiting : undefined}>{children(data)}</div>
    </>
  );
}

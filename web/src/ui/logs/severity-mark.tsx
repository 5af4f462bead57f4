import type { LogRecord } from "../../api/shapes";
import { severityColor, severityOf } from "../../charts/severity";
import css from "./logs.module.css";

/** The severity of a record in its colour and in letters. */
export function SeverityMark({ record }: { record: LogRecord }) {
  const severity = severityOf(record.severity_number);
  const text = record.severity_text || severity || "–";
  return (
    <span className={css.severity} data-severity={severity ?? undefined} title={`severity ${record.severity_number}`}>
      <span className={css.severityBar} style={{ background: `var(${severityColor(severity)})` }} />
      {text.slice(0, 5).toUpperCase()}
    </span>
  );
}

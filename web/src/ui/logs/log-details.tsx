import type { ReactNode } from "react";
import type { LogRecord } from "../../api/shapes";
import { CopyButton } from "../copy";
import { Fields } from "../fields";
import { attributeField, quote } from "../filter/text";
import { FilterInIcon, FilterOutIcon } from "../icons";
import { useMoments } from "../moments";
import { nanos } from "../../units";
import { Link, paths } from "../../url/link";
import css from "./logs.module.css";

interface LogDetailsProps {
  record: LogRecord;
  /** Adds a condition to the filter in force; without it there are no such buttons. */
  onFilter?: (condition: string) => void;
  /** The record is shown in its own trace. */
  inTrace?: boolean;
  /** Stands below the body. */
  children?: ReactNode;
}

/** A log record opened to its fields. */
export function LogDetails({ record, onFilter, inTrace = false, children }: LogDetailsProps) {
  const { exact } = useMoments();
  const own: [string, string][] = [
    ["service.name", record.service],
    ["severity", record.severity_text],
    ["trace_id", record.trace_id],
    ["span_id", record.span_id],
    ["event_name", record.event_name],
    ["scope.name", record.scope],
  ];
  const buttons = onFilter && ((field: string, value: string) => (
    <FilterButtons field={field} value={value} onFilter={onFilter} />
  ));
  return (
    <div className={css.details} data-testid="log-details">
      <p className={css.detailsHead}>
        <span>{exact(nanos(record.time_unix_nano))}</span>
        {record.trace_id && !inTrace && (
          <Link
            to={paths.trace(record.trace_id)}
            params={{ span: record.span_id || null }}
            className={css.toTrace}
            data-testid="log-trace"
          >
            Open its trace
          </Link>
        )}
      </p>
      <div className={css.body}>
        <pre tabIndex={0} aria-label="Body">
          {record.body || "(no body)"}
        </pre>
        <CopyButton text={record.body} label="Copy the body" />
      </div>
      {children}
      <div className={css.groups}>
      <Fields title="Record" fields={own.filter(([, value]) => value)} {...(buttons ? { action: buttons } : {})} />
      <Fields
        title="Attributes"
        fields={Object.entries(record.attributes)}
        {...(buttons ? { action: (name, value) => buttons(attributeField("attributes", name), value) } : {})}
      />
      <Fields
        title="Resource"
        fields={Object.entries(record.resource)}
        {...(buttons ? { action: (name, value) => buttons(attributeField("resource", name), value) } : {})}
      />
      </div>
    </div>
  );
}

interface FilterButtonsProps {
  field: string;
  value: string;
  onFilter: (condition: string) => void;
}

function FilterButtons({ field, value, onFilter }: FilterButtonsProps) {
  const written = field === "severity" ? value.toLowerCase() : quote(value);
  const choices = [
    { label: "Filter for", operator: "=", Icon: FilterInIcon, testId: "filter-for" },
    { label: "Filter out", operator: "!=", Icon: FilterOutIcon, testId: "filter-out" },
  ];
  return choices.map(({ label, operator, Icon, testId }) => (
    <button
      key={operator}
      type="button"
      className={css.filterButton}
      onClick={() => onFilter(`${field} ${operator} ${written}`)}
      aria-label={`${label} ${field} ${value}`}
      title={`${label} ${field} ${operator} ${written}`}
      data-testid={testId}
    >
      <Icon size={13} />
    </button>
  ));
}

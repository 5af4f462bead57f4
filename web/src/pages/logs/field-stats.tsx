import { useMemo, useState } from "react";
import { useFieldTop } from "../../api/explore";
import { useFields } from "../../api/queries";
import { quote } from "../../ui/filter/text";
import { DownIcon, FilterInIcon, FilterOutIcon, RightIcon } from "../../ui/icons";
import { Answer, Loading } from "../../ui/states";
import { formatCount, formatRatio, ratio } from "../../units";
import css from "./fields.module.css";

/** Fields whose values are as many as there are records. */
const USELESS = new Set(["body", "trace_id", "span_id"]);

interface FieldStatsProps {
  filter: string;
  onFilter: (condition: string) => void;
}

/** Every field of the window's records; opened, its most frequent values as bars. */
export function FieldStats({ filter, onFilter }: FieldStatsProps) {
  const query = useFields("logs", true);
  const [find, setFind] = useState("");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set(["severity"]));
  const fields = useMemo(
    () => (query.data?.fields ?? []).filter((field) => !USELESS.has(field) && field.toLowerCase().includes(find.toLowerCase())),
    [query.data, find],
  );
  const toggle = (field: string) => {
    const next = new Set(open);
    if (!next.delete(field)) next.add(field);
    setOpen(next);
  };
  return (
    <section className={css.panel} aria-label="Fields" data-testid="fields">
      <h2>Fields</h2>
      <input
        type="search"
        value={find}
        placeholder="Find a field"
        aria-label="Find a field"
        onChange={(event) => setFind(event.target.value)}
        data-testid="field-search"
      />
      <Answer query={query} loading={<Loading rows={6} label="the fields" />}>
        {() => (
          <ul>
            {fields.map((field) => (
              <li key={field}>
                <button type="button" className={css.field} aria-expanded={open.has(field)} onClick={() => toggle(field)} data-testid="stat-field" data-field={field}>
                  {open.has(field) ? <DownIcon size={11} /> : <RightIcon size={11} />}
                  <span title={field}>{field}</span>
                </button>
                {open.has(field) && <Values field={field} filter={filter} onFilter={onFilter} />}
              </li>
            ))}
            {fields.length === 0 && <li className={css.note}>No field has this in its name.</li>}
          </ul>
        )}
      </Answer>
    </section>
  );
}

interface ValuesProps extends FieldStatsProps {
  field: string;
}

function Values({ field, filter, onFilter }: ValuesProps) {
  const query = useFieldTop("logs", field, filter);
  return (
    <Answer query={query} loading={<Loading rows={3} label={`values of ${field}`} />}>
      {({ values, records, present, distinct }) => (
        <div className={css.values} data-testid="stat-values">
          <p className={css.note}>
            {present === 0 ? "no record has it" : `in ${formatRatio(ratio(present / Math.max(1, records)))} of ${formatCount(records)} records · about ${formatCount(distinct)} ${distinct === 1 ? "value" : "values"}`}
          </p>
          <ul>
            {values.map(({ value, count }) => (
              <Value key={value} field={field} value={value} count={count} share={count / present} onFilter={onFilter} />
            ))}
          </ul>
        </div>
      )}
    </Answer>
  );
}

interface ValueProps {
  field: string;
  value: string;
  count: number;
  share: number;
  onFilter: (condition: string) => void;
}

function Value({ field, value, count, share, onFilter }: ValueProps) {
  const written = field === "severity" ? value.toLowerCase() : quote(value);
  return (
    <li className={css.value} title={`${value}: ${formatCount(count)}`} data-testid="stat-value" data-value={value}>
      <span className={css.bar} style={{ width: `calc((100% - 48px) * ${share})` }} aria-hidden="true" />
      <span className={css.text}>{value}</span>
      <span className={css.share}>{formatRatio(ratio(share))}</span>
      <button type="button" onClick={() => onFilter(`${field} = ${written}`)} aria-label={`Filter for ${field} ${value}`} title="Filter for it" data-testid="stat-for">
        <FilterInIcon size={13} />
      </button>
      <button type="button" onClick={() => onFilter(`${field} != ${written}`)} aria-label={`Filter out ${field} ${value}`} title="Filter it out" data-testid="stat-out">
        <FilterOutIcon size={13} />
      </button>
    </li>
  );
}

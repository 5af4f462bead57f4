import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { ApiError } from "../../api/client";
import { useLabelNames, useLabelValues, type Metric } from "../../api/metrics";
import { complete, placeAt, type Completion } from "./complete";
import { readFault, tokenize, type Fault } from "./tokens";
import css from "./promql.module.css";

interface PromqlInputProps {
  /** Letter of the query. */
  name: string;
  /** The query in force. */
  value: string;
  onApply: (query: string) => void;
  metrics: readonly Metric[];
  error: Error | null;
}

/** An editor for one query: colours, completion, and the place that the server objects to. */
export function PromqlInput({ name, value, onApply, metrics, error }: PromqlInputProps) {
  const id = useId();
  const [draft, setDraft] = useState(value);
  const [cursor, setCursor] = useState(0);
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const area = useRef<HTMLTextAreaElement>(null);
  /** Where the caret goes once the accepted text is there. */
  const caret = useRef<number | null>(null);
  useEffect(() => setDraft(value), [value]);
  useLayoutEffect(() => {
    if (caret.current !== null) area.current?.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [draft]);
  const fault = error instanceof ApiError && draft === value ? readFault(error.message, value) : null;
  const { place, completions } = useCompletions(draft, cursor, open, metrics);
  const active = chosen < completions.length ? chosen : -1;
  const shown = open && completions.length > 0;

  const accept = ({ insert, back }: Completion) => {
    const rest = draft.slice(place.end);
    const text = draft.slice(0, place.start) + (rest.startsWith("(") ? insert.replace(/\(\)$/, "") : insert) + rest;
    const end = place.start + insert.length - back;
    setDraft(text);
    setCursor(end);
    setChosen(-1);
    caret.current = end;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    const begun = key === "Tab" && place.typed !== "" && completions[0]?.label !== place.typed;
    const completion = completions[active] ?? (begun ? completions[0] : undefined);
    if ((key === "ArrowDown" || key === "ArrowUp") && shown) {
      const count = completions.length;
      setChosen(key === "ArrowDown" ? (active + 1) % count : (active <= 0 ? count : active) - 1);
    } else if ((key === "Enter" || key === "Tab") && shown && completion) accept(completion);
    else if (key === "Enter" && !event.shiftKey) {
      setOpen(false);
      onApply(draft.trim());
    } else if (key === " " && event.ctrlKey) setOpen(true);
    else if (key === "Escape") {
      if (shown) setOpen(false);
      else area.current?.blur();
    } else return;
    event.preventDefault();
  };
  return (
    <div className={css.editor} data-invalid={fault !== null || undefined}>
      <div className={css.layers}>
        <Colored text={draft} fault={fault} />
        <textarea
          ref={area}
          className={css.area}
          data-filter-input={name === "A" || undefined}
          data-testid={`query-${name}`}
          role="combobox"
          aria-label={`Query ${name} in PromQL`}
          aria-expanded={shown}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={shown && active >= 0 ? `${id}-${active}` : undefined}
          aria-invalid={fault !== null}
          aria-describedby={fault ? `${id}-fault` : undefined}
          placeholder="A query in PromQL, such as rate(requests_total[5m])"
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          rows={1}
          value={draft}
          onChange={(event) => {
            setDraft(event.target.value);
            setCursor(event.target.selectionStart);
            setChosen(-1);
            setOpen(true);
          }}
          onSelect={(event) => setCursor(event.currentTarget.selectionStart)}
          onFocus={() => setOpen(true)}
          onBlur={() => {
            setOpen(false);
            if (draft.trim() !== value) onApply(draft.trim());
          }}
          onKeyDown={onKeyDown}
        />
        <ul id={id} role="listbox" aria-label="Completions" className={css.list} hidden={!shown}>
          {shown &&
            completions.map((completion, index) => (
              <Option key={completion.label} id={`${id}-${index}`} completion={completion} active={index === active} accept={accept} />
            ))}
        </ul>
      </div>
      {fault && (
        <p className={css.fault} role="alert" id={`${id}-fault`} data-testid="query-error">
          <strong>At character {fault.position + 1}:</strong> {fault.problem}
        </p>
      )}
    </div>
  );
}

function useCompletions(draft: string, cursor: number, open: boolean, metrics: readonly Metric[]) {
  const place = placeAt(draft, cursor);
  const names = useLabelNames(place.metric, open && place.wanted === "label").data ?? [];
  const values = useLabelValues(place.label, place.metric, open && place.wanted === "value").data ?? [];
  return { place, completions: open ? complete(place, metrics, names, values) : [] };
}

interface OptionProps {
  id: string;
  completion: Completion;
  active: boolean;
  accept: (completion: Completion) => void;
}

function Option({ id, completion, active, accept }: OptionProps) {
  return (
    <li
      id={id}
      role="option"
      aria-selected={active}
      ref={(element) => {
        if (active) element?.scrollIntoView({ block: "nearest" });
      }}
      onPointerDown={(event) => {
        event.preventDefault();
        accept(completion);
      }}
    >
      <span className={css.word}>{completion.label}</span>
      <span className={css.detail}>{completion.detail}</span>
      {completion.help && <span className={css.help}>{completion.help}</span>}
    </li>
  );
}

/** The text again, in colours, below the one that is typed into. */
function Colored({ text, fault }: { text: string; fault: Fault | null }) {
  const tokens = tokenize(text);
  return (
    <pre className={css.colored} aria-hidden="true">
      {tokens.map(({ kind, text: word, start, end }) => {
        const here = fault && (start <= fault.position && fault.position < end);
        return (
          <span key={start} className={css[kind]} data-fault={here || undefined}>
            {word}
          </span>
        );
      })}
      {fault && fault.position >= text.length && <span data-fault> </span>}
      {"\n"}
    </pre>
  );
}

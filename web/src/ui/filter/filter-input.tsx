/** The filter bar: one line in the filter grammar, completed as one types, with its error below. */

import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useFields, useFieldValues, type Signal } from "../../api/queries";
import { CloseIcon, SearchIcon } from "../icons";
import { askedField, placeAt, suggest, type Suggestion } from "./complete";
import { readFault } from "./text";
import css from "./filter.module.css";

interface FilterInputProps {
  signal: Signal;
  /** The filter in force. */
  value: string;
  onApply: (filter: string) => void;
  error: Error | null;
  examples: readonly string[];
}

export function FilterInput({ signal, value, onApply, error, examples }: FilterInputProps) {
  const [draft, setDraft] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setDraft(value), [value]);
  const fault = error && value === draft ? readFault(error.message) : null;
  const apply = (filter: string) => {
    setDraft(filter);
    onApply(filter.trim());
  };
  return (
    <search className={css.filter}>
      <Combobox
        signal={signal}
        input={input}
        draft={draft}
        setDraft={setDraft}
        apply={apply}
        examples={examples}
        invalid={fault !== null}
        pending={draft.trim() !== value}
      />
      {fault && (
        <div className={css.fault} role="alert" id="filter-fault" data-testid="filter-error">
          <p>
            <strong>{fault.problem}</strong> at character {fault.position + 1}: {fault.remedy}
          </p>
          <pre>
            {value}
            {"\n"}
            {" ".repeat(fault.position)}^
          </pre>
        </div>
      )}
    </search>
  );
}

interface ComboboxProps {
  signal: Signal;
  input: React.RefObject<HTMLInputElement | null>;
  draft: string;
  setDraft: (text: string) => void;
  apply: (filter: string) => void;
  examples: readonly string[];
  invalid: boolean;
  pending: boolean;
}

function useSuggestions(signal: Signal, draft: string, cursor: number, open: boolean, examples: readonly string[]) {
  const place = placeAt(draft, cursor);
  const fields = useFields(signal, open).data?.fields ?? [];
  const values = useFieldValues(signal, open ? askedField(place) : null).data?.values ?? [];
  if (!open) return { place, suggestions: [] };
  const ready: Suggestion[] = draft.trim() ? [] : examples.map((label) => ({ label, insert: label }));
  return { place, suggestions: [...ready, ...suggest(place, draft, fields, values)] };
}

function Combobox({ signal, input, draft, setDraft, apply, examples, invalid, pending }: ComboboxProps) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const [cursor, setCursor] = useState(0);
  const [chosen, setChosen] = useState(-1);
  const { place, suggestions } = useSuggestions(signal, draft, cursor, open, examples);
  const active = chosen < suggestions.length ? chosen : -1;
  const shown = open && suggestions.length > 0;

  const accept = (suggestion: Suggestion) => {
    const text = draft.slice(0, place.start) + suggestion.insert + draft.slice(place.end).trimStart();
    const end = place.start + suggestion.insert.length;
    setDraft(text);
    setCursor(end);
    setChosen(-1);
    requestAnimationFrame(() => input.current?.setSelectionRange(end, end));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    // Tab completes a word that was begun, and otherwise leaves the field as it does anywhere.
    const begun = key === "Tab" && place.typed !== "" && suggestions[0]?.label !== place.typed;
    const suggestion = suggestions[active] ?? (begun ? suggestions[0] : undefined);
    if (key === "ArrowDown" || key === "ArrowUp") {
      const count = suggestions.length;
      setOpen(true);
      if (count) setChosen(key === "ArrowDown" ? (active + 1) % count : (active <= 0 ? count : active) - 1);
    } else if ((key === "Enter" || key === "Tab") && shown && suggestion) accept(suggestion);
    else if (key === "Enter") {
      setOpen(false);
      apply(draft);
    } else if (key === "Escape") {
      if (shown) setOpen(false);
      else input.current?.blur();
    } else return;
    event.preventDefault();
  };
  return (
    <div className={css.box} data-invalid={invalid || undefined}>
      <SearchIcon size={14} />
      <input
        ref={input}
        data-filter-input
        data-testid="filter"
        type="text"
        role="combobox"
        aria-label={`Filter ${signal}`}
        aria-expanded={shown}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={shown && active >= 0 ? `${id}-${active}` : undefined}
        aria-invalid={invalid}
        aria-describedby={invalid ? "filter-fault" : undefined}
        placeholder={`Filter ${signal}, such as ${examples[0]}`}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        value={draft}
        onChange={(event) => {
          setDraft(event.target.value);
          setCursor(event.target.selectionStart ?? event.target.value.length);
          setChosen(-1);
          setOpen(true);
        }}
        onSelect={(event) => setCursor(event.currentTarget.selectionStart ?? 0)}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      {draft && (
        <button type="button" className={css.clear} onClick={() => apply("")} aria-label="Clear the filter" data-testid="filter-clear">
          <CloseIcon size={14} />
        </button>
      )}
      <button type="button" className={css.apply} onClick={() => apply(draft)} data-pending={pending || undefined} data-testid="filter-apply">
        Apply
      </button>
      <ul id={id} role="listbox" aria-label="Completions" className={css.list} hidden={!shown}>
        {shown &&
          suggestions.map((suggestion, index) => (
            <li
              key={suggestion.label}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === active}
              ref={(element) => {
                if (index === active) element?.scrollIntoView({ block: "nearest" });
              }}
              onPointerDown={(event) => {
                event.preventDefault();
                accept(suggestion);
              }}
            >
              {suggestion.label}
            </li>
          ))}
      </ul>
    </div>
  );
}

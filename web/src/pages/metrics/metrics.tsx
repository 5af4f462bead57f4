import { useMemo, useState } from "react";
import { useExemplars, useInstantQueries, useMetrics, useRangeQueries, rangeOf, type Metric } from "../../api/metrics";
import { Segments } from "../../ui/chip";
import { CloseIcon, EyeIcon, EyeOffIcon, PlusIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { Answer, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { Link, paths } from "../../url/link";
import { useSearch } from "../../url/location";
import { setParams, useChoice, useParam, type Params } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import { Catalogue, QUERY_PARAMS } from "./catalogue";
import { CopyMenu } from "./copy-menu";
import { ChartView, HeatView, TableView } from "./outputs";
import { PromqlInput } from "./promql-input";
import { letter } from "./result";
import { guessUnit, UNITS, type Unit, type UnitChoice } from "./values";
import css from "./metrics.module.css";

const VIEWS = ["chart", "table", "heat"] as const;
type View = (typeof VIEWS)[number];
const STEPS = ["auto", "5", "15", "30", "60", "300", "900", "3600", "21600", "86400"] as const;
const STEP_NAMES: Record<(typeof STEPS)[number], string> = {
  auto: "auto", "5": "5 s", "15": "15 s", "30": "30 s", "60": "1 m", "300": "5 m", "900": "15 m", "3600": "1 h", "21600": "6 h", "86400": "1 d",
};
const NICE_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];
const WANTED_STEPS = 240;

/** The smallest step that is easily read and gives about as many points as a chart can show. */
export function autoStep(length: number): number {
  return NICE_S.find((nice) => length / nice <= WANTED_STEPS) ?? Math.ceil(length / WANTED_STEPS / 86_400) * 86_400;
}

/** The queries of the address, those of empty rows included. */
function readQueries(search: string): string[] {
  const params = new URLSearchParams(search);
  const queries = QUERY_PARAMS.map((name) => params.get(name) ?? "");
  const last = queries.findLastIndex((query) => query !== "");
  return queries.slice(0, last + 1);
}

function writeQueries(queries: readonly string[], more: Params = {}): void {
  const changes: Params = {};
  QUERY_PARAMS.forEach((name, index) => (changes[name] = queries[index] || null));
  setParams({ ...changes, ...more });
}

export default function MetricsPage() {
  const search = useSearch();
  const queries = useMemo(() => readQueries(search), [search]);
  const [muted, setMuted] = useParam("mute", "");
  const [empty, setEmpty] = useState(0);
  const metrics = useMetrics();
  const known = metrics.data?.metrics ?? [];
  const off = new Set(muted.split("").filter(Boolean));
  const exprs = queries.map((query, index) => (off.has(letter(index)) ? "" : query));
  const rows = [...queries, ...Array.from({ length: Math.min(8 - queries.length, Math.max(empty, queries.length ? 0 : 1)) }, () => "")];
  const change = (index: number, query: string) => {
    const next = [...rows];
    next[index] = query;
    if (index >= queries.length) setEmpty(Math.max(0, empty - 1));
    writeQueries(next.filter((one, at) => one !== "" || at < queries.length));
  };
  const remove = (index: number) => {
    if (index >= queries.length) return setEmpty(Math.max(0, empty - 1));
    writeQueries(queries.filter((_, at) => at !== index), { mute: null, hide: null });
  };
  const mute = (index: number) => {
    const name = letter(index);
    if (!off.delete(name)) off.add(name);
    setMuted([...off].sort().join(""));
  };
  return (
    <>
      <PageHeader title="Metrics" heading={<h1>Metrics</h1>} controls={<TimePicker />} />
      <Explorer
        exprs={exprs}
        metrics={known}
        editors={(errors) =>
          rows.map((query, index) => (
            <div key={index} className={css.query}>
              <span className={css.letter} data-muted={off.has(letter(index)) || undefined} aria-hidden="true">
                {letter(index)}
              </span>
              <PromqlInput name={letter(index)} value={query} onApply={(text) => text !== query && change(index, text)} metrics={known} error={errors[index] ?? null} />
              {queries.length > 1 && index < queries.length && (
                <button type="button" className={css.iconButton} aria-pressed={!off.has(letter(index))} aria-label={`Show query ${letter(index)}`} title="Show or leave out" onClick={() => mute(index)} data-testid={`mute-${letter(index)}`}>
                  {off.has(letter(index)) ? <EyeOffIcon /> : <EyeIcon />}
                </button>
              )}
              {rows.length > 1 && (
                <button type="button" className={css.iconButton} aria-label={`Remove query ${letter(index)}`} title="Remove" onClick={() => remove(index)} data-testid={`remove-${letter(index)}`}>
                  <CloseIcon />
                </button>
              )}
            </div>
          ))
        }
        add={queries.length > 0 && rows.length < 8 ? () => setEmpty(empty + 1) : null}
      />
      {queries.length === 0 && (
        <Answer query={metrics} loading={<Loading rows={12} label="the metrics" />}>
          {(found) => <Catalogue metrics={found.metrics} />}
        </Answer>
      )}
    </>
  );
}

interface ExplorerProps {
  exprs: readonly string[];
  metrics: readonly Metric[];
  editors: (errors: readonly (Error | null)[]) => React.ReactNode;
  add: (() => void) | null;
}

/** Editors, settings and the answers below them. */
function Explorer({ exprs, metrics, editors, add }: ExplorerProps) {
  const window = useTimeWindow();
  const [view, setView] = useChoice<View>("view", VIEWS, "chart");
  const [stepChoice, setStep] = useChoice("step", STEPS, "auto");
  const [unitChoice, setUnit] = useChoice<UnitChoice>("unit", UNITS, "auto");
  const [stacked, setStacked] = useParam("stack", "");
  const [axis, setAxis] = useChoice("axis", ["zero", "fit"], "zero");
  const [dots, setDots] = useParam("ex", "1");
  const [hide, setHide] = useParam("hide", "");
  const { start, end } = rangeOf(window, 1);
  const step = stepChoice === "auto" ? autoStep(end - start) : Number(stepChoice);
  const ranges = useRangeQueries(exprs, step, view !== "table");
  const instants = useInstantQueries(exprs, view === "table");
  const measured = exprs.filter((expr) => /\bhistogram_(quantile|avg)\s*\(/.test(expr));
  const exemplars = useExemplars(measured, view === "chart" && dots === "1");
  const first = exprs.find(Boolean) ?? "";
  const guesses = new Set(exprs.filter(Boolean).map((expr) => guessUnit(expr, metrics)));
  // Queries of different units share one axis as plain numbers.
  const guess: Unit = guesses.size === 1 ? ([...guesses][0] ?? "number") : "number";
  const unit: Unit = unitChoice === "auto" ? guess : unitChoice;
  const answers = view === "table" ? instants : ranges;
  const hidden = useMemo(() => new Set(hide.split(",").filter(Boolean)), [hide]);
  return (
    <>
      <div className={css.queries}>{editors(answers.map((answer) => answer.error))}</div>
      {first && (
        <div className={css.bar}>
          {add && (
            <button type="button" className={css.add} onClick={add} data-testid="add-query">
              <PlusIcon size={13} /> Query
            </button>
          )}
          <Segments<View> label="Show as" value={view} onChange={setView} options={[["chart", "Chart"], ["table", "Table"], ["heat", "Heat map"]]} data-testid="view" />
          {view !== "table" && <Choice label="Step" value={stepChoice} options={STEPS} names={STEP_NAMES} onChange={setStep} />}
          <Choice label="Unit" value={unitChoice} options={UNITS} names={{ auto: `auto (${guess})` }} onChange={setUnit} />
          {view === "chart" && (
            <>
              <Toggle label="Stacked" on={stacked === "1"} onChange={(on) => setStacked(on ? "1" : "")} />
              <Toggle label="From zero" on={axis === "zero"} onChange={(on) => setAxis(on ? "zero" : "fit")} />
              {measured.length > 0 && <Toggle label="Exemplars" on={dots === "1"} onChange={(on) => setDots(on ? "1" : "0")} />}
            </>
          )}
          <CopyMenu exprs={exprs} range={{ start, end, step }} />
          <Link to={paths.metrics} className={css.all} data-testid="all-metrics">
            All metrics
          </Link>
        </div>
      )}
      {first && view === "chart" && (
        <ChartView
          exprs={exprs} answers={ranges} unit={unit} stacked={stacked === "1"} fitted={axis === "fit"}
          hidden={hidden} onHidden={(next) => setHide([...next].join(","))} exemplars={dots === "1" ? (exemplars.data ?? []) : []} step={step}
        />
      )}
      {first && view === "heat" && <HeatView exprs={exprs} answers={ranges} unit={unit} metrics={metrics} chosen={unitChoice} />}
      {first && view === "table" && <TableView exprs={exprs} answers={instants} unit={unit} />}
    </>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly T[];
  names: Partial<Record<T, string>>;
  onChange: (value: T) => void;
}

function Choice<T extends string>({ label, value, options, names, onChange }: ChoiceProps<T>) {
  return (
    <label className={css.choice}>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value as T)} data-testid={`choice-${label.toLowerCase()}`}>
        {options.map((option) => (
          <option key={option} value={option}>
            {names[option] ?? option}
          </option>
        ))}
      </select>
    </label>
  );
}

function Toggle({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className={css.toggle}>
      <input type="checkbox" checked={on} onChange={(event) => onChange(event.target.checked)} data-testid={`toggle-${label.toLowerCase().replace(" ", "-")}`} />
      {label}
    </label>
  );
}

/** Features by time: how far each was from its reference, one look for each step. */

import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { historyUrl, useDriftHistory, type History, type PartOf, type Reading } from "../../api/drift";
import { MarksLayer } from "../../charts/marks-layer";
import { ChartMenu, copiesOf, type Fact } from "../../charts/menu";
import { useMoments } from "../../ui/moments";
import { Answer, Loading } from "../../ui/states";
import { formatDuration, formatRatio, ratio, seconds, trimZeros } from "../../units";
import { useSearch } from "../../url/location";
import { setParams } from "../../url/params";
import { ALL, formatTimes, sayScope, scopesOf, shade, timesChance, type Scope } from "./cells";
import { moveFocus } from "./heat-map";
import css from "./history.module.css";

/** The part of a model's traffic that the address names. */
export function usePart(model: string): PartOf {
  const params = new URLSearchParams(useSearch());
  const named = (name: string) => params.get(name) ?? "";
  return { model, version: named("version") || ALL, segment: named("segment"), value: named("value") };
}

export function HistoryMap({ model, readings }: { model: string; readings: readonly Reading[] }) {
  const part = usePart(model);
  const query = useDriftHistory(part);
  return (
    <figure className={css.history} data-testid="drift-history" aria-label={`Drift of ${model} over time`}>
      <figcaption className={css.head}>
        <h3>Over time</h3>
        <ScopePick part={part} readings={readings} />
        <Scale />
        {query.data && <ChartMenu title={`Drift of ${model}`} facts={factsOf(query.data)} copies={copiesOf(historyUrl(query.data))} />}
      </figcaption>
      <Answer query={query} loading={<Loading rows={5} label="drift over time" />}>
        {(history) => <Grid history={history} readings={readings} />}
      </Answer>
    </figure>
  );
}

function ScopePick({ part, readings }: { part: PartOf; readings: readonly Reading[] }) {
  const scopes = useMemo(() => scopesOf(readings), [readings]);
  const isOwn = (one: Scope) => one.version === part.version && one.segment === part.segment && one.value === part.value;
  const at = scopes.findIndex(isOwn);
  const choose = ({ version, segment, value }: Scope) =>
    setParams({ version: version === ALL ? null : version, segment: segment || null, value: value || null, feature: null, at: null, step: null });
  return (
    <label className={css.pick}>
      of
      <select
        value={at}
        onChange={(event) => {
          const chosen = scopes[Number(event.target.value)];
          if (chosen) choose(chosen);
        }}
        data-testid="history-scope"
      >
        {at < 0 && <option value={-1}>{sayScope({ ...part })}</option>}
        {scopes.map((scope, index) => (
          <option key={index} value={index}>
            {sayScope(scope)}
          </option>
        ))}
      </select>
    </label>
  );
}

const depth = (times: number | null) => ({ "--depth": `${Math.round(shade(times) * 45)}%` }) as React.CSSProperties;

/** What the colours stand for, as numbers. */
function Scale() {
  return (
    <span className={css.scale}>
      PSI, in multiples of what chance passes
      {[1, 2, 5, 10, 30].map((times) => (
        <span key={times} className={css.swatch} style={depth(times)}>
          {times === 1 ? "≤1" : times}×
        </span>
      ))}
      <span className={css.swatch} data-missing>
        ∅ missing
      </span>
    </span>
  );
}

function factsOf({ step, features, times }: History): Fact[] {
  const all = features.length * times.length;
  const looks = features.reduce((sum, { missing_ratio: line }) => sum + line.filter((one) => one !== null).length, 0);
  return [
    ["Samples", `${looks} looks, the last of each ${trimZeros(formatDuration(seconds(step)))}; a look compares the shortest of 5, 30 and 120 minutes that has 1 000 predictions. A cell tells its rows.`],
    ["Weight", "1: each prediction is counted where it is made"],
    ["Error", "counts in the reference's own bins; what chance alone makes of so few rows is the unit of the scale"],
    ["Folded", "texts beyond the most frequent categories count as one, (other)"],
    ["Gaps", looks === all ? "none" : `${all - looks} of ${all} cells were not judged: they stay empty`],
    ["Unit", "population stability index in nats, over its critical value"],
  ];
}

/** Room of the names of features, in pixels; the style sheet has the same. */
const NAMES = 180;
const NAMES_PHONE = 112;
/** A label of the time axis, and the narrowest cell that can be pointed at. */
const LABEL = 76;
const NARROWEST = 15;

type Line = History["features"][number];

/** Names of features at the left, the worst first, and a cell for each step. */
function Grid({ history, readings }: { history: History; readings: readonly Reading[] }) {
  const { clock, day } = useMoments();
  const params = new URLSearchParams(useSearch());
  const { times, step, features } = history;
  const [holder, width] = useWidth();
  const usual = useMemo(() => new Map(readings.map((one) => [one.feature, one.reference_missing_ratio])), [readings]);
  const ordered = useMemo(() => [...features].sort((a, b) => Number(worst(b, usual) > worst(a, usual)) - Number(worst(a, usual) > worst(b, usual))), [features, usual]);
  const names = matchMedia("(max-width: 760px)").matches ? NAMES_PHONE : NAMES;
  const plot = Math.max(1, width - names);
  const every = Math.max(1, Math.ceil((times.length * LABEL) / plot));
  const label = (time: number) => (step >= 43_200 ? day(seconds(time)) : clock(seconds(time)).slice(0, 5));
  const isOpen = (feature: string, time: number) => params.get("feature") === feature && Number(params.get("at")) === time;
  const open = ordered.flatMap(({ feature }, row) => times.flatMap((time, column) => (isOpen(feature, time) ? [`${row},${column}`] : [])))[0];
  const judged = (ordered[0]?.missing_ratio ?? []).findLastIndex((one) => one !== null);
  const reachable = open ?? `0,${judged}`;
  if (features.length === 0) return <p className={css.none}>This part of the traffic was not judged in this time: look further back.</p>;
  return (
    <div className={css.scroll}>
      <div ref={holder} className={css.plot} style={{ minWidth: names + times.length * NARROWEST }}>
        <table className={css.map} onKeyDown={moveFocus} data-testid="history-map">
          <caption className="visually-hidden">Features by time; a cell opens both distributions of that time</caption>
          <thead>
            <tr>
              <th scope="col">feature</th>
              {times.filter((_, column) => column % every === 0).map((time, index) => (
                <td key={time} colSpan={Math.min(every, times.length - index * every)}>
                  {label(time - step)}
                </td>
              ))}
            </tr>
          </thead>
          <tbody>
            {ordered.map((line, row) => (
              <tr key={line.feature}>
                <th scope="row" title={line.feature}>{line.feature}</th>
                {times.map((time, column) => (
                  <td key={time}>
                    <Cell
                      line={line}
                      column={column}
                      usual={usual.get(line.feature) ?? 0}
                      from={time - step}
                      to={time}
                      at={`${row},${column}`}
                      isOpen={isOpen(line.feature, time)}
                      isReachable={`${row},${column}` === reachable}
                      isWide={plot / times.length >= 30}
                    />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        <div className={css.marks} style={{ left: names }}>
          <MarksLayer start={(times[0] ?? 0) - step} end={times.at(-1) ?? 0} width={plot} name="the drift map" />
        </div>
      </div>
    </div>
  );
}

/** Whether so many rows lack a feature as the watch tells of. */
const isLost = (missing: number | null, usual: number) => missing !== null && missing >= Math.max(usual + 0.01, usual * 2);

/** What a row is ordered by: missing values first, then the greatest PSI. */
function worst({ feature, psi, psi_critical: critical, missing_ratio: missing }: Line, usual: ReadonlyMap<string, number>): number {
  if (missing.some((one) => isLost(one, usual.get(feature) ?? 0))) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...psi.map((value, at) => timesChance({ psi: value, psi_critical: critical[at] ?? null }) ?? 0));
}

/** The width of what an element holds. */
function useWidth() {
  const holder = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [holder, width] as const;
}

interface CellProps {
  line: Line;
  column: number;
  /** Share of the reference's rows without the feature. */
  usual: number;
  from: number;
  to: number;
  at: string;
  isOpen: boolean;
  isReachable: boolean;
  /** There is room for a number. */
  isWide: boolean;
}

function Cell({ line, column, usual, from, to, at, isOpen, isReachable, isWide }: CellProps) {
  const { clock, moment } = useMoments();
  const [psi = null, missing = null, fresh = null] = [line.psi[column], line.missing_ratio[column], line.new_categories[column]];
  if (missing === null && psi === null) return null;
  const times = timesChance({ psi, psi_critical: line.psi_critical[column] ?? null });
  const lost = isLost(missing, usual);
  const said = [
    times === null ? "too few rows for a PSI" : `PSI ${psi?.toFixed(3)}, ${formatTimes(times)} of what chance passes`,
    `missing ${formatRatio(ratio(missing ?? 0))}`,
    ...(fresh ? [`about ${Math.round(fresh)} new categories`] : []),
  ];
  const text = `${line.feature}, ${moment(seconds(from))} to ${clock(seconds(to))}: ${said.join(", ")}`;
  return (
    <button
      type="button"
      className={css.cell}
      style={depth(times)}
      data-at={at}
      data-missing={lost || undefined}
      data-few={times === null || undefined}
      data-testid="history-cell"
      aria-pressed={isOpen}
      aria-label={text}
      title={text}
      tabIndex={isReachable ? 0 : -1}
      onClick={() => setParams({ feature: line.feature, at: String(to), step: String(to - from) })}
    >
      {lost ? "∅" : isWide && times !== null && times > 1 ? formatTimes(times) : ""}
    </button>
  );
}

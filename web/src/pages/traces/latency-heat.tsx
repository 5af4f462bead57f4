import { useMemo } from "react";
import { latencyMapUrl, useLatencyMap, type Counted, type Selection } from "../../api/explore";
import { HeatMap } from "../../charts/heat-map";
import { copiesOf } from "../../charts/menu";
import type { HeatBox } from "../../charts/heat-scale";
import { Segments } from "../../ui/chip";
import { Answer, Loading } from "../../ui/states";
import { formatCount, formatDuration, seconds, trimZeros } from "../../units";
import { setParams, useParam } from "../../url/params";
import css from "./traces.module.css";

const COUNTED: readonly (readonly [Counted, string])[] = [["traces", "Traces"], ["requests", "Requests"], ["spans", "Spans"]];
export const SELECTION_PARAMS = ["sfrom", "sto", "smin", "smax"] as const;
const NO_SELECTION = { sfrom: null, sto: null, smin: null, smax: null };

const duration = (value: number) => formatDuration(seconds(value));

/** What counts as chosen in the address: the choice of what is counted, or none. */
export function useCounted(): Counted | null {
  const [count] = useParam("count", "");
  return COUNTED.find(([name]) => name === count)?.[0] ?? null;
}

/** The selection that the address names. */
export function readSelection(search: string): Selection | null {
  const params = new URLSearchParams(search);
  const [from, to, low, high] = SELECTION_PARAMS.map((name) => Number(params.get(name) ?? Number.NaN));
  if (from === undefined || to === undefined || low === undefined || high === undefined) return null;
  return from < to && low < high ? { from, to, low, high } : null;
}

export function clearSelection(): void {
  setParams(NO_SELECTION);
}

interface LatencyHeatProps {
  filter: string;
  selection: Selection | null;
}

/** When requests came and how long they took; dragging selects what is compared with the rest. */
export function LatencyHeat({ filter, selection }: LatencyHeatProps) {
  const count = useCounted();
  const query = useLatencyMap(filter, count);
  const select = (box: HeatBox | null) => {
    if (!box || !query.data) return clearSelection();
    const round = (value: number) => String(Number(value.toPrecision(9)));
    setParams(
      {
        sfrom: String(Math.round(box.from * 1000) / 1000), sto: String(Math.round(box.to * 1000) / 1000),
        smin: round(box.low), smax: round(Math.min(box.high, 1e9)), count: query.data.counted,
      },
      { replace: false },
    );
  };
  return (
    <Answer query={query} loading={<Loading rows={5} label="the heat map" />}>
      {(found) => <Drawn found={found} filter={filter} selection={selection} onSelect={select} chosen={count} />}
    </Answer>
  );
}

/** Half the height of a row, where rows grow evenly. */
function rowError(bounds: readonly number[]): string {
  const [low, high] = bounds.slice(-3);
  return low && high ? `${Math.round((Math.sqrt(high / low) - 1) * 100)} %` : "half its height";
}

interface DrawnProps {
  found: NonNullable<ReturnType<typeof useLatencyMap>["data"]>;
  filter: string;
  selection: Selection | null;
  onSelect: (box: HeatBox | null) => void;
  chosen: Counted | null;
}

function Drawn({ found, filter, selection, onSelect, chosen }: DrawnProps) {
  const data = useMemo(
    () => ({ start: found.start, end: found.end, step: found.step, bounds: found.bounds, cells: found.cells }),
    [found],
  );
  if (found.cells.length === 0) return null;
  const sampled = found.stands_for > found.stored * 1.001;
  return (
    <div className={css.heat}>
      <HeatMap
        title="Latency"
        aside={
          <Segments<Counted>
            label="What is counted"
            value={found.counted}
            onChange={(next) => setParams({ ...NO_SELECTION, count: next })}
            options={COUNTED}
            data-testid="counted"
          />
        }
        data={data}
        format={duration}
        formatCount={(count) => `${formatCount(count)} ${count === 1 ? found.counted.slice(0, -1) : found.counted}`}
        height={230}
        selection={selection}
        onSelect={onSelect}
        copies={[["filter", filter], ...copiesOf(latencyMapUrl(found, filter))]}
        facts={[
          ["Samples", `${formatCount(found.stored)} stored ${found.counted}`],
          ["Weight", sampled ? `each stands for ${(found.stands_for / found.stored).toFixed(1)} on average` : "1: none was sampled away"],
          ["Error", `counts are exact; a duration is known to its row, ±${rowError(found.bounds)}`],
          ["Left out", found.stands_for > found.stored * 1.001 ? "traces that sampling did not keep: they are in the weights" : "nothing"],
          ["Gaps", "an empty cell had nothing that matches"],
          ["Unit", `${found.counted} by duration`],
        ]}
        note={
          <>
            {formatCount(found.stored)} {found.counted}
            {sampled && `, which stand for about ${formatCount(found.stands_for)} before sampling`} · a column is{" "}
            {trimZeros(formatDuration(seconds(found.step)))} · red foot: failed
            {!chosen && found.counted !== "traces" && ` · no whole trace matches, so ${found.counted} are counted`} · drag
            to compare a part with the rest
          </>
        }
        data-testid="latency-heat"
      />
    </div>
  );
}

import { useMemo, type KeyboardEvent } from "react";
import type { Reading } from "../../api/drift";
import { useSearch } from "../../url/location";
import { setParams } from "../../url/params";
import {
  ALL, depth, formatTimes, isFault, makeGrid, sayCell, sayScope, scopeName, timesChance, versionName,
  type Grid, type Scope, type Split,
} from "./cells";
import { cellParams } from "./findings";
import { LOOKS, VerdictMark } from "./verdicts";
import css from "./drift.module.css";

interface HeatMapProps {
  model: string;
  readings: readonly Reading[];
  split: Split;
}

/** The reading that the address names. */
export function useOpened(readings: readonly Reading[]): Reading | undefined {
  const params = new URLSearchParams(useSearch());
  const [feature, version] = [params.get("feature"), params.get("version") ?? ALL];
  const [segment, value] = [params.get("segment") ?? "", params.get("value") ?? ""];
  if (params.has("at")) return undefined;
  return readings.find(
    (one) =>
      one.feature === feature && one.model_version === version && one.segment === segment && one.value === value,
  );
}

/** Features by scopes; one tab stop, the arrows move within. */
export function HeatMap({ model, readings, split }: HeatMapProps) {
  const grid = useMemo(() => makeGrid(readings, split), [readings, split]);
  const opened = useOpened(readings);
  const scopes = grid.groups.flatMap(({ scopes: members }) => members);
  const first = grid.features.flatMap((name) => scopes.map((scope) => grid.find(name, scope))).find(Boolean);
  const inView = opened && scopes.some((scope) => grid.find(opened.feature, scope) === opened);
  const reachable = inView ? opened : first;
  return (
    <div className={css.scroll}>
      <table className={css.map} onKeyDown={moveFocus} data-testid="drift-map">
        <caption className="visually-hidden">Features of {model} against the reference, by part of the traffic</caption>
        <Head grid={grid} split={split} />
        <tbody>
          {grid.features.map((feature, row) => (
            <tr key={feature}>
              <th scope="row" title={feature}>
                {feature}
              </th>
              {scopes.map((scope, column) => {
                const reading = grid.find(feature, scope);
                return (
                  <td key={column} data-edge={startsGroup(grid, scope) || undefined}>
                    {reading && (
                      <Cell
                        reading={reading}
                        scope={scope}
                        at={`${row},${column}`}
                        isOpen={reading === opened}
                        isReachable={reading === reachable}
                      />
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function startsGroup(grid: Grid, scope: Scope): boolean {
  return grid.groups.some(({ scopes }, index) => index > 0 && scopes[0] === scope);
}

function Head({ grid, split }: { grid: Grid; split: Split }) {
  return (
    <thead>
      {split === "all" && (
        <tr>
          <td />
          {grid.groups.map(({ version, scopes }, index) => (
            <th key={version} scope="colgroup" colSpan={scopes.length} data-edge={index > 0 || undefined}>
              {versionName(version)}
            </th>
          ))}
        </tr>
      )}
      <tr>
        <th scope="col">feature</th>
        {grid.groups.flatMap(({ version, scopes }) =>
          scopes.map((scope) => (
            <th
              key={`${version} ${scope.segment} ${scope.value}`}
              scope="col"
              title={sayScope(scope)}
              data-edge={startsGroup(grid, scope) || undefined}
            >
              {split === "versions" ? versionName(version) : scopeName(scope)}
            </th>
          )),
        )}
      </tr>
    </thead>
  );
}

interface CellProps {
  reading: Reading;
  scope: Scope;
  at: string;
  isOpen: boolean;
  isReachable: boolean;
}

function Cell({ reading, scope, at, isOpen, isReachable }: CellProps) {
  const { feature, verdict } = reading;
  const [figure, word] = sayCell(reading);
  const shade = { "--depth": `${Math.round(depth(reading) * 45)}%` } as React.CSSProperties;
  return (
    <button
      type="button"
      className={css.cell}
      style={shade}
      data-at={at}
      data-verdict={verdict}
      data-fault={isFault(reading) || undefined}
      data-testid="drift-cell"
      data-cell={`${feature} ${scope.version} ${scope.value}`.trim()}
      aria-pressed={isOpen}
      aria-label={`${feature}, ${sayScope(scope)}: ${LOOKS[verdict].text}, PSI ${formatTimes(timesChance(reading))} of chance, ${figure} ${word}`}
      title={`${feature}, ${sayScope(scope)}: ${LOOKS[verdict].why}`}
      tabIndex={isReachable ? 0 : -1}
      onClick={() => setParams(cellParams(reading))}
    >
      <span className={css.times}>
        <VerdictMark verdict={verdict} size={13} />
        {figure}
      </span>
      <span className={css.word}>{word}</span>
    </button>
  );
}

const STEPS: Record<string, [number, number]> = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
};

/** Moves the focus to the next cell in the direction of an arrow, over gaps. */
export function moveFocus(event: KeyboardEvent<HTMLTableElement>): void {
  const step = STEPS[event.key];
  const from = (event.target as HTMLElement).dataset["at"]?.split(",").map(Number);
  if (!step || !from) return;
  event.preventDefault();
  let [row = 0, column = 0] = from;
  for (let tried = 0; tried < 100; tried += 1) {
    row += step[0];
    column += step[1];
    const next = event.currentTarget.querySelector<HTMLElement>(`[data-at="${row},${column}"]`);
    if (next) return next.focus();
  }
}

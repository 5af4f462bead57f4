/** The answers to the queries, as a chart, as heat maps, as tables. */

import { useMemo, type ReactNode } from "react";
import type { UseQueryResult } from "@tanstack/react-query";
import { ApiError } from "../../api/client";
import type { ExemplarPoint, InstantAnswer, Metric, RangeAnswer } from "../../api/metrics";
import { HeatMap } from "../../charts/heat-map";
import { WarnIcon } from "../../ui/icons";
import { Empty, Failure, Loading, Stale } from "../../ui/states";
import { formatDuration, seconds, trimZeros } from "../../units";
import { MetricsChart } from "./metrics-chart";
import { promqlCopies } from "../../charts/honest";
import { arrange, hasBuckets, heatOf, letter } from "./result";
import { readFault } from "./tokens";
import { ValueTable } from "./value-table";
import { formatIn, formatNumber, guessUnit, type Unit, type UnitChoice } from "./values";
import css from "./metrics.module.css";

interface Asked<T> {
  exprs: readonly string[];
  answers: readonly UseQueryResult<T>[];
}

/** Faults that are not about a place in the query, which its editor shows, and the server's warnings. */
function Remarks<T extends { warnings: readonly string[] }>({ exprs, answers }: Asked<T>) {
  return answers.map(({ error, data, refetch }, index) => {
    const expr = exprs[index];
    if (!expr) return null;
    const placed = error instanceof ApiError && readFault(error.message, expr) !== null;
    return (
      <div key={index}>
        {error && !placed && (data ? <Stale error={error} /> : <Failure error={error} retry={() => void refetch()} />)}
        {!error &&
          data?.warnings.map((warning) => (
            <p key={warning} className={css.warning} role="status">
              <WarnIcon size={14} /> {letter(index)}: {warning}
            </p>
          ))}
      </div>
    );
  });
}

/** True while nothing has been answered; a refusal is an answer. */
function isWaiting<T>({ exprs, answers }: Asked<T>): boolean {
  return answers.some(({ isLoading }, index) => exprs[index] && isLoading) && !answers.some(({ data }) => data);
}

function shown<T>({ exprs, answers }: Asked<T>): (T | undefined)[] {
  return answers.map(({ data, error, isPlaceholderData }, index) =>
    exprs[index] && !(error && (isPlaceholderData || error instanceof ApiError)) ? data : undefined,
  );
}

interface ChartViewProps extends Asked<RangeAnswer> {
  unit: Unit;
  stacked: boolean;
  fitted: boolean;
  hidden: ReadonlySet<string>;
  onHidden: (hidden: ReadonlySet<string>) => void;
  exemplars: readonly ExemplarPoint[];
  step: number;
}

export function ChartView(props: ChartViewProps) {
  const { exprs, answers, unit, step } = props;
  const given = shown({ exprs, answers });
  const stamp = answers.map(({ dataUpdatedAt, isPlaceholderData, error }) => `${dataUpdatedAt} ${isPlaceholderData} ${error === null}`).join();
  // The answers are new objects at every render; their times of arrival are not.
  const frame = useMemo(() => arrange(given, exprs), [stamp, exprs.join("\n")]);
  const format = useMemo(() => formatIn(unit), [unit]);
  if (isWaiting({ exprs, answers })) return <Loading rows={9} label="the chart" />;
  const [first = 0, last = 1] = [frame.times[0], frame.times.at(-1)];
  const native = given.some((answer) => answer?.series.some(({ histograms }) => histograms));
  return (
    <>
      <Remarks exprs={exprs} answers={answers} />
      {frame.lines.length > 0 ? (
        <MetricsChart {...props} title={exprs.filter(Boolean).join(" · ")} frame={frame} range={[first, Math.max(last, first + step)]} format={format} />
      ) : (
        <Nothing answers={answers}>
          {native ? "These are native histograms: choose the heat map, or put histogram_quantile around the query." : "Look further back, or check the names and labels."}
        </Nothing>
      )}
    </>
  );
}

function Nothing<T>({ answers, children }: { answers: readonly UseQueryResult<T>[]; children: ReactNode }) {
  if (answers.some(({ error }) => error)) return null;
  return <Empty title="Nothing to draw in this time window">{children}</Empty>;
}

interface HeatViewProps extends Asked<RangeAnswer> {
  unit: Unit;
  chosen: UnitChoice;
  metrics: readonly Metric[];
}

export function HeatView({ exprs, answers, unit, chosen, metrics }: HeatViewProps) {
  if (isWaiting({ exprs, answers })) return <Loading rows={9} label="the heat map" />;
  const maps = shown({ exprs, answers }).map((answer, index) => {
    const expr = exprs[index] ?? "";
    if (!answer || !hasBuckets(answer.series)) return null;
    // The vertical axis is what was measured, whatever the counts in the buckets are.
    const name = chosen === "auto" ? guessUnit(expr.replace(/\b(rate|irate|increase)\s*\(/g, "(").replace(/_bucket\b/g, ""), metrics) : unit;
    return <Heat key={index} answer={answer} expr={expr} format={formatIn(name)} />;
  });
  return (
    <>
      <Remarks exprs={exprs} answers={answers} />
      {maps.some(Boolean) ? (
        <div className={css.maps}>{maps}</div>
      ) : (
        <Nothing answers={answers}>
          A heat map needs buckets: series with the label le, such as sum by (le) (rate(…_bucket[5m])), or native histograms.
        </Nothing>
      )}
    </>
  );
}

function Heat({ answer, expr, format }: { answer: RangeAnswer; expr: string; format: (value: number) => string }) {
  const data = useMemo(() => heatOf(answer), [answer]);
  const classic = answer.series.some(({ metric }) => "le" in metric);
  const per = /\brate\s*\(/.test(expr) ? "/s" : "";
  return (
    <HeatMap
      title={expr}
      data={data}
      format={format}
      formatCount={(count) => `${formatNumber(count)}${per}`}
      copies={promqlCopies([expr], answer)}
      facts={[
        ["Samples", `${answer.series.length} series, a column each ${trimZeros(formatDuration(seconds(answer.step)))}`],
        ["Weight", "1: buckets as they were sent"],
        ["Error", classic ? "up to the height of a row: values inside a bucket are not told apart" : "up to the height of a row, 41 %: native buckets are joined to two for each doubling"],
        ["Gaps", "an empty cell is a bucket without a count, or a step without a value"],
        ["Unit", `${per ? "events a second" : "events"} by value`],
      ]}
      height={300}
      note={`${answer.series.length} series · step ${trimZeros(formatDuration(seconds(answer.step)))} · ${
        classic ? `${data.bounds.length - 1} buckets as they were chosen: values inside one are not told apart` : "native buckets joined to two for each doubling"
      }`}
      data-testid="heat-map"
    />
  );
}

export function TableView({ exprs, answers, unit }: Asked<InstantAnswer> & { unit: Unit }) {
  if (isWaiting({ exprs, answers })) return <Loading rows={9} label="the table" />;
  return (
    <>
      <Remarks exprs={exprs} answers={answers} />
      {shown({ exprs, answers }).map((answer, index) => answer && <ValueTable key={index} answer={answer} format={formatIn(unit)} />)}
    </>
  );
}

/** The symptom around its onset, with what happened near it. */

import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { align } from "../alerts/condition-chart";
import { apiUrl, get } from "../api/client";
import type { Evidence, Investigation, Moment } from "../api/incidents";
import { queryRange } from "../api/promql";
import { trafficUrl } from "../api/queries";
import { promqlCopies } from "../charts/honest";
import { copiesOf, type Copy } from "../charts/menu";
import type { Marker, Values } from "../charts/points";
import { TimeChart, type ChartLine } from "../charts/time-chart";
import { Loading } from "../ui/states";
import { formatDuration, formatRate, formatRatio, perSecond, ratio, seconds } from "../units";
import { formatUnit, sayMeasure } from "./words";

const POINTS = 180;
/** What releases, configuration and scaling did, every time axis marks by itself. */
const MARKED: Record<string, string> = { fix: "fixed", relapse: "came back" };

interface OnsetChartProps {
  investigation: Investigation;
  /** Until when to draw, and what else happened. */
  until?: number | undefined;
  moments?: readonly Moment[];
}

/** Moments as marks on a time axis; what is marked is what may be cause or cure. */
export function marksOf(moments: readonly Moment[], onset: number | null): Marker[] {
  const marks = onset === null ? [] : [{ time: onset, label: "onset" }];
  for (const { time, kind } of moments) {
    const label = MARKED[kind];
    if (label) marks.push({ time, label });
  }
  return marks;
}

export function OnsetChart({ investigation, until, moments = [] }: OnsetChartProps) {
  const { question, baseline, window, onset } = investigation;
  const length = Math.max(60, window.end - window.start);
  const start = Math.max(baseline.start, window.start - 3 * length);
  const end = Math.max(until ?? 0, window.end);
  const step = Math.max(1, Math.ceil((end - start) / POINTS));
  const query = useSeries(investigation, Math.floor(start / step) * step, Math.ceil(end / step) * step, step);
  const markers = useMemo(() => marksOf(moments, onset), [moments, onset]);
  if (query.isPending) return question.service || question.expression ? <Loading rows={5} label="the chart" /> : null;
  if (!query.data || query.data.lines.length === 0) return null;
  const { title, times, lines, format } = query.data;
  return (
    <TimeChart
      title={title}
      times={times}
      lines={lines}
      range={[start, end]}
      markers={markers}
      format={format}
      unit={query.data.unit}
      copies={query.data.copies}
      service={question.service}
      height={220}
      zoomable={false}
      live={false}
      data-testid="onset-chart"
    />
  );
}

interface Picture {
  title: string;
  unit: string;
  copies: Copy[];
  times: number[];
  lines: ChartLine[];
  format: (value: number) => string;
}

function useSeries({ question, symptom, measured, scope }: Investigation, start: number, end: number, step: number) {
  const { service, model, expression } = question;
  return useQuery({
    queryKey: ["onset", service, model, expression, symptom, measured?.query, scope, start, end],
    queryFn: ({ signal }): Promise<Picture> => {
      if (measured) return pictureMeasured(measured, service, start, end, signal);
      return service && symptom !== "quality" && symptom !== "cost" && symptom !== "saturation"
        ? pictureTraffic({ service, model, symptom, region: scope["region"] ?? "", start, end, step }, signal)
        : pictureExpression(expression, start, end, step, signal);
    },
    enabled: Boolean(service || expression),
    staleTime: 30_000,
    // The symptom before is none of this one.
    placeholderData: () => undefined,
  });
}

async function pictureMeasured(
  { title, language, query, unit }: Evidence, service: string, start: number, end: number, signal: AbortSignal,
): Promise<Picture> {
  const asked = { language, query, unit, start: String(start), end: String(end) };
  const { times, values } = await get("/api/evidence/picture", { query: asked, signal });
  const measure = sayMeasure(title);
  return {
    title: `${measure.charAt(0).toUpperCase()}${measure.slice(1)}${service && ` of ${service}`}`,
    unit: unit === "1" ? "share" : unit,
    copies: [["PromQL", query], ...copiesOf(apiUrl("/api/evidence/picture", { query: asked }))],
    times,
    lines: [{ label: measure, color: "--bad", width: 2, values }],
    format: (value) => formatUnit(value, unit),
  };
}

async function pictureExpression(expr: string, start: number, end: number, step: number, signal: AbortSignal): Promise<Picture> {
  const found = expr ? await queryRange({ expr, start, end, step }, signal) : [];
  const times: number[] = [];
  for (let time = start; time <= end; time += step) times.push(time);
  return {
    title: expr.length > 60 ? `${expr.slice(0, 57)} …` : expr,
    unit: "as the metric has it",
    copies: promqlCopies([expr], { start, end, step }),
    times,
    lines: found.slice(0, 8).map((one, index) => ({
      label: Object.entries(one.metric).map(([name, value]) => `${name}=${value}`).join(", ") || "value",
      color: `--group-${index % 8}`,
      values: align(one, times),
    })),
    format: (value) => String(Number(value.toPrecision(3))),
  };
}

interface TrafficQuestion {
  service: string;
  model: string;
  symptom: Investigation["symptom"];
  region: string;
  start: number;
  end: number;
  step: number;
}

async function pictureTraffic({ service, model, symptom, region, ...range }: TrafficQuestion, signal: AbortSignal): Promise<Picture> {
  const by = region ? "region" : "none";
  const data = await get("/api/services/{service}/traffic", {
    path: { service },
    query: { ...range, model: model || null, by },
    signal,
  });
  const url = trafficUrl(data);
  const kind = symptom === "errors" || symptom === "traffic" ? symptom : "latency";
  const looks = {
    latency: { title: "p95 latency", unit: "duration of the entry span", format: (value: number) => formatDuration(seconds(value)) },
    errors: { title: "Error ratio", unit: "share of requests that failed", format: (value: number) => formatRatio(ratio(value)) },
    traffic: { title: "Requests", unit: "requests a second", format: (value: number) => formatRate(perSecond(value)) },
  }[kind];
  const valuesOf = (points: (typeof data.series)[number]["points"]): Values =>
    points.map((point) =>
      kind === "latency" ? point.p95 : kind === "errors" ? (point.requests ? point.errors / point.requests : null) : point.requests / data.step,
    );
  const hurt = data.series.filter(({ group }) => group === region);
  const others = data.series.filter(({ group }) => group !== region);
  const shown = region ? [...hurt, ...others].slice(0, 6) : data.series;
  return {
    title: `${looks.title} of ${service}`,
    unit: looks.unit,
    copies: copiesOf(url),
    times: (data.series[0]?.points ?? []).map(({ time }) => time),
    lines: shown.map(({ group, points }, index) => ({
      label: region ? group || "not said" : looks.title,
      color: region && group !== region ? "--text-3" : index === 0 ? "--bad" : "--p95",
      width: region && group !== region ? 1 : 2,
      values: valuesOf(points),
    })),
    format: looks.format,
  };
}

import { memo, useMemo, type MouseEvent, type ReactNode } from "react";
import type { Mark } from "../../api/markers";
import type { Service, TrafficPoint } from "../../api/shapes";
import { latencies, observedRate, rates, slowPoints } from "../../charts/points";
import { SlowSparkline, Sparkline } from "../../charts/sparkline";
import { formatAgo, formatDuration, formatRate, formatRatio, perSecond, ratio, seconds } from "../../units";
import { Link, opensElsewhere, paths } from "../../url/link";
import { navigate } from "../../url/location";
import { pageHref, type Params } from "../../url/params";
import { Chip } from "../../ui/chip";
import { useMoments } from "../../ui/moments";
import { judgeErrors, VerdictBadge, type Verdict } from "../../ui/verdict";
import { Cost, Objective, Quality, Saturation, type Known } from "./gauges";
import css from "./overview.module.css";

interface RowProps {
  service: Service;
  verdict: Verdict;
  known: Known;
  /** The window of the answer. */
  start: number;
  end: number;
  step: number;
  /** Where small charts begin. */
  from: number;
  /** What was changed. */
  marks: readonly Mark[];
  /** The service serves several models, so that its name alone does not say which row is meant. */
  shared: boolean;
}

export const Row = memo(function Row({ service, verdict, known, start, end, step, from, marks, shared }: RowProps) {
  const { moment } = useMoments();
  const to = paths.service(service.service);
  const params: Params = { model: service.model || shared ? service.model : null };
  const errors = ratio(service.error_ratio);
  const judged = judgeErrors(service.error_ratio);
  const open = (event: MouseEvent<HTMLElement>) => {
    if (event.defaultPrevented || opensElsewhere(event)) return;
    if ((event.target as HTMLElement).closest("a, button")) return;
    navigate(pageHref(to, location.search, params));
  };
  const duration = (value: number) => formatDuration(seconds(value));
  return (
    <tr role="row" className={css.row} onClick={open} data-testid="service-row" data-service={service.service} data-model={service.model}>
      <Cell name="status">
        <span title={`Last request ${formatAgo(seconds(service.last_seen), seconds(end))}, ${moment(seconds(service.last_seen))}`}>
          <VerdictBadge verdict={verdict} />
        </span>
      </Cell>
      <th role="rowheader" scope="row" className={css.service}>
        <Link to={to} params={params} title={service.service} data-line data-testid="service-link">
          {service.service}
        </Link>
        <span className={css.model}>
          {service.model && <span title={`Model ${service.model}`}>{service.model}</span>}
          <Versions service={service} />
        </span>
      </th>
      <Cell name="p50" label="p50">
        {duration(service.p50)}
      </Cell>
      <Cell name="p95" label="p95">
        <strong>{duration(service.p95)}</strong>
      </Cell>
      <Cell name="p99" label="p99">
        {duration(service.p99)}
      </Cell>
      <Cell name="latency">
        <Latency service={service} from={from} marks={marks} />
        <Objective service={service} known={known} />
      </Cell>
      <Cell name="errors" label="errors">
        <span className={judged && (judged === "failing" ? css.bad : css.warn)}>
          {formatRatio(errors)}
        </span>
      </Cell>
      <Cell name="traffic" label="traffic">
        {formatRate(perSecond(observedRate(service, start, end)))}
      </Cell>
      <Cell name="flow">
        <Traffic service={service} step={step} end={end} from={from} marks={marks} />
      </Cell>
      <Cell name="saturation" label="saturation">
        <Saturation known={known} />
      </Cell>
      <Cell name="quality" label="quality">
        <Quality known={known} />
      </Cell>
      <Cell name="cost" label="per 1,000">
        <Cost known={known} />
      </Cell>
      <Cell name="region">
        <Regions names={service.regions} />
      </Cell>
    </tr>
  );
});

function Cell({ name, label, children }: { name: string; label?: string; children: ReactNode }) {
  return (
    <td role="cell" className={css[name]} data-label={label}>
      {children}
    </td>
  );
}

function since(points: readonly TrafficPoint[], from: number): TrafficPoint[] {
  return points.filter((point) => point.time >= from);
}

function Latency({ service, from, marks }: { service: Service; from: number; marks: readonly Mark[] }) {
  const points = useMemo(() => since(service.points, from), [service.points, from]);
  const drawn = useMemo(
    () => ({
      times: points.map((point) => point.time),
      slow: slowPoints(points),
      series: [
        { values: latencies(points, "p99"), color: "--p99", faint: true },
        { values: latencies(points, "p95"), color: "--p95" },
      ],
    }),
    [points],
  );
  return <SlowSparkline {...drawn} marks={marks} label={`p95 latency of ${service.service} over time`} />;
}

interface TrafficProps {
  service: Service;
  step: number;
  end: number;
  from: number;
  marks: readonly Mark[];
}

function Traffic({ service, step, end, from, marks }: TrafficProps) {
  const points = useMemo(() => since(service.points, from), [service.points, from]);
  const times = useMemo(() => points.map((point) => point.time), [points]);
  const series = useMemo(
    () => [{ values: rates(points, step, end), color: "--traffic", filled: true }],
    [points, step, end],
  );
  return <Sparkline series={series} times={times} marks={marks} label={`Traffic of ${service.service} over time`} />;
}

/** The version that came up last, and how many there were before it. */
function Versions({ service }: { service: Service }) {
  const newestFirst = [...service.versions].sort((a, b) => b.first_seen - a.first_seen);
  const [newest, ...older] = newestFirst.map(({ version }) => version);
  if (newest === undefined) return null;
  return (
    <span className={css.version} title={`Version ${[newest, ...older].join(", before it ")}`}>
      <Chip>{newest}</Chip>
      {older.length > 0 && ` +${older.length}`}
    </span>
  );
}

/** Letters that the column of regions has room for. */
const REGION_ROOM = 18;

function Regions({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <span className={css.none}>–</span>;
  const shown = names.slice(0, 2).join("").length <= REGION_ROOM ? names.slice(0, 2) : names.slice(0, 1);
  return (
    <span className={css.few} title={names.join(", ")}>
      {shown.map((name) => (
        <Chip key={name}>{name}</Chip>
      ))}
      {names.length > shown.length && <span className={css.more}>+{names.length - shown.length}</span>}
    </span>
  );
}

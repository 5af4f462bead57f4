import type { ReactNode } from "react";
import { useTroubled } from "../../api/incidents";
import { byService, keyOf, useInstruments } from "../../api/instruments";
import type { Service } from "../../api/shapes";
import { observedRate } from "../../charts/points";
import { formatAgo, formatCount, formatDuration, formatRate, formatRatio, perSecond, ratio, seconds } from "../../units";
import { Chip } from "../../ui/chip";
import { judge, VerdictBadge } from "../../ui/verdict";
import { Cost, Quality, Saturation } from "../overview/gauges";
import css from "./service.module.css";

interface InstrumentsProps {
  rows: readonly Service[];
  overview: { start: number; end: number; step: number };
}

/** The numbers of the whole window. Percentiles of several models cannot be added up: none then. */
export function Instruments({ rows, overview }: InstrumentsProps) {
  const { start, end } = overview;
  const { data } = useInstruments();
  const troubled = useTroubled();
  if (rows.length === 0) return null;
  const requests = rows.reduce((sum, row) => sum + row.requests, 0);
  const rate = rows.reduce((sum, row) => sum + observedRate(row, start, end), 0);
  const errors = rows.reduce((sum, row) => sum + row.requests * row.error_ratio, 0);
  const lastSeen = Math.max(...rows.map((row) => row.last_seen));
  const errorRatio = requests ? errors / requests : 0;
  const one = rows.length === 1 ? rows[0] : undefined;
  const known = one && byService(data?.services ?? []).get(keyOf(one.service, one.model));
  const versions = [...new Set(rows.flatMap((row) => row.versions.map(({ version }) => version)))];
  const regions = [...new Set(rows.flatMap((row) => row.regions))];
  const latency = (value: number | undefined) => formatDuration(value === undefined ? null : seconds(value));
  return (
    <dl className={css.instruments} data-testid="instruments">
      <Dial name="status">
        <VerdictBadge verdict={judge({ service: rows[0]?.service ?? "", error_ratio: errorRatio, last_seen: lastSeen }, overview, troubled)} />
      </Dial>
      <Dial name="p50">{latency(one?.p50)}</Dial>
      <Dial name="p95">{latency(one?.p95)}</Dial>
      <Dial name="p99">{latency(one?.p99)}</Dial>
      <Dial name="errors">{formatRatio(ratio(errorRatio))}</Dial>
      <Dial name="traffic">{formatRate(perSecond(rate))}</Dial>
      <Dial name="requests">{formatCount(requests)}</Dial>
      <Dial name="last request">{formatAgo(seconds(lastSeen), seconds(end))}</Dial>
      {known && (
        <>
          <Dial name="saturation">
            <Saturation known={known} />
          </Dial>
          <Dial name="quality">
            <Quality known={known} />
          </Dial>
          <Dial name="cost / 1,000">
            <Cost known={known} />
          </Dial>
        </>
      )}
      <Chips name={versions.length === 1 ? "version" : "versions"} texts={versions} />
      <Chips name={regions.length === 1 ? "region" : "regions"} texts={regions} />
    </dl>
  );
}

function Dial({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={css.dial}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Chips({ name, texts }: { name: string; texts: readonly string[] }) {
  if (texts.length === 0) return null;
  return (
    <div className={css.chips}>
      <dt>{name}</dt>
      <dd>
        {texts.map((text) => (
          <Chip key={text} title={text}>
            {text}
          </Chip>
        ))}
      </dd>
    </div>
  );
}

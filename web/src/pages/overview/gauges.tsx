/** The cells of the overview that other metrics fill: saturation, quality and cost. */

import type { Instruments } from "../../api/instruments";
import type { Service } from "../../api/shapes";
import { formatCount, formatDuration, formatRatio, ratio, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { OkIcon, WarnIcon } from "../../ui/icons";
import css from "./gauges.module.css";

/** What other metrics say of a service: null where they say nothing, undefined while they are asked. */
export type Known = Instruments | null | undefined;

function Unknown({ known }: { known: Known }) {
  const asked = known === undefined;
  return (
    <span className={css.none} title={asked ? "being asked" : "no metric says"}>
      {asked ? "…" : "–"}
    </span>
  );
}

/** Which percentile an objective such as "99 % within 200 ms" is about. */
function percentileOf(share: number): "p50" | "p95" | "p99" {
  if (share >= 0.985) return "p99";
  return share >= 0.9 ? "p95" : "p50";
}

/** The objective that a service's latency is held against, and whether it is met now. */
export function Objective({ service, known }: { service: Service; known: Known }) {
  const target = known?.latency_target;
  if (!target) return null;
  const name = percentileOf(target.share);
  const over = service[name] > target.bound;
  const bound = formatDuration(seconds(target.bound));
  return (
    <span
      className={over ? css.over : css.within}
      title={`SLO ${target.slo}: ${formatRatio(ratio(target.share))} of requests within ${bound}; ${name} is ${formatDuration(seconds(service[name]))}`}
      data-testid="objective"
    >
      {over && <WarnIcon size={11} />}
      {over ? `${name} over ${bound}` : `${name} ≤ ${bound}`}
    </span>
  );
}

export function Saturation({ known }: { known: Known }) {
  const { gpu, queue, batch, replicas } = known ?? {};
  const facts = [
    queue != null && `queue ${formatCount(round(queue))}`,
    batch != null && `batch ${formatCount(round(batch))}`,
    replicas != null && `${formatCount(Math.round(replicas))} replicas`,
  ].filter((fact) => fact !== false);
  if (gpu == null && facts.length === 0) return <Unknown known={known} />;
  return (
    <span className={css.cell} title={tell(known)} data-testid="saturation">
      {gpu != null && (
        <span className={css.meter}>
          <span className={css.track} aria-hidden="true">
            <span style={{ width: `${Math.round(100 * Math.min(1, gpu))}%` }} />
          </span>
          GPU {formatRatio(ratio(gpu))}
        </span>
      )}
      {facts.length > 0 && <span className={css.facts}>{facts.join(" · ")}</span>}
    </span>
  );
}

export function Quality({ known }: { known: Known }) {
  if (!known) return <Unknown known={known} />;
  const { model, quality, missing, drifting, accept_rate: accepted } = known;
  const what = missing ? `${missing} missing` : drifting ? `${drifting} drifting` : "accepted less";
  if (quality.length === 0 && accepted === null) return <Unknown known={known} />;
  return (
    <span className={css.cell} data-testid="quality">
      {quality.length > 0 ? (
        <Link to={paths.drift} params={{ model }} className={css.drift} title={quality.join("\n")}>
          <WarnIcon size={13} />
          {what}
        </Link>
      ) : (
        <span className={css.steady}>
          <OkIcon size={13} />
          steady
        </span>
      )}
      {accepted !== null && <span className={css.facts}>accepted {formatRatio(ratio(accepted))}</span>}
    </span>
  );
}

export function Cost({ known }: { known: Known }) {
  if (known?.cost_per_1000 == null) return <Unknown known={known} />;
  const { cost_per_1000: cost, currency } = known;
  return (
    <span title={`${cost} ${currency} for 1,000 requests: ${known.sources.cost ?? ""}`} data-testid="cost">
      {money(cost, currency)}
    </span>
  );
}

function money(value: number, currency: string): string {
  const digits = { maximumSignificantDigits: 2 };
  if (!currency) return value.toLocaleString("en", digits);
  return value.toLocaleString("en", { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digits });
}

function round(value: number): number {
  return value < 10 ? Math.round(10 * value) / 10 : Math.round(value);
}

/** The queries behind the numbers, for whoever asks where they come from. */
function tell(known: Known): string {
  return Object.entries(known?.sources ?? {})
    .filter(([name]) => name !== "cost")
    .map(([name, query]) => `${name}: ${query}`)
    .join("\n");
}

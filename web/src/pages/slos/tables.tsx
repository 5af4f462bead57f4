/** How fast an SLO burns, and what spent its budget. */

import type { BurnRate, Slo, SloDetail } from "../../api/slos";
import { quote } from "../../ui/filter/text";
import { BadIcon, OkIcon, SilentIcon } from "../../ui/icons";
import { useMoments, zoneName } from "../../ui/moments";
import { formatCount, formatRatio, ratio, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { absoluteWindow } from "../../url/window";
import { Budget } from "./parts";
import { formatBurn, formatWindow, sayBurning, sayForecast, sayGroup } from "./words";
import css from "./slos.module.css";

const ICONS = { burning: BadIcon, quiet: OkIcon, "not measured": SilentIcon } as const;

export function BurnRates({ slo }: { slo: Slo }) {
  const rates = slo.burn_rates;
  const forecast = sayForecast(slo);
  return (
    <section className={css.panel} data-testid="burn-rates">
      <h2>Burn rates and alerts</h2>
      <p className={css.note}>
        1× spends the budget exactly at the end of the period. An alert fires when both of its windows are over the threshold.
      </p>
      {forecast && <p data-testid="forecast">{forecast}</p>}
      {rates.length === 0 && <p>No alert watches this SLO, so its burn rate is not recorded.</p>}
      <ul className={css.alerts}>
        {rates.map((rate) => (
          <Rule key={`${rate.severity} ${rate.long_window}`} rate={rate} />
        ))}
      </ul>
    </section>
  );
}

function Rule({ rate }: { rate: BurnRate }) {
  const word = sayBurning(rate);
  const Icon = ICONS[word as keyof typeof ICONS];
  return (
    <li data-testid="burn-rate">
      <span className={css.state} data-state={rate.burning ? "burning" : word === "quiet" ? "ok" : "unmeasured"}>
        <Icon size={15} />
        {word}
      </span>
      <span className={css.severity}>{rate.severity}</span>
      <Gauge window={rate.long_window} value={rate.long} threshold={rate.threshold} />
      <Gauge window={rate.short_window} value={rate.short} threshold={rate.threshold} />
      <p>{rate.rule}</p>
    </li>
  );
}

/** Where the threshold stands on a gauge's track. */
const THRESHOLD_AT = 0.6;

/** One window's burn rate as a bar, with a line where the threshold is. */
function Gauge({ window, value, threshold }: { window: number; value: number | null; threshold: number }) {
  const share = value === null ? 0 : Math.min(1, (value / threshold) * THRESHOLD_AT);
  return (
    <span className={css.gauge} data-over={value !== null && value > threshold}>
      <span>
        <span className={css.window}>{formatWindow(window)}</span>{" "}
        <strong>{value === null ? "not measured" : formatBurn(value)}</strong>{" "}
        <span className={css.of}>of {formatBurn(threshold)}</span>
      </span>
      <span className={css.track} aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
        <i style={{ left: `${THRESHOLD_AT * 100}%` }} />
      </span>
    </span>
  );
}

/** What each group has left, where they are kept apart. */
export function Groups({ groups }: { groups: Slo["groups"] }) {
  if (groups.length < 2) return null;
  const worstFirst = groups.toSorted((a, b) => (a.budget_left ?? 1) - (b.budget_left ?? 1));
  return (
    <section className={css.panel} data-testid="groups">
      <h2>By group</h2>
      <ul className={css.groups}>
        {worstFirst.map(({ labels, bad, total, budget_left: left }) => (
          <li key={sayGroup(labels)}>
            <span>{sayGroup(labels)}</span>
            <Budget left={left} />
            <span className={css.note}>
              {formatCount(bad)} bad of {formatCount(total)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Spenders({ detail }: { detail: SloDetail }) {
  const { spenders, slo, burn_down: points } = detail;
  const { moment, zone } = useMoments();
  const step = (points[1]?.time ?? 3600) - (points[0]?.time ?? 0);
  return (
    <section className={css.panel} data-testid="spenders">
      <h2>The largest pieces</h2>
      <p className={css.note}>
        The groups and spans of {formatWindow(step)} that spent most, as shares of the whole budget; times in {zoneName(zone)}
      </p>
      {spenders.length === 0 ? (
        <p>{slo.total > 0 ? "Nothing: no bad event in this period." : "Nothing was measured."}</p>
      ) : (
        <div className={css.scroll} tabIndex={0} role="group" aria-label="What spent the budget">
          <table className={css.spenders}>
            <thead>
              <tr>
                <th scope="col">Group</th>
                <th scope="col">From</th>
                <th scope="col">Of the budget</th>
                <th scope="col">Bad of all</th>
                <th scope="col">Requests</th>
              </tr>
            </thead>
            <tbody>
              {spenders.map(({ labels, start, bad, total, budget_spent: spent }) => (
                <tr key={`${sayGroup(labels)} ${start}`} data-testid="spender">
                  <th scope="row">{sayGroup(labels)}</th>
                  <td>{moment(seconds(start))}</td>
                  <td>
                    <span className={css.spent}>
                      {formatRatio(ratio(spent))}
                      <span className={css.track} aria-hidden="true">
                        <span style={{ width: `${Math.min(1, spent) * 100}%` }} />
                      </span>
                    </span>
                  </td>
                  <td>
                    {formatCount(bad)} of {formatCount(total)}
                  </td>
                  <td>
                    <Link
                      to={paths.traces}
                      params={{
                        ...absoluteWindow(start, start + step),
                        filter: `service.name = ${quote(slo.service)} and entry = true`,
                      }}
                      aria-label={`Traces of ${slo.service} from ${moment(seconds(start))}`}
                    >
                      traces
                    </Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

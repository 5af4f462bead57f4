/** What is idle, and what larger batches would save. */

import type { BatchGain, Capacity } from "../../api/releases";
import { OkIcon, WarnIcon } from "../../ui/icons";
import { formatDuration, formatRatio, ratio, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import css from "./capacity.module.css";

/** Replicas are told apart up to this many. */
const DRAWN = 24;
const WANTED = 0.6;
/** A share of the time that is worth a picture. */
const WORTH = 0.02;
const SIZES = [1, 2, 4, 8, 16, 32];

export function Idle({ idle }: { idle: Capacity["idle"] }) {
  if (!idle) return null;
  const { utilisation, replicas, needed } = idle;
  const spare = replicas !== null && needed !== null ? Math.max(0, replicas - needed) : 0;
  const Icon = idle.is_waste ? WarnIcon : OkIcon;
  return (
    <section className={css.card} data-testid="capacity-idle">
      <header>
        <h2>Are its GPUs idle?</h2>
        <Link to={paths.metrics} params={{ q: idle.query }}>
          Over time
        </Link>
      </header>
      <p className={css.said} data-warn={idle.is_waste || undefined}>
        <Icon size={16} />
        <strong>{idle.is_waste ? "Waste" : spare >= 1 ? "Some are idle" : "They have work"}</strong>
      </p>
      <p>{idle.text}.</p>
      <div className={css.gauge} role="img" aria-label={`GPUs work ${formatRatio(ratio(utilisation))} of the time`}>
        <span style={{ width: `${utilisation * 100}%` }} />
        <i style={{ left: `${WANTED * 100}%` }} />
      </div>
      <p className={css.note}>
        {formatRatio(ratio(utilisation))} busy; the line is {WANTED * 100}{"\u202f"}%, what replicas that are well used are
      </p>
      {replicas !== null && needed !== null && replicas <= DRAWN && (
        <p className={css.replicas} role="img" aria-label={`${Math.round(replicas)} replicas, ${needed} would do`}>
          {Array.from({ length: Math.round(replicas) }, (_, index) => (
            <span key={index} data-spare={index >= needed || undefined} />
          ))}
          <span className={css.note}>{spare >= 1 ? `${needed} of ${Math.round(replicas)} would do` : "none to spare"}</span>
        </p>
      )}
    </section>
  );
}

/** What 1,000 requests cost, and what they would with what the work needs alone. */
export function Cost({ cost }: { cost: Capacity["cost"] }) {
  if (!cost) return null;
  const { per_1000: now, needed_per_1000: needed, currency, query } = cost;
  const bars = [["now", now], ...(needed !== null && needed < now ? [["with what the work needs", needed] as const] : [])] as const;
  return (
    <section className={css.card} data-testid="capacity-cost">
      <header>
        <h2>What does it cost?</h2>
        {query && (
          <Link to={paths.metrics} params={{ q: query }}>
            Its query
          </Link>
        )}
      </header>
      <p>{cost.text}.</p>
      <ul className={css.costs} aria-label="Cost of 1,000 requests">
        {bars.map(([name, value]) => (
          <li key={name}>
            <span>{name}</span>
            <span className={css.stack} aria-hidden="true">
              <span style={{ width: `${(value / now) * 100}%` }} />
            </span>
            <strong>
              {Number(value.toPrecision(3))} {currency}
            </strong>
          </li>
        ))}
      </ul>
      <p className={css.note}>for 1,000 requests</p>
    </section>
  );
}

export function Batches({ batches }: { batches: readonly BatchGain[] }) {
  if (batches.length === 0) return null;
  return (
    <section className={css.card} data-testid="capacity-batches">
      <header>
        <h2>What would larger batches save?</h2>
      </header>
      {batches.map((one) => (
        <div key={one.span} className={css.batch}>
          <p>{one.text}.</p>
          {one.fixed !== null && one.item !== null && (one.saved ?? 0) > WORTH && <Sizes one={one} fixed={one.fixed} item={one.item} />}
        </div>
      ))}
    </section>
  );
}

/** Time of an item by the size of its batch: a part of what every batch costs, and its own. */
function Sizes({ one, fixed, item }: { one: BatchGain; fixed: number; item: number }) {
  const now = one.mean_size;
  const rows = [now, ...SIZES.filter((size) => Math.abs(size / now - 1) > 0.05)].toSorted((a, b) => a - b);
  const widest = fixed / (rows[0] ?? 1) + item || 1;
  return (
    <ul className={css.sizes} aria-label={`Time of an item of ${one.span} by the size of its batch`}>
      {rows.map((size) => (
        <li key={size} data-now={size === now || undefined} data-best={size === one.suggested || undefined}>
          <span>{size === now ? `${Number(size.toPrecision(3))} now` : size}</span>
          <span className={css.stack} aria-hidden="true">
            <span style={{ width: `${(fixed / size / widest) * 100}%` }} />
            <span style={{ width: `${(item / widest) * 100}%` }} />
          </span>
          <span>{formatDuration(seconds(fixed / size + item))}</span>
          <span className={css.note}>
            {size === one.suggested && one.saved !== null && one.saved > 0 ? `saves ${formatRatio(ratio(one.saved))}` : ""}
          </span>
        </li>
      ))}
    </ul>
  );
}

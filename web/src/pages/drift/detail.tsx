import { useEffect, useRef, type ReactNode } from "react";
import { distributionUrl, momentUrl, useDistribution, useDriftMoment, type Distribution, type PartOf, type Reading } from "../../api/drift";
import { ChartMenu, copiesOf } from "../../charts/menu";
import { CloseIcon } from "../../ui/icons";
import { useMoments, zoneName } from "../../ui/moments";
import { Answer, Loading } from "../../ui/states";
import { formatCount, formatDuration, formatRatio, ratio, seconds } from "../../units";
import { useSearch } from "../../url/location";
import { setParams } from "../../url/params";
import { formatTimes, isFault, sayRange, sayScope, scopeOf, timesChance } from "./cells";
import { useOpened } from "./heat-map";
import { usePart } from "./history";
import { Verdict } from "./verdicts";
import css from "./detail.module.css";

/** What is open below the map: the cell that the address names, or how to open one. */
export function Detail({ model, readings }: { model: string; readings: readonly Reading[] }) {
  const reading = useOpened(readings);
  const part = usePart(model);
  const params = new URLSearchParams(useSearch());
  const wanted = params.get("feature");
  const [time, step] = [Number(params.get("at")), Number(params.get("step") ?? 300)];
  if (wanted && time > 0 && step >= 1) return <Past key={JSON.stringify([part, wanted, time])} part={part} feature={wanted} time={time} step={step} />;
  if (reading) return <Now key={JSON.stringify([model, reading.feature, scopeOf(reading)])} reading={reading} />;
  return (
    <p className={css.none} data-testid="drift-none">
      {wanted
        ? `${wanted} was not judged in that part of the traffic lately: pick a cell above.`
        : "Pick a cell to see the reference and the current distribution side by side."}
    </p>
  );
}

const close = () => setParams({ feature: null, at: null, step: null });

/** What the watch found last. */
function Now({ reading }: { reading: Reading }) {
  const query = useDistribution(reading);
  return (
    <Opened feature={reading.feature} part={sayScope(scopeOf(reading))} verdict={<Verdict verdict={reading.verdict} held={reading.held} />}>
      <Answer query={query} loading={<Loading rows={8} label="both distributions" />}>
        {(distribution) => <Bars distribution={distribution} reading={reading} when="now" url={distributionUrl(reading)} />}
      </Answer>
      <Statistics reading={reading} />
    </Opened>
  );
}

/** What it found at a time that has passed. */
function Past({ part, feature, time, step }: { part: PartOf; feature: string; time: number; step: number }) {
  const { moment, zone } = useMoments();
  const then = { ...part, feature, time, step };
  const query = useDriftMoment(then);
  const { data } = query;
  const when = moment(seconds(data?.time ?? time));
  return (
    <Opened
      feature={feature}
      part={`${sayScope(part)}, at ${when} ${zoneName(zone)}`}
      verdict={data && <Verdict verdict={data.reading.verdict} />}
    >
      <Answer query={query} loading={<Loading rows={8} label="both distributions" />}>
        {({ distribution, reading }) => <Bars distribution={distribution} reading={reading} when={when} url={momentUrl(then)} />}
      </Answer>
      {data && <Statistics reading={data.reading} />}
    </Opened>
  );
}

interface OpenedProps {
  feature: string;
  part: string;
  verdict: ReactNode;
  children: ReactNode;
}

function Opened({ feature, part, verdict, children }: OpenedProps) {
  const element = useRef<HTMLElement>(null);
  useEffect(() => {
    element.current?.scrollIntoView({ block: "nearest" });
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) close();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <section ref={element} className={css.detail} aria-labelledby="drift-detail" data-testid="drift-detail">
      <header className={css.head}>
        <div>
          <h3 id="drift-detail">{feature}</h3>
          <p>{part}</p>
        </div>
        {verdict}
        <button type="button" className={css.close} onClick={close} aria-label="Close the comparison" title="Close (Esc)">
          <CloseIcon />
        </button>
      </header>
      <div className={css.sides}>{children}</div>
    </section>
  );
}

const share = (value: number | null) => formatRatio(value === null ? null : ratio(value));
/** A dimensionless number at three significant digits or thousandths. */
const number = (value: number | null) => (value === null ? "–" : value >= 100 ? value.toFixed(0) : value.toFixed(3));
const interval = (low: string, high: string) => `${low} to ${high}`;

interface BarsProps {
  distribution: Distribution;
  reading: Reading;
  /** `now`, or a moment. */
  when: string;
  /** Where it is asked for again. */
  url: string;
}

/** Each bin's share in the reference and at a time, what is missing, and which categories are new. */
function Bars({ distribution, reading, when, url }: BarsProps) {
  const { bins, reference, current, new_categories: fresh, feature } = distribution;
  const gone = [reading.reference_missing_ratio, reading.missing_ratio ?? 0] as const;
  const largest = Math.max(0.01, ...reference, ...current, ...gone);
  const width = (value: number | undefined) => ({ width: `${((value ?? 0) / largest) * 100}%` });
  return (
    <figure className={css.both} aria-label={`Both distributions of ${feature}`}>
      <ChartMenu
        title={`${feature}, reference and ${when}`}
        marked={false}
        copies={copiesOf(url)}
        facts={[
          ["Samples", `${formatCount(distribution.rows)} rows of the last ${formatDuration(seconds(reading.window))} before then; ${formatCount(distribution.reference_rows)} of the reference`],
          ["Weight", "1: each prediction is counted where it is made"],
          ["Error", distribution.kind === "numeric" ? "live values come in buckets that are cut to the reference's bins: shares are rather too close to it than too far" : "none: categories are counted"],
          ["Folded", distribution.kind === "numeric" ? "nothing" : "texts without a category of their own are (other)"],
          ["Unit", "share of the rows that have the feature; missing: of all rows"],
        ]}
      />
      <table className={css.bars} data-testid="drift-bars">
        <caption>
          <span className={css.keyThen}>
            reference “{distribution.reference_name}”, {formatCount(distribution.reference_rows)} rows
          </span>
          <span className={css.keyNow}>{when}, {formatCount(distribution.rows)} rows</span>
        </caption>
        <thead>
          <tr>
            <th scope="col">{distribution.kind === "numeric" ? "range" : "category"}</th>
            <td aria-hidden="true" />
            <th scope="col">reference</th>
            <th scope="col">{when === "now" ? when : "then"}</th>
          </tr>
        </thead>
        <tbody>
          {bins.map((bin, index) => (
            <tr key={index}>
              <th scope="row" title={bin}>
                {distribution.kind === "numeric" ? sayRange(bin) : bin}
              </th>
              <td className={css.pair} aria-hidden="true">
                <span className={css.then} style={width(reference[index])} />
                <span className={css.now} style={width(current[index])} />
              </td>
              <td>{share(reference[index] ?? 0)}</td>
              <td>{share(current[index] ?? 0)}</td>
            </tr>
          ))}
          <tr className={css.gone} data-testid="drift-missing">
            <th scope="row" title="Rows without the feature">∅ missing</th>
            <td className={css.pair} aria-hidden="true">
              <span className={css.then} style={width(gone[0])} />
              <span className={css.now} style={width(gone[1])} />
            </td>
            <td>{share(gone[0])}</td>
            <td>{share(reading.missing_ratio)}</td>
          </tr>
        </tbody>
      </table>
      {fresh.length > 0 && (
        <p className={css.fresh} data-testid="drift-new">
          New, in (other):{" "}
          {fresh.map(({ name, share: part }) => (
            <span key={name}>
              <code>{name}</code> {share(part)}
            </span>
          ))}
        </p>
      )}
    </figure>
  );
}

interface FactProps {
  name: string;
  value: string;
  note?: string;
  title: string;
}

function Fact({ name, value, note, title }: FactProps) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        {note && <span>{note}</span>}
      </dd>
    </div>
  );
}

function Statistics({ reading }: { reading: Reading }) {
  const { moment, zone } = useMoments();
  const { psi, psi_low: low, psi_high: high, missing_ratio: missing } = reading;
  const since = reading.since === null || !isFault(reading) ? null : seconds(reading.since);
  return (
    <dl className={css.facts} data-testid="drift-statistics">
      <Fact
        name="PSI"
        value={number(psi)}
        note={psi === null ? "too few rows" : `95 % interval ${interval(number(low), number(high))}`}
        title="Population stability index, in nats: how far the shares moved"
      />
      <Fact
        name="chance alone passes"
        value={number(reading.psi_critical)}
        note={psi === null ? "" : `this is ${formatTimes(timesChance(reading))} that`}
        title="What PSI would reach without any drift, at the false-alarm probability of the settings"
      />
      <Fact
        name="missing"
        value={share(missing)}
        note={`${interval(share(reading.missing_low), share(reading.missing_high))}; reference ${share(reading.reference_missing_ratio)}`}
        title="Share of predictions without the feature, with its 95 % interval"
      />
      {reading.new_ratio !== null && (
        <Fact name="new categories" value={share(reading.new_ratio)} title="Share in categories that the reference has not" />
      )}
      <Fact
        name="Jensen-Shannon"
        value={number(reading.jensen_shannon)}
        note="0 same, 1 apart"
        title="Jensen-Shannon distance of both distributions"
      />
      {reading.wasserstein !== null && (
        <Fact
          name="Wasserstein"
          value={`${number(reading.wasserstein)} sd`}
          note="how far values moved"
          title="Earth mover's distance, in standard deviations of the reference"
        />
      )}
      <Fact name="rows" value={formatCount(reading.rows)} note={`the last ${formatDuration(seconds(reading.window))}`} title="Predictions in the window that was judged" />
      <Fact name="reference" value={reading.reference} title="What it is compared with" />
      {since !== null && <Fact name="since" value={moment(since)} note={zone === "utc" ? "UTC" : ""} title="When the verdict began to hold" />}
    </dl>
  );
}

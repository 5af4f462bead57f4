import { useDrift, useReferences, type Drift, type Reading, type Reference } from "../../api/drift";
import { apiUrl } from "../../api/client";
import { ChartMenu, copiesOf, type Fact } from "../../charts/menu";
import { Segments } from "../../ui/chip";
import { Snippet } from "../../ui/copy";
import { PageHeader } from "../../ui/layout";
import { useMoments } from "../../ui/moments";
import { Answer, Empty, Loading, Stale } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { formatAgo, formatCount, seconds } from "../../units";
import { useChoice, useParam } from "../../url/params";
import type { Split } from "./cells";
import { Findings } from "./findings";
import { HeatMap } from "./heat-map";
import { HistoryMap } from "./history";
import { Detail } from "./detail";
import { References, WithoutReference } from "./references";
import { Legend } from "./verdicts";
import css from "./drift.module.css";

const SPLITS = ["all", "versions", "segments"] as const;

export default function DriftPage() {
  const query = useDrift();
  const references = useReferences();
  return (
    <>
      <PageHeader title="Drift" heading={<h1>Drift</h1>} controls={<TimePicker />} />
      <Answer query={query} loading={<Loading rows={8} label="what drifts" />}>
        {(drift) => <Report drift={drift} references={references.data?.references ?? []} />}
      </Answer>
      {query.data && (
        <Answer query={references} loading={<Loading rows={2} label="the references" />}>
          {({ references: kept }) => <References references={kept} />}
        </Answer>
      )}
    </>
  );
}

/** When the watch looked last, by its own clock. */
function Looked({ drift }: { drift: Drift }) {
  const { clock, zone } = useMoments();
  if (drift.time === null) return null;
  const at = seconds(drift.time);
  return (
    <span className={css.faint} title="When live features were judged last" data-testid="drift-time">
      judged at {clock(at)} {zone === "utc" ? "UTC" : ""} ({formatAgo(at, seconds(Date.now() / 1000))})
    </span>
  );
}

function Report({ drift, references }: { drift: Drift; references: readonly Reference[] }) {
  const models = [...new Set(drift.readings.map(({ model_name }) => model_name))].sort();
  const silent = [...new Set(references.map(({ model_name }) => model_name))].filter((name) => !models.includes(name));
  const nothing = models.length === 0 && drift.without_reference.length === 0;
  return (
    <div className={css.page}>
      {drift.error && <Stale error={new Error(`The last look failed: ${drift.error}`)} />}
      {models.length > 0 && <Findings drift={drift} />}
      {models.length > 0 && <Models drift={drift} models={models} />}
      {drift.without_reference.map((model) => (
        <WithoutReference key={model} model={model} />
      ))}
      {nothing && <Nothing silent={silent} />}
    </div>
  );
}

/** The heat map of one model; with several, which one is a choice in the address. */
function Models({ drift, models }: { drift: Drift; models: readonly string[] }) {
  const fallback = drift.findings[0]?.model_name ?? models[0] ?? "";
  const [chosen, choose] = useParam("model", fallback);
  const [split, setSplit] = useChoice<Split>("split", SPLITS, "all");
  const model = models.includes(chosen) ? chosen : fallback;
  const readings = drift.readings.filter(({ model_name }) => model_name === model);
  return (
    <section className={css.card} aria-labelledby="drift-model" data-testid="drift-model" data-model={model}>
      <header className={css.head}>
        <h2 id="drift-model">{model}</h2>
        <span className={css.faint}>against the reference “{readings[0]?.reference}”</span>
        <div className={css.choices}>
          {models.length > 1 && (
            <label className={css.pick}>
              model
              <select value={model} onChange={(event) => choose(event.target.value)} data-testid="drift-pick">
                {models.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
          )}
        </div>
      </header>
      <HistoryMap model={model} readings={readings} />
      <figure className={css.place} aria-label={`Drift of ${model} now, by part of the traffic`}>
        <figcaption className={css.now}>
          <h3>Now, by part of the traffic</h3>
          <Looked drift={drift} />
          <Segments<Split>
            label="Columns"
            value={split}
            onChange={setSplit}
            data-testid="drift-split"
            options={[
              ["all", "All scopes"],
              ["versions", "By version"],
              ["segments", "By segment"],
            ]}
          />
          <ChartMenu title={`Drift of ${model} now`} facts={nowFacts(readings)} copies={copiesOf(apiUrl("/api/drift", { query: { model } }))} marked={false} />
        </figcaption>
        <HeatMap model={model} readings={readings} split={split} />
        <Legend />
      </figure>
      <Detail model={model} readings={readings} />
    </section>
  );
}

function nowFacts(readings: readonly Reading[]): Fact[] {
  const few = readings.filter(({ verdict }) => verdict === "too_few").length;
  const rows = Math.max(0, ...readings.map((one) => one.rows));
  return [
    ["Samples", `${readings.length} comparisons of up to ${formatCount(rows)} rows`],
    ["Weight", "1: each prediction is counted where it is made"],
    ["Error", "a cell opens the 95 % interval of its PSI; what chance alone passes is the unit"],
    ["Gaps", few ? `${few} with fewer than 100 rows: nothing is said of their distribution` : "none"],
    ["Unit", "multiples of the PSI that chance alone passes; shares in percent"],
  ];
}

const RECORD = [
  "import vario",
  "",
  'vario.configure(service="ml-infer", model="recommender", version="v23", region="eu-west")',
  'vario.record_prediction(features={"age": 41, "country": "de"}, prediction=0.87)',
].join("\n");

function Nothing({ silent }: { silent: readonly string[] }) {
  if (silent.length > 0) {
    return (
      <Empty title={`No features of ${silent.join(", ")} came in the last minutes`}>
        There is a reference, and nothing to compare with it: does the service still call{" "}
        <code>vario.record_prediction</code>? Live features are judged once a minute.
      </Empty>
    );
  }
  return (
    <Empty title="No model has said what its features are">
      <p className={css.first}>
        One call for each prediction. No row leaves the process: features are counted where they are, and compared
        here by version and by region.
      </p>
      <Snippet label="lines of Python" text={RECORD} />
    </Empty>
  );
}

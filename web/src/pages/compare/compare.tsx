import { useEffect } from "react";
import { ApiError } from "../../api/client";
import { useServices } from "../../api/queries";
import { useComparison, useKeepComparison, type ReleaseComparison, type ReleasesAsked } from "../../api/releases";
import type { Service } from "../../api/shapes";
import { Segments } from "../../ui/chip";
import { Snippet } from "../../ui/copy";
import { BadIcon, OkIcon, SilentIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { LookBack } from "../../ui/look-back";
import { Pick } from "../../ui/pick";
import { Answer, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { formatCount, formatDuration, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { setParams, useChoice, useParam } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import { Features } from "./features";
import { Forest } from "./forest";
import { sayVerdict } from "./words";
import css from "./compare.module.css";

const ALLOWED = ["0.05", "0.1", "0.2", "0.5"] as const;
const ERRORS_ALLOWED = 0.005;
const VERDICTS = { fail: BadIcon, pass: OkIcon, inconclusive: SilentIcon } as const;

export default function ComparePage() {
  const query = useServices();
  return (
    <>
      <PageHeader title="Compare releases" heading={<h1>Compare releases</h1>} controls={<TimePicker />} />
      <Answer query={query} loading={<Loading rows={10} label="the releases" />}>
        {({ services }) =>
          services.length ? (
            <Chosen services={services} />
          ) : (
            <LookBack title="No requests in this time window">A comparison needs two releases that answered requests.</LookBack>
          )
        }
      </Answer>
    </>
  );
}

/** The versions of a service, the oldest first. */
function versionsOf(services: readonly Service[], service: string, model: string): string[] {
  const seen = new Map<string, number>();
  for (const row of services) {
    if (row.service !== service || (model && row.model !== model)) continue;
    for (const { version, first_seen: at } of row.versions) {
      if (version) seen.set(version, Math.min(at, seen.get(version) ?? Infinity));
    }
  }
  return [...seen].sort(([, a], [, b]) => a - b).map(([version]) => version);
}

function Chosen({ services }: { services: readonly Service[] }) {
  const names = [...new Set(services.map((one) => one.service))];
  // One that has two releases; else one that serves a model, where releases come first.
  const rank = (name: string) =>
    2 * Math.min(2, versionsOf(services, name, "").length) + Number(services.some((one) => one.service === name && one.model));
  const likely = names.toSorted((a, b) => rank(b) - rank(a))[0];
  const [service] = useParam("service", likely ?? "");
  const [model, setModel] = useParam("model", "");
  const [baseline, setBaseline] = useParam("baseline", "");
  const [candidate, setCandidate] = useParam("candidate", "");
  const [by, setBy] = useChoice("by", ["region", "operation"], "region");
  const [allowed, setAllowed] = useChoice("allowed", ALLOWED, "0.1");
  const asked: ReleasesAsked = { service, model, baseline, candidate, by, max_latency: Number(allowed) };
  const query = useComparison(asked);
  const keep = useKeepComparison();
  const { data } = query;
  const found = data && !query.isPlaceholderData && data.service === service ? data : null;
  // What the server chose is written into the address, so that a link shows the same tomorrow.
  useEffect(() => {
    if (!found || (found.baseline === asked.baseline && found.candidate === asked.candidate)) return;
    keep({ ...asked, baseline: found.baseline, candidate: found.candidate }, found);
    setParams({ service, baseline: found.baseline, candidate: found.candidate }, { replace: true });
  });
  const models = [...new Set(services.filter((one) => one.service === service).map((one) => one.model))];
  const versions = versionsOf(services, service, model);
  const missing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <>
      <div className={css.bar}>
        <Pick
          label="Service"
          value={service}
          options={names}
          onChange={(next) => setParams({ service: next, model: null, baseline: null, candidate: null })}
          data-testid="compare-service"
        />
        {models.length > 1 && (
          <Pick label="Model" value={model} options={[["", "all"], ...models.filter(Boolean)]} onChange={setModel} />
        )}
        <Pick label="Baseline" value={baseline} options={versions} onChange={setBaseline} data-testid="baseline" />
        <button
          type="button"
          className={css.swap}
          aria-label="Swap the releases"
          title="Swap the releases"
          onClick={() => setParams({ baseline: candidate, candidate: baseline })}
        >
          ⇄
        </button>
        <Pick label="Candidate" value={candidate} options={versions} onChange={setCandidate} data-testid="candidate" />
        <Segments
          label="Tell apart"
          value={by}
          onChange={setBy}
          options={[["region", "By region"], ["operation", "By operation"]]}
        />
        <Pick
          label="Allowed"
          value={allowed}
          options={ALLOWED.map((share) => [share, `+${Number(share) * 100}\u202f% latency`] as const)}
          onChange={(next) => setAllowed(next as typeof allowed)}
        />
      </div>
      {missing ? (
        <LookBack title={versions.length > 1 ? "These releases are not in this time window" : "Only one release answered in this time window"}>
          {query.error?.message}
          {versions.length > 1 && (
            <p>
              <button type="button" className={css.swap} onClick={() => setParams({ baseline: null, candidate: null })}>
                Compare the two newest
              </button>
            </p>
          )}
        </LookBack>
      ) : (
        <Answer query={query} loading={<Loading rows={10} label="the comparison" />}>
          {(found) => <Found found={found} by={by} allowed={Number(allowed)} />}
        </Answer>
      )}
    </>
  );
}

function Found({ found, by, allowed }: { found: ReleaseComparison; by: string; allowed: number }) {
  const Icon = VERDICTS[found.verdict];
  const window = useTimeWindow();
  const whole = found.parts[0];
  const since = /^now-\w+$/.test(window.from) && window.live ? ` --since ${window.from.slice(4)}` : "";
  return (
    <div className={css.page}>
      <section className={css.verdict} data-verdict={found.verdict} data-testid="compare-verdict">
        <Icon size={20} />
        <div>
          <h2>{sayVerdict(found)}</h2>
          <ul>
            {found.summary.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
          <p className={css.note}>
            {whole && `${formatCount(whole.baseline_requests)} requests of ${found.baseline}, ${formatCount(whole.candidate_requests)} of ${found.candidate}`}
            {found.side_by_side ? ", side by side" : ", one after the other"} in {found.blocks} blocks of{" "}
            {formatDuration(seconds(found.block))}, in the baseline's mix of traffic.{" "}
            <Link to={paths.service(found.service)} params={{ by: "model_version" }}>
              {found.service} by version
            </Link>
          </p>
        </div>
      </section>
      <Forest found={found} by={by} allowed={{ s: allowed, "1": ERRORS_ALLOWED }} />
      <Features found={found} />
      <section className={css.card}>
        <header>
          <h2>How sure this is</h2>
        </header>
        <p className={css.note}>
          A bar is the interval that holds the true change in 95 of 100 cases (wider for single places, because there are many). It is worse where
          the whole bar lies right of 0 and the dot right of what is allowed; as good where the whole bar lies left of what is allowed.
        </p>
        {found.notes.length > 0 && (
          <ul className={css.notes}>
            {found.notes.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        )}
        <Snippet
          label="the same as a command, for a gate in CI"
          text={`vario compare --service ${found.service} --versions ${found.baseline} ${found.candidate} --by ${by} --max-latency ${allowed}${since}`}
        />
      </section>
    </div>
  );
}

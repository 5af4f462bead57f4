import type { Drift, Finding, Reading } from "../../api/drift";
import { Chip } from "../../ui/chip";
import { OkIcon } from "../../ui/icons";
import { useMoments } from "../../ui/moments";
import { formatAgo, formatCount, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { ALL } from "./cells";
import { Verdict } from "./verdicts";
import css from "./drift.module.css";

/** What is to be told, in words; or that nothing is. */
export function Findings({ drift }: { drift: Drift }) {
  if (drift.findings.length === 0) return <AllWell readings={drift.readings} />;
  return (
    <section aria-label="What drifts" className={css.findings} data-testid="drift-findings">
      <ul>
        {drift.findings.map((finding) => (
          <Told
            key={`${finding.model_name} ${finding.model_version} ${finding.feature} ${finding.kind}`}
            finding={finding}
            readings={drift.readings}
          />
        ))}
      </ul>
    </section>
  );
}

function AllWell({ readings }: { readings: readonly Reading[] }) {
  const features = new Set(readings.map(({ model_name, feature }) => `${model_name} ${feature}`)).size;
  const judged = readings.filter(({ verdict }) => verdict !== "too_few").length;
  return (
    <p className={css.well} data-testid="drift-well">
      <OkIcon size={20} />
      <strong>{judged ? "Nothing drifts." : "Too few predictions to say anything yet."}</strong>
      <span className={css.faint}>
        {formatCount(features)} {features === 1 ? "feature" : "features"}, {formatCount(readings.length)} comparisons,{" "}
        {formatCount(judged)} with 100 rows or more
      </span>
    </p>
  );
}

function Told({ finding, readings }: { finding: Finding; readings: readonly Reading[] }) {
  const { moment, zone } = useMoments();
  const since = seconds(finding.since);
  const shown = findCell(finding, readings);
  return (
    <li className={css.finding} data-kind={finding.kind} data-testid="drift-finding">
      <div className={css.kind}>
        <Verdict verdict={finding.kind} />
      </div>
      <div className={css.said}>
        <p>{finding.text}</p>
        <p className={css.about}>
          <Chip title="Model">{finding.model_name}</Chip>
          {finding.model_version !== ALL && <Chip title="Version">{finding.model_version}</Chip>}
          {finding.segments.map((segment) => (
            <Chip key={segment} title="Where">
              {segment}
            </Chip>
          ))}
          <span>
            since {moment(since)} {zone === "utc" ? "UTC" : ""} ({formatAgo(since, seconds(Date.now() / 1000))})
          </span>
        </p>
      </div>
      {shown && (
        <Link
          to={paths.drift}
          params={cellParams(shown)}
          className={css.compare}
          aria-label={`Compare ${finding.feature} with its reference`}
        >
          Compare
        </Link>
      )}
    </li>
  );
}

/** The reading that shows a finding best: its own version, and the first place that has it. */
function findCell(finding: Finding, readings: readonly Reading[]): Reading | undefined {
  const own = readings.filter(
    (reading) =>
      reading.model_name === finding.model_name &&
      reading.model_version === finding.model_version &&
      reading.feature === finding.feature,
  );
  return own.find(({ value }) => value === (finding.segments[0] ?? "")) ?? own[0];
}

/** Settings of the page that open a reading. */
export function cellParams(reading: Reading) {
  return {
    model: reading.model_name,
    feature: reading.feature,
    version: reading.model_version === ALL ? null : reading.model_version,
    segment: reading.segment || null,
    value: reading.value || null,
    at: null,
    step: null,
  };
}

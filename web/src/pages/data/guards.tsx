import type { Guard } from "../../api/stored";
import { useMoments } from "../../ui/moments";
import { formatCount, seconds } from "../../units";
import { Card, Table } from "./table";
import css from "./data.module.css";

/** What the guards did at the doors, and what to do about it. */
export function Guards({ guard }: { guard: Guard }) {
  const { moment } = useMoments();
  return (
    <>
      <Card id="data-personal" title="Personal data and secrets" note="no value is ever shown">
        <Table
          label="Personal data and secrets"
          columns={["detector", "field", "service", "signal", "done", "#times", "last", "advice"]}
          rows={guard.found.map((one) => [
            one.detector, <code>{one.field}</code>, one.service, one.signal, one.mode, formatCount(one.count),
            moment(seconds(one.last)), <span className={css.wrap}>{one.advice}</span>,
          ])}
          empty={
            guard.personal_data
              ? "None was found in what came in."
              : "Nobody looks: set guard.personal_data = true to have it found before it is stored."
          }
        />
      </Card>
      <Card id="data-folds" title="Folded labels" note="values past their budget become __overflow__">
        <Table
          label="Folded labels"
          columns={["label", "metric", "services", "#values", "#budget", "#points folded", "since", "such as", "advice"]}
          rows={guard.folds.map((one) => [
            one.label, one.metric, one.services.join(", "), formatCount(one.values), formatCount(one.budget),
            formatCount(one.points), moment(seconds(one.since)), <code>{one.samples.slice(0, 3).join(", ")}</code>,
            <span className={css.wrap}>{one.advice}</span>,
          ])}
          empty={
            guard.cardinality
              ? "Every label is within its budget."
              : "Nobody counts: set guard.cardinality = true to fold labels past their budget."
          }
        />
        {guard.sdk_overflows.map((one) => (
          <p key={one.metric} className={css.none}>
            {one.metric} of {one.services.join(", ")} was folded by its own SDK (<code>otel.metric.overflow</code>):
            record fewer attributes there, or raise the SDK’s limit.
          </p>
        ))}
      </Card>
    </>
  );
}

import type { Retention } from "../../api/stored";
import { useMoments } from "../../ui/moments";
import { formatBytes, formatCount, formatDuration, seconds } from "../../units";
import { Card, Table } from "./table";
import css from "./data.module.css";

const REASONS: Record<string, string> = {
  age: "older than it is kept",
  service: "older than its service keeps it",
  budget: "over the disk budget",
  downsampled: "thinned out",
};

/** How long data is kept, and what went and why. */
export function Kept({ retention }: { retention: Retention }) {
  const { moment } = useMoments();
  const days = (value: number) => (value ? `${value} days` : "as all others");
  const after = retention.downsample_after_days;
  return (
    <>
      <Card id="data-retention" title="How long it is kept">
        <p className={css.none}>
          {retention.max_disk ? `Above ${retention.max_disk} on disk` : "With a disk budget (vario up --max-disk 20GB)"}{" "}
          whole days go in this order: {retention.drop_first.join(", ")}.{" "}
          {after
            ? `Metrics older than ${after} days are thinned out to one interval of ${formatDuration(seconds(retention.downsample_interval_s))}.`
            : "Metrics are not thinned out with age."}
        </p>
        <Table
          label="How long it is kept"
          columns={["whose", "metrics", "logs", "traces"]}
          rows={[
            ["all services", ...["metrics", "logs", "traces"].map((kind) => days(retention.days[kind] ?? 0))],
            ...retention.services.map((one) => [
              one.service, days(one.metrics_days), days(one.logs_days), days(one.traces_days),
            ]),
          ]}
          empty=""
        />
      </Card>
      <Card id="data-removed" title="What was removed, and why">
        <Table
          label="What was removed, and why"
          columns={["signal", "day", "why", "#rows", "#on disk", "removed", "detail"]}
          rows={retention.removed.map((one) => [
            one.kind, one.day || "all days", REASONS[one.reason] ?? one.reason, formatCount(one.rows),
            formatBytes(one.bytes), moment(seconds(one.at)), one.detail,
          ])}
          empty="Nothing was removed yet."
        />
      </Card>
    </>
  );
}

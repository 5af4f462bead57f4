import { useGuard, useStored, type Guard, type Stored } from "../../api/stored";
import { CopyButton } from "../../ui/copy";
import { OkIcon, WarnIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { Answer, Empty, Loading } from "../../ui/states";
import { formatBytes, formatCount, formatRatio, ratio } from "../../units";
import { Link, paths } from "../../url/link";
import { adviseCuts } from "./advice";
import { Growth } from "./growth";
import { Guards } from "./guards";
import { Kept } from "./kept";
import { Card, Table } from "./table";
import css from "./data.module.css";

const SHOWN = 12;

export default function DataPage() {
  const stored = useStored();
  const guard = useGuard();
  return (
    <>
      <PageHeader title="Data" heading={<h1>Data</h1>} />
      <div className={css.page}>
        <Answer query={stored} loading={<Loading rows={10} label="what is stored" />}>
          {(data) => (data.used_bytes ? <Everything stored={data} guard={guard.data} /> : <Nothing />)}
        </Answer>
        {stored.data && (
          <Answer query={guard} loading={<Loading rows={3} label="the guards" />}>
            {(found) => <Guards guard={found} />}
          </Answer>
        )}
      </div>
    </>
  );
}

function Nothing() {
  return (
    <Empty title="Nothing is stored yet">
      Send telemetry, and what it takes on disk is shown here. <Link to={paths.overview}>How to send it</Link>
    </Empty>
  );
}

function Everything({ stored, guard }: { stored: Stored; guard: Guard | undefined }) {
  const { kinds, services, metrics, labels, used_bytes: used } = stored;
  return (
    <div className={css.page}>
      <Disk stored={stored} />
      <Cuts stored={stored} guard={guard} />
      <Growth growth={stored.growth} />
      <Card id="data-kinds" title="By signal">
        <Table
          label="By signal"
          columns={["signal", "#rows", "#on disk", "#share", "#growth a day", "#kept, days"]}
          rows={kinds.map((one) => [
            one.kind, formatCount(one.rows), formatBytes(one.bytes), <Part share={used ? one.bytes / used : 0} />,
            formatBytes(one.growth_bytes), one.days_kept,
          ])}
          empty="Nothing is stored yet."
        />
      </Card>
      <Card id="data-services" title="By service" note="largest first; bytes by its share of the rows">
        <Table
          label="By service"
          columns={["service", "signal", "#rows", "#on disk", "#share"]}
          rows={services.slice(0, SHOWN).map((one) => [
            one.service ? <Link to={paths.service(one.service)}>{one.service}</Link> : "no service named",
            one.kind, formatCount(one.rows), formatBytes(one.bytes), <Part share={used ? one.bytes / used : 0} />,
          ])}
          empty="No service has stored anything."
        />
      </Card>
      <div className={css.pair}>
        <Card id="data-metrics" title="By metric" note="most samples in the last hour first">
          <Table
            label="By metric"
            columns={["metric", "#samples", "#series"]}
            rows={metrics.slice(0, SHOWN).map((one) => [one.metric, formatCount(one.samples), formatCount(one.series)])}
            empty="No metric came in the last hour."
          />
        </Card>
        <Card id="data-labels" title="By label" note="most values first">
          <Table
            label="By label"
            columns={["label", "metric", "#values", "#series"]}
            rows={labels.slice(0, SHOWN).map((one) => [
              one.label, one.metric, formatCount(one.values), formatCount(one.series),
            ])}
            empty="No metric came in the last hour."
          />
        </Card>
      </div>
      <Kept retention={stored.retention} />
    </div>
  );
}

/** A share of the disk as a number and a bar. */
function Part({ share }: { share: number }) {
  return (
    <span className={css.part}>
      <span aria-hidden="true">
        <i style={{ width: `${share * 100}%` }} />
      </span>
      {formatRatio(ratio(share))}
    </span>
  );
}

/** How full the disk is, and how long it lasts. */
function Disk({ stored }: { stored: Stored }) {
  const { used_bytes: used, budget_bytes: budget, free_bytes: free, over_bytes: over, days_left: left } = stored;
  const tight = over > 0 || (left !== null && left < 7);
  const Icon = tight ? WarnIcon : OkIcon;
  return (
    <section className={css.disk} data-tight={tight || undefined} aria-label="Disk" data-testid="data-disk">
      <Icon size={20} />
      <strong>{formatBytes(used)} stored</strong>
      <span>{budget === null ? "no disk budget" : `of a budget of ${formatBytes(budget)}`}</span>
      {free !== null && <span>{formatBytes(free)} free on the disk</span>}
      <span>
        {left === null ? "retention keeps the disk from filling up" : `at this growth the disk is full in ${left} days`}
      </span>
      {over > 0 && <span>{formatBytes(over)} over the budget: only today is left</span>}
      {budget !== null && (
        <meter className={css.meter} min={0} max={budget} value={used} aria-label="Part of the disk budget in use">
          {formatRatio(ratio(used / budget))}
        </meter>
      )}
    </section>
  );
}

function Cuts({ stored, guard }: { stored: Stored; guard: Guard | undefined }) {
  return (
    <Card id="data-cuts" title="What to cut first" note="largest first; savings are on disk, once every day that is kept is full">
      <Table
        label="What to cut first"
        columns={["what", "#saves about", "why", "how", "setting"]}
        rows={adviseCuts(stored, guard).map(({ what, why, saves, how, setting }) => [
          what,
          saves === null ? "not known" : formatBytes(Math.round(saves)),
          why,
          <span className={css.wrap}>{how}</span>,
          setting && (
            <span className={css.setting}>
              <code>{setting}</code>
              <CopyButton text={setting} label={`Copy the setting for ${what}`} />
            </span>
          ),
        ])}
        empty="Nothing stands out: no signal, service or label takes far more than the others."
      />
    </Card>
  );
}

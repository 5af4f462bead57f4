import { useSlos, SLO_REFRESH_S, type BurnRate, type Slo } from "../../api/slos";
import { Segments } from "../../ui/chip";
import { Snippet } from "../../ui/copy";
import { BadIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { Answer, Empty, Loading } from "../../ui/states";
import { Link, paths } from "../../url/link";
import { useChoice } from "../../url/params";
import { Budget, StateBadge, WORST_FIRST } from "./parts";
import { formatBurn, formatObjective, formatWindow, sayPromise } from "./words";
import css from "./slos.module.css";

type Shown = "all" | "attention" | "unmeasured" | "ok";
const SHOWN: readonly (readonly [Shown, string])[] = [
  ["all", "All"],
  ["attention", "Need you"],
  ["unmeasured", "Unmeasured"],
  ["ok", "Ok"],
];

export default function SlosPage() {
  const query = useSlos();
  return (
    <>
      <PageHeader title="SLOs" heading={<h1>SLOs</h1>} />
      <Answer query={query} loading={<Loading rows={8} label="the SLOs" />}>
        {({ slos, warnings }) => (
          <>
            <Warnings texts={warnings} />
            {slos.length ? <Slos slos={slos} /> : <NoSlos />}
          </>
        )}
      </Answer>
    </>
  );
}

function NoSlos() {
  return (
    <Empty title="No SLO is loaded">
      <p>
        vario proposes SLOs from what your services have sent so far. Read them, fill in the owner
        and the runbook, and start the server with them:
      </p>
      <Snippet label="commands" text={"vario init slos\nvario slo check slos/slos.yml\nvario up --slos slos/slos.yml"} />
    </Empty>
  );
}

/** What is doubtful in the files. */
export function Warnings({ texts }: { texts: readonly string[] }) {
  if (texts.length === 0) return null;
  return (
    <ul className={css.warnings} aria-label="Warnings" data-testid="slo-warnings">
      {texts.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
}

function isShown({ state }: Slo, shown: Shown): boolean {
  if (shown === "all") return true;
  return shown === "attention" ? state === "burning" || state === "exhausted" : state === shown;
}

function Slos({ slos }: { slos: readonly Slo[] }) {
  const [shown, setShown] = useChoice("state", SHOWN.map(([name]) => name), "all");
  const found = slos
    .filter((slo) => isShown(slo, shown))
    .toSorted(
      (a, b) =>
        WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state) ||
        (a.budget_left ?? 1) - (b.budget_left ?? 1),
    );
  return (
    <>
      <div className={css.bar}>
        <Segments label="Which SLOs" value={shown} onChange={setShown} options={SHOWN} data-testid="slo-shown" />
        <span className={css.note}>
          {found.length} of {slos.length}, the worst first; each over its own period, asked again every {SLO_REFRESH_S} s
        </span>
      </div>
      {found.length ? (
        <ul className={css.list} aria-label="SLOs">
          {found.map((slo) => (
            <Row key={slo.id} slo={slo} />
          ))}
        </ul>
      ) : (
        <Empty title={shown === "attention" ? "No SLO needs you" : "No SLO is in this state"}>
          <button type="button" className={css.button} onClick={() => setShown("all")}>
            Show all SLOs
          </button>
        </Empty>
      )}
    </>
  );
}

function Row({ slo }: { slo: Slo }) {
  return (
    <li className={css.row} data-testid="slo-row" data-slo={slo.id}>
      <StateBadge state={slo.state} />
      <div className={css.name}>
        <h2>
          <Link to={paths.slo(slo.id)} data-line data-testid="slo-link">
            {slo.title}
          </Link>
        </h2>
        <p>
          <Link to={paths.service(slo.service)}>{slo.service}</Link>
        </p>
        <p>
          {formatObjective(slo.objective)}: {sayPromise(slo)}
        </p>
      </div>
      <dl className={css.left}>
        <dt>Budget left</dt>
        <dd>
          <Budget left={slo.budget_left} />
        </dd>
      </dl>
      <dl className={css.burns}>
        <dt>Burn rate of threshold</dt>
        <dd>
          <Burns rates={slo.burn_rates} measured={slo.measured_now} />
        </dd>
      </dl>
      <dl className={css.who}>
        <dt>Owner</dt>
        <dd>{slo.owner || <span className={css.none}>nobody named</span>}</dd>
        <dt>Alerts</dt>
        <dd>{[...new Set(slo.burn_rates.map(({ severity }) => severity))].join(", ") || "none"}</dd>
        <dt>Runbook</dt>
        <dd>
          <Link to={paths.sloRunbook(slo.id)}>
            open<span className="visually-hidden"> the runbook of {slo.title}</span>
          </Link>
        </dd>
      </dl>
    </li>
  );
}

/** The long window of each alert against its threshold. */
function Burns({ rates, measured }: { rates: readonly BurnRate[]; measured: boolean }) {
  if (!measured) return <span className={css.none}>not measured now</span>;
  return (
    <ul className={css.rates}>
      {rates.map((rate) => (
        <li key={`${rate.severity} ${rate.long_window}`} data-burning={rate.burning} title={rate.rule}>
          <span className={css.window}>{formatWindow(rate.long_window)}</span>
          <span>
            {formatBurn(rate.long)} <span className={css.of}>of {formatBurn(rate.threshold)}</span>
          </span>
          {rate.burning && (
            <>
              <BadIcon size={14} />
              <span className="visually-hidden">burning</span>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

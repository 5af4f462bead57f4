import { useIncidents, type IncidentSummary } from "../../api/incidents";
import { Severity } from "../../alerts/badges";
import { FixBadge, StateBadge } from "../../incidents/parts";
import { OkIcon } from "../../ui/icons";
import { useMoments } from "../../ui/moments";
import { useNow } from "../../ui/now";
import { formatDuration, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import css from "./active-incidents.module.css";

/** More than these are counted. */
const LISTED = 5;

/** Those that woke somebody first, then those that nobody has mended yet; else the newest. */
function urgency({ severity, state }: IncidentSummary): number {
  return Number(severity !== "page" && severity !== "critical") * 2 + Number(state === "verifying");
}

/** What is wrong now, each in a line; or that nothing is. */
export function ActiveIncidents() {
  const { data } = useIncidents();
  if (!data) return null;
  const active = data.incidents.filter(({ state }) => state !== "resolved").toSorted((a, b) => urgency(a) - urgency(b));
  if (active.length === 0) {
    return (
      <p className={css.quiet} data-testid="all-quiet">
        <OkIcon size={15} />
        <span>
          All quiet: no incident is active. <Link to={paths.incidents} params={{ state: "all" }}>Earlier ones</Link>
        </span>
      </p>
    );
  }
  return (
    <section className={css.active} aria-label="Active incidents" data-testid="active-incidents">
      <ul>
        {active.slice(0, LISTED).map((incident) => (
          <Line key={incident.id} incident={incident} />
        ))}
      </ul>
      {active.length > LISTED && (
        <p className={css.more}>
          <Link to={paths.incidents}>and {active.length - LISTED} more</Link>
        </p>
      )}
    </section>
  );
}

function Line({ incident }: { incident: IncidentSummary }) {
  const now = useNow();
  const { clock } = useMoments();
  const lasts = formatDuration(seconds(Math.max(1, Math.round(now - incident.opened))));
  return (
    <li data-testid="active-incident">
      <span className={css.standing}>
        <StateBadge state={incident.state} />
        <Severity severity={incident.severity} />
      </span>
      <span className={css.what}>
        <Link to={paths.incident(incident.id)}>{incident.title}</Link>
        {incident.finding && <span className={css.finding}>{incident.finding}</span>}
      </span>
      <span className={css.since}>
        {incident.fix && <FixBadge verdict={incident.fix} />} since {clock(seconds(incident.opened))}, {lasts}
      </span>
    </li>
  );
}

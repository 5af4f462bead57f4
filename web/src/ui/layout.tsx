/** What stands around every page: the rail (a bar at the bottom of a phone), header and content. */

import { useEffect, type ReactNode } from "react";
import { useAlerts } from "../api/alerts";
import { useIncidents } from "../api/incidents";
import { useStatus } from "../api/queries";
import { countFiring } from "../alerts/words";
import { Link, paths } from "../url/link";
import { usePath } from "../url/location";
import { zoneName } from "./moments";
import { AlertsIcon, DataIcon, DoctorIcon, DriftIcon, HelpIcon, IncidentsIcon, LogsIcon, MetricsIcon, OverviewIcon, SlosIcon, TracesIcon } from "./icons";
import { prefer, usePreferences } from "./preferences";
import { toggleHelp } from "./shortcuts";
import { ThemeToggle } from "./theme-toggle";
import css from "./layout.module.css";

export const SECTIONS = [
  { name: "Overview", key: "o", to: paths.overview, icon: OverviewIcon, owns: /^\/($|services)/ },
  { name: "Incidents", key: "i", to: paths.incidents, icon: IncidentsIcon, owns: /^\/(incidents|investigate)/ },
  { name: "Alerts", key: "a", to: paths.alerts, icon: AlertsIcon, owns: /^\/alerts/ },
  { name: "Metrics", key: "m", to: paths.metrics, icon: MetricsIcon, owns: /^\/metrics/ },
  { name: "Traces", key: "t", to: paths.traces, icon: TracesIcon, owns: /^\/traces/ },
  { name: "Logs", key: "l", to: paths.logs, icon: LogsIcon, owns: /^\/logs/ },
  { name: "SLOs", key: "s", to: paths.slos, icon: SlosIcon, owns: /^\/slos/ },
  { name: "Drift", key: "r", to: paths.drift, icon: DriftIcon, owns: /^\/drift/ },
  { name: "Data", key: "b", to: paths.data, icon: DataIcon, owns: /^\/data/ },
  { name: "Doctor", key: "d", to: paths.doctor, icon: DoctorIcon, owns: /^\/doctor/ },
] as const;

export function Layout({ children }: { children: ReactNode }) {
  return (
    <div className={css.frame}>
      <a className={css.skip} href="#content">
        Skip to content
      </a>
      <Rail />
      <main id="content" className={css.main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Rail() {
  const path = usePath();
  return (
    <div className={css.rail}>
      <Link to={paths.overview} className={css.brand} aria-label="vario: overview">
        <Mark />
        <span>vario</span>
      </Link>
      <nav aria-label="Sections" className={css.sections}>
        {SECTIONS.map(({ name, key, to, icon: Icon, owns }) => (
          <Link
            key={name}
            to={to}
            className={css.section}
            aria-current={owns.test(path) ? "page" : undefined}
            title={`${name} (g then ${key})`}
            data-testid={`nav-${name.toLowerCase()}`}
          >
            <Icon />
            <span>{name}</span>
            {name === "Incidents" && <Active />}
            {name === "Alerts" && <Firing />}
          </Link>
        ))}
      </nav>
      <div className={css.foot}>
        <ServerState />
        <div className={css.tools}>
          <ZoneToggle />
          <ThemeToggle />
          <button
            type="button"
            className={css.tool}
            onClick={toggleHelp}
            aria-label="Keyboard shortcuts"
            title="Keyboard shortcuts (?)"
          >
            <HelpIcon />
          </button>
        </div>
      </div>
    </div>
  );
}

/** How many alerts fire that nobody has muted. */
function Firing() {
  return <Count count={countFiring(useAlerts().data?.alerts ?? [])} what="firing" />;
}

/** How many incidents are not resolved. */
function Active() {
  const incidents = useIncidents().data?.incidents ?? [];
  return <Count count={incidents.filter(({ state }) => state !== "resolved").length} what="active" />;
}

/** A number beside a name; nothing where there is none. */
function Count({ count, what }: { count: number; what: string }) {
  if (count === 0) return null;
  return (
    <span className={css.count} data-testid={`${what}-count`}>
      {count > 99 ? "99+" : count}
      <span className="visually-hidden"> {what}</span>
    </span>
  );
}

function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
      <path
        d="M5 22.5a11.5 11.5 0 1 1 22 0"
        fill="none"
        stroke="var(--line-strong)"
        strokeWidth="3"
        strokeLinecap="round"
      />
      <path d="M16 21 23 10.5" stroke="var(--accent)" strokeWidth="3.2" strokeLinecap="round" />
      <circle cx="16" cy="21" r="3" fill="var(--accent)" />
    </svg>
  );
}

function ServerState() {
  const { data, isError } = useStatus();
  if (isError) return <p className={css.lost}>server does not answer</p>;
  return (
    <p className={css.server} title={data ? `${data.store}\nOTLP ${data.otlp_http}, ${data.otlp_grpc}` : ""}>
      {data ? `vario ${data.version}` : " "}
    </p>
  );
}

function ZoneToggle() {
  const { zone } = usePreferences();
  const other = zone === "utc" ? "local" : "utc";
  return (
    <button
      type="button"
      className={css.zone}
      onClick={() => prefer({ zone: other })}
      title={`Times are in ${zoneName(zone)}. Click for ${other === "utc" ? "UTC" : "local time"}.`}
      data-testid="zone"
    >
      {zoneName(zone)}
    </button>
  );
}

interface PageHeaderProps {
  /** What the tab of the browser says before "vario". */
  title: string;
  heading: ReactNode;
  /** Where this page hangs: links above the heading. */
  trail?: ReactNode;
  /** Stands right of the heading, such as the time window. */
  controls?: ReactNode;
}

export function PageHeader({ title, heading, trail, controls }: PageHeaderProps) {
  useEffect(() => {
    document.title = title ? `${title} · vario` : "vario";
  }, [title]);
  return (
    <header className={css.header}>
      <div className={css.heading}>
        {trail && (
          <nav aria-label="Breadcrumb" className={css.trail}>
            {trail}
          </nav>
        )}
        {heading}
      </div>
      {controls && <div className={css.controls}>{controls}</div>}
    </header>
  );
}

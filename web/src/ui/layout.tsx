/** What stands around every page: the rail (a bar at the bottom of a phone), header and content. */

import { useEffect, useRef, type ReactNode } from "react";
import { useAlerts } from "../api/alerts";
import { useIncidents } from "../api/incidents";
import { useStatus } from "../api/queries";
import { countFiring } from "../alerts/words";
import { Link, paths } from "../url/link";
import { usePath } from "../url/location";
import { zoneName } from "./moments";
import { HelpIcon, SearchIcon } from "./icons";
import { More } from "./more";
import { prefer, usePreferences } from "./preferences";
import { AT_THE_THUMB, SECTIONS } from "./sections";
import { openPalette, toggleHelp } from "./shortcuts";
import { ThemeToggle } from "./theme-toggle";
import css from "./layout.module.css";

export function Layout({ children }: { children: ReactNode }) {
  const path = usePath();
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);
  // Who reads by ear or walks by Tab goes on at the new page's beginning, not in the rail.
  useEffect(() => {
    if (before.current !== path) main.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path]);
  return (
    <div className={css.frame}>
      <a className={css.skip} href="#content">
        Skip to content
      </a>
      <Rail />
      <main ref={main} id="content" className={css.main} tabIndex={-1}>
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
      <button type="button" className={css.go} onClick={openPalette} title="Go to a page, service, SLO or incident (Ctrl K)" data-testid="go">
        <SearchIcon size={14} />
        <span>Go to …</span>
        <kbd>/</kbd>
      </button>
      <nav aria-label="Sections" className={css.sections}>
        {SECTIONS.map(({ name, key, to, icon: Icon, owns }) => (
          <Link
            key={name}
            to={to}
            className={css.section}
            aria-current={owns.test(path) ? "page" : undefined}
            title={`${name} (g then ${key})`}
            data-thumb={AT_THE_THUMB.includes(name) || undefined}
            data-testid={`nav-${name.toLowerCase()}`}
          >
            <Icon />
            <span>{name}</span>
            {name === "Incidents" && <Active />}
            {name === "Alerts" && <Firing />}
          </Link>
        ))}
        <More
          className={css.section}
          tools={
            <>
              <ZoneToggle />
              <ThemeToggle />
            </>
          }
        />
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

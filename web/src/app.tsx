import { Component, lazy, Suspense, useEffect, useState, type ComponentType, type ReactNode } from "react";
import { OverviewPage } from "./pages/overview/overview";
import { Link, paths } from "./url/link";
import { navigate, usePath } from "./url/location";
import { pageHref } from "./url/params";
import { Layout, PageHeader } from "./ui/layout";
import { Shortcuts } from "./ui/shortcuts";
import { Empty, Failure, Loading } from "./ui/states";

type Page = ComponentType<{ id: string }>;

const LOADS: (() => Promise<unknown>)[] = [];

/** A page whose code comes when it is first visited, or before, see `loadPages`. */
function later(load: () => Promise<{ default: Page }>): Page {
  let loaded: Page | null = null;
  const get = async () => {
    const found = await load();
    loaded = found.default;
    return found;
  };
  LOADS.push(get);
  const Late = lazy(get);
  // React shows its fallback for a third of a second even where the code is there already.
  return function Later(props) {
    const [Shown] = useState(() => loaded ?? Late);
    return <Shown {...props} />;
  };
}

/** Gets the code of all pages, one after the other: no first visit waits for it. */
async function loadPages(): Promise<void> {
  // A page that cannot be had now is asked for again when it is visited.
  for (const load of LOADS) await load().catch(() => undefined);
}

/** Milliseconds after which the page that was asked for has what it needs. */
const SETTLED_MS = 1500;

const ServicePage = later(() => import("./pages/service/service"));
const MetricsPage = later(() => import("./pages/metrics/metrics"));
const TracesPage = later(() => import("./pages/traces/traces"));
const CompareTracesPage = later(() => import("./pages/trace/compare"));
const TracePage = later(() => import("./pages/trace/trace"));
const LogsPage = later(() => import("./pages/logs/logs"));
const IncidentsPage = later(() => import("./pages/incidents/incidents"));
const IncidentPage = later(() => import("./pages/incidents/incident"));
const InvestigatePage = later(() => import("./pages/incidents/investigate"));
const AlertsPage = later(() => import("./pages/alerts/alerts"));
const AlertPage = later(() => import("./pages/alerts/alert"));
const SlosPage = later(() => import("./pages/slos/slos"));
const SloPage = later(() => import("./pages/slos/slo"));
const DriftPage = later(() => import("./pages/drift/drift"));
const ComparePage = later(() => import("./pages/compare/compare"));
const CapacityPage = later(() => import("./pages/capacity/capacity"));
const DataPage = later(() => import("./pages/data/data"));
const DoctorPage = later(() => import("./pages/doctor/doctor"));

interface Route {
  pattern: RegExp;
  page: Page;
}

/** Every page of the UI; what the parentheses catch is given to the page. */
const ROUTES: readonly Route[] = [
  { pattern: /^\/$/, page: OverviewPage },
  { pattern: /^\/services\/(.+)$/, page: ServicePage },
  { pattern: /^\/metrics$/, page: MetricsPage },
  { pattern: /^\/traces$/, page: TracesPage },
  { pattern: /^\/traces\/compare$/, page: CompareTracesPage },
  { pattern: /^\/traces\/([^/]+)$/, page: TracePage },
  { pattern: /^\/logs$/, page: LogsPage },
  { pattern: /^\/graph$/, page: GraphPage },
  { pattern: /^\/incidents$/, page: IncidentsPage },
  { pattern: /^\/incidents\/([^/]+)$/, page: IncidentPage },
  { pattern: /^\/investigate$/, page: InvestigatePage },
  { pattern: /^\/alerts$/, page: AlertsPage },
  { pattern: /^\/alerts\/([^/]+)$/, page: AlertPage },
  { pattern: /^\/slos$/, page: SlosPage },
  { pattern: /^\/slos\/([^/]+)(?:\/runbook)?$/, page: SloPage },
  { pattern: /^\/drift$/, page: DriftPage },
  { pattern: /^\/compare$/, page: ComparePage },
  { pattern: /^\/capacity$/, page: CapacityPage },
  { pattern: /^\/data$/, page: DataPage },
  { pattern: /^\/doctor$/, page: DoctorPage },
];

function matchRoute(path: string): { page: Route["page"]; id: string } | null {
  for (const { pattern, page } of ROUTES) {
    const match = pattern.exec(path);
    if (match) return { page, id: decode(match[1] ?? "") };
  }
  return null;
}

/** A path segment as text; one that was never encoded properly stays as it is. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function App() {
  const path = usePath();
  const found = matchRoute(path);
  useEffect(() => {
    const timer = setTimeout(() => void loadPages(), SETTLED_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Layout>
      <Shortcuts />
      <Boundary key={path}>
        <Suspense fallback={<Loading label="the page" />}>
          {found ? <found.page key={path} id={found.id} /> : <NotFound path={path} />}
        </Suspense>
      </Boundary>
    </Layout>
  );
}

/** Prometheus' address of an expression, as notifications link to it. */
function GraphPage() {
  useEffect(() => {
    const expr = new URLSearchParams(location.search).get("g0.expr");
    navigate(pageHref(paths.metrics, "", { q: expr }), { replace: true });
  }, []);
  return <Loading label="the metrics" />;
}

function NotFound({ path }: { path: string }) {
  return (
    <>
      <PageHeader title="Not found" heading={<h1>Not found</h1>} />
      <Empty title={`There is no page at ${path}`}>
        <Link to={paths.overview}>Go to the overview</Link>
      </Empty>
    </>
  );
}

/**
 * Shows a fault of a page in its place, and leaves the rest of the UI usable. A page whose code
 * is gone, since the server was upgraded meanwhile, comes back by loading anew.
 */
class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return <Failure error={this.state.error} retry={() => location.reload()} />;
  }
}

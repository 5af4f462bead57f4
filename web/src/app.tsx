import { Component, lazy, Suspense, useEffect, type ComponentType, type ReactNode } from "react";
import { OverviewPage } from "./pages/overview/overview";
import { Link, paths } from "./url/link";
import { navigate, usePath } from "./url/location";
import { pageHref } from "./url/params";
import { Layout, PageHeader } from "./ui/layout";
import { Shortcuts } from "./ui/shortcuts";
import { Empty, Failure, Loading } from "./ui/states";

const ServicePage = lazy(() => import("./pages/service/service"));
const MetricsPage = lazy(() => import("./pages/metrics/metrics"));
const TracesPage = lazy(() => import("./pages/traces/traces"));
const CompareTracesPage = lazy(() => import("./pages/trace/compare"));
const TracePage = lazy(() => import("./pages/trace/trace"));
const LogsPage = lazy(() => import("./pages/logs/logs"));
const IncidentsPage = lazy(() => import("./pages/incidents/incidents"));
const IncidentPage = lazy(() => import("./pages/incidents/incident"));
const InvestigatePage = lazy(() => import("./pages/incidents/investigate"));
const AlertsPage = lazy(() => import("./pages/alerts/alerts"));
const AlertPage = lazy(() => import("./pages/alerts/alert"));
const SlosPage = lazy(() => import("./pages/slos/slos"));
const SloPage = lazy(() => import("./pages/slos/slo"));
const DriftPage = lazy(() => import("./pages/drift/drift"));
const ComparePage = lazy(() => import("./pages/compare/compare"));
const CapacityPage = lazy(() => import("./pages/capacity/capacity"));
const DataPage = lazy(() => import("./pages/data/data"));
const DoctorPage = lazy(() => import("./pages/doctor/doctor"));

interface Route {
  pattern: RegExp;
  page: ComponentType<{ id: string }>;
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

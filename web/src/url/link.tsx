import type { AnchorHTMLAttributes, MouseEvent, Ref } from "react";
import { navigate, useSearch } from "./location";
import { pageHref, type Params } from "./params";

interface LinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  to: string;
  params?: Params | undefined;
  ref?: Ref<HTMLAnchorElement>;
  "data-testid"?: string;
}

/** True where the browser itself should open a link: in a new tab or window, or to save it. */
export function opensElsewhere(event: MouseEvent): boolean {
  return event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
}

/** A link to a page of the UI; the time window travels along unless `params` says another. */
export function Link({ to, params, onClick, ...rest }: LinkProps) {
  const href = pageHref(to, useSearch(), params);
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        onClick?.(event);
        if (event.defaultPrevented || opensElsewhere(event)) return;
        event.preventDefault();
        navigate(href);
      }}
    />
  );
}

/** Where things live: every path of the UI is written here and nowhere else. */
export const paths = {
  overview: "/",
  metrics: "/metrics",
  service: (service: string) => `/services/${encodeURIComponent(service)}`,
  traces: "/traces",
  trace: (traceId: string) => `/traces/${encodeURIComponent(traceId)}`,
  compareTraces: "/traces/compare",
  logs: "/logs",
  incidents: "/incidents",
  incident: (id: string) => `/incidents/${encodeURIComponent(id)}`,
  investigate: "/investigate",
  alerts: "/alerts",
  alert: (id: string) => `/alerts/${encodeURIComponent(id)}`,
  slos: "/slos",
  slo: (id: string) => `/slos/${encodeURIComponent(id)}`,
  sloRunbook: (id: string) => `/slos/${encodeURIComponent(id)}/runbook`,
  drift: "/drift",
  compare: "/compare",
  capacity: "/capacity",
  data: "/data",
  doctor: "/doctor",
};

/** Every section of the UI: its name, the key that leads there after `g`, and the pages that are part of it. */

import { paths } from "../url/link";
import {
  AlertsIcon, CapacityIcon, DataIcon, DoctorIcon, DriftIcon, IncidentsIcon, LogsIcon, MetricsIcon, OverviewIcon,
  ReleasesIcon, SlosIcon, TracesIcon,
} from "./icons";

export const SECTIONS = [
  { name: "Overview", key: "o", to: paths.overview, icon: OverviewIcon, owns: /^\/($|services)/ },
  { name: "Incidents", key: "i", to: paths.incidents, icon: IncidentsIcon, owns: /^\/(incidents|investigate)/ },
  { name: "Alerts", key: "a", to: paths.alerts, icon: AlertsIcon, owns: /^\/alerts/ },
  { name: "Metrics", key: "m", to: paths.metrics, icon: MetricsIcon, owns: /^\/metrics/ },
  { name: "Traces", key: "t", to: paths.traces, icon: TracesIcon, owns: /^\/traces/ },
  { name: "Logs", key: "l", to: paths.logs, icon: LogsIcon, owns: /^\/logs/ },
  { name: "SLOs", key: "s", to: paths.slos, icon: SlosIcon, owns: /^\/slos/ },
  { name: "Drift", key: "r", to: paths.drift, icon: DriftIcon, owns: /^\/drift/ },
  { name: "Releases", key: "c", to: paths.compare, icon: ReleasesIcon, owns: /^\/compare/ },
  { name: "Capacity", key: "p", to: paths.capacity, icon: CapacityIcon, owns: /^\/capacity/ },
  { name: "Data", key: "b", to: paths.data, icon: DataIcon, owns: /^\/data/ },
  { name: "Doctor", key: "d", to: paths.doctor, icon: DoctorIcon, owns: /^\/doctor/ },
] as const;

/** What a person on call needs on a phone, at the thumb; the rest is one tap away. */
export const AT_THE_THUMB: readonly string[] = ["Overview", "Incidents", "Alerts", "Traces", "Logs"];

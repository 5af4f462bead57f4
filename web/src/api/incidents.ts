/** Incidents, investigations and the proof of a fix. */

import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { useTimeWindow } from "../url/window";
import { apiUrl, change, get, type Shapes } from "./client";

export type Incident = Shapes["IncidentOut"];
export type IncidentSummary = Shapes["IncidentSummaryOut"];
export type IncidentState = Incident["state"];
export type Investigation = Shapes["InvestigationOut"];
export type Verdict = Investigation["verdict"];
export type Suspect = Shapes["SuspectOut"];
export type RuledOut = Shapes["RuledOutOut"];
export type Evidence = Shapes["EvidenceOut"];
export type Effect = Shapes["EffectOut"];
export type LogLine = Shapes["LogLineOut"];
export type Moment = Shapes["MomentOut"];
export type Verification = Shapes["VerificationOut"];
export type FixVerdict = Verification["verdict"];

const REFRESH_MS = 5_000;

export type Shown = "active" | "resolved" | "all";

/** Incidents, those that are not resolved first. */
export function useIncidents() {
  return useQuery({
    queryKey: ["incidents", "list"],
    queryFn: ({ signal }) => get("/api/incidents", { query: { state: "all", limit: 200 }, signal }),
    refetchInterval: REFRESH_MS,
  });
}

/** The services that an incident is open of; none where the window is not of now. */
export function useTroubled(): ReadonlySet<string> {
  const { live } = useTimeWindow();
  const { data } = useIncidents();
  return useMemo(
    () => new Set(live ? data?.incidents.filter(({ state }) => state !== "resolved").map(({ service }) => service) : []),
    [live, data],
  );
}

export function useIncident(id: string) {
  return useQuery({
    queryKey: ["incidents", "one", id],
    queryFn: ({ signal }) => get("/api/incidents/{incident_id}", { path: { incident_id: id }, signal }),
    refetchInterval: REFRESH_MS,
  });
}

export interface Asked {
  service: string;
  symptom: string;
  model: string;
  start: string;
  end: string;
  alert_id: string;
  slo: string;
  expression: string;
  scope: readonly string[];
}

/** An answer is not asked for again by itself: it is about one window. */
export function useInvestigation(asked: Asked) {
  return useQuery({
    queryKey: ["investigate", asked],
    queryFn: ({ signal }) => get("/api/investigate", { query: { ...asked, symptom: asked.symptom || null }, signal }),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    placeholderData: () => undefined,
  });
}

/** A piece of evidence over time, and where it is asked for again. */
export function usePicture({ language, query, unit }: Evidence, start: number, end: number) {
  const asked = { language, query, unit, start: String(start), end: String(end) };
  const answer = useQuery({
    queryKey: ["picture", asked],
    queryFn: ({ signal }) => get("/api/evidence/picture", { query: asked, signal }),
    staleTime: 60_000,
    placeholderData: () => undefined,
  });
  return { query: answer, url: apiUrl("/api/evidence/picture", { query: asked }) };
}

const at = (id: string) => ({ path: { incident_id: id } });

export const investigateAgain = (id: string) => change("post", "/api/incidents/{incident_id}/investigate", at(id));

export const claimFix = (id: string, by: string, when: string, note: string) =>
  change("post", "/api/incidents/{incident_id}/fixed", { ...at(id), body: { by, at: when, note } });

export const withdrawFix = (id: string) => change("delete", "/api/incidents/{incident_id}/fixed", at(id));

export const addNote = (id: string, by: string, text: string) =>
  change("post", "/api/incidents/{incident_id}/note", { ...at(id), body: { by, text } });

export const acknowledgeIncident = (id: string, by: string) =>
  change("post", "/api/incidents/{incident_id}/acknowledge", { ...at(id), body: { by } });

export const withdrawIncident = (id: string) => change("delete", "/api/incidents/{incident_id}/acknowledge", at(id));

export const resolveIncident = (id: string, by: string, note: string) =>
  change("post", "/api/incidents/{incident_id}/resolve", { ...at(id), body: { by, note } });

/** Where the report of an incident is downloaded from. */
export function reportUrl(id: string, format: "markdown" | "html"): string {
  return apiUrl("/api/incidents/{incident_id}/report", { ...at(id), query: { format } });
}

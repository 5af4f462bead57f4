/** Questions about alerts, silences and notifications, and what people decide about them. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { change, get, type Shapes } from "./client";

export type Alert = Shapes["AlertOut"];
export type AlertState = Alert["state"];
export type AlertEvent = Shapes["AlertEventOut"];
export type Delivery = Shapes["DeliveryOut"];
export type DeliveryStatus = Delivery["status"];
export type Receiver = Shapes["ReceiverOut"];
export type Silence = Shapes["SilenceOut"];
export type SilenceIn = Shapes["SilenceIn"];
export type Maintenance = Shapes["MaintenanceOut"];
export type MaintenanceIn = Shapes["MaintenanceIn"];
export type Condition = Shapes["ConditionOut"];

const REFRESH_MS = 5_000;
/** How far back the history of an alert is shown. */
export const HISTORY_FROM = "now-30d";

export function useAlerts() {
  return useQuery({
    queryKey: ["alerts", "list"],
    queryFn: ({ signal }) => get("/api/alerts", { signal }),
    refetchInterval: REFRESH_MS,
  });
}

/** The alerts that matchers match; not asked while there are none. */
export function useMatching(matchers: readonly string[]) {
  return useQuery({
    queryKey: ["alerts", "matching", matchers],
    queryFn: ({ signal }) => get("/api/alerts", { query: { matcher: matchers }, signal }),
    enabled: matchers.length > 0,
  });
}

export function useAlert(id: string) {
  return useQuery({
    queryKey: ["alerts", "one", id],
    queryFn: ({ signal }) => get("/api/alerts/{alert_id}", { path: { alert_id: id }, signal }),
    refetchInterval: REFRESH_MS,
  });
}

export function useAlertHistory(id: string) {
  return useQuery({
    queryKey: ["alerts", "history", id],
    queryFn: ({ signal }) => get("/api/alerts/history", { query: { id, start: HISTORY_FROM, limit: 200 }, signal }),
    refetchInterval: REFRESH_MS,
  });
}

export function useDeliveries(search: { status?: string; alert?: string }) {
  return useQuery({
    queryKey: ["alerts", "deliveries", search],
    queryFn: ({ signal }) => get("/api/alerts/deliveries", { query: { ...search, limit: 200 }, signal }),
    refetchInterval: REFRESH_MS,
  });
}

export function useReceivers() {
  return useQuery({
    queryKey: ["alerts", "receivers"],
    queryFn: ({ signal }) => get("/api/alerts/receivers", { signal }),
    refetchInterval: REFRESH_MS,
  });
}

export function useSilences() {
  return useQuery({
    queryKey: ["alerts", "silences"],
    queryFn: ({ signal }) => get("/api/silences", { signal }),
    refetchInterval: REFRESH_MS,
  });
}

export function useMaintenance() {
  return useQuery({
    queryKey: ["alerts", "maintenance"],
    queryFn: ({ signal }) => get("/api/maintenance", { signal }),
    refetchInterval: REFRESH_MS,
  });
}

/** A change after which everything about alerts and incidents is asked for again. */
export function useAlertChange<Given, Answered>(act: (given: Given) => Promise<Answered>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () =>
      Promise.all(["alerts", "incidents"].map((name) => client.invalidateQueries({ queryKey: [name] }))),
  });
}

export const acknowledge = (id: string, author: string, comment: string) =>
  change("post", "/api/alerts/{alert_id}/acknowledge", { path: { alert_id: id }, body: { author, comment } });

export const withdraw = (id: string) =>
  change("delete", "/api/alerts/{alert_id}/acknowledge", { path: { alert_id: id } });

export const putSilence = (body: SilenceIn) => change("post", "/api/silences", { body });

export const expireSilence = (id: string) =>
  change("delete", "/api/silences/{silence_id}", { path: { silence_id: id } });

export const addMaintenance = (body: MaintenanceIn) => change("post", "/api/maintenance", { body });

export const removeMaintenance = (id: string) =>
  change("delete", "/api/maintenance/{window_id}", { path: { window_id: id } });

export const retryDelivery = (id: string) =>
  change("post", "/api/alerts/deliveries/{delivery_id}/retry", { path: { delivery_id: id } });

export const testReceiver = (name: string) =>
  change("post", "/api/alerts/receivers/{name}/test", { path: { name } });

/** The order of the overview's rows. */

import type { Service } from "../../api/shapes";
import { WORST_FIRST, type Verdict } from "../../ui/verdict";

export const COLUMNS = ["status", "service", "p50", "p95", "p99", "errors", "traffic"] as const;
export type Column = (typeof COLUMNS)[number];

export interface Sorting {
  column: Column;
  descending: boolean;
}

/** Numbers are wanted largest first, names and states in their order. */
export function startsDescending(column: Column): boolean {
  return column !== "status" && column !== "service";
}

/** Reads `p95` or `-p95`; the minus means descending. */
export function parseSorting(text: string): Sorting {
  const column = text.replace(/^-/, "") as Column;
  if (!COLUMNS.includes(column)) return { column: "status", descending: false };
  return { column, descending: text.startsWith("-") };
}

export function formatSorting({ column, descending }: Sorting): string {
  return descending ? `-${column}` : column;
}

type Judge = (service: Service) => Verdict;

function keyOf(service: Service, column: Column, judge: Judge): number | string {
  switch (column) {
    case "status":
      return WORST_FIRST.indexOf(judge(service));
    case "service":
      return `${service.service} ${service.model}`;
    case "errors":
      return service.error_ratio;
    case "traffic":
      return service.rate;
    default:
      return service[column];
  }
}

/** Rows in order; equal ones by name, so that a refresh never shuffles them. */
export function sortServices(services: readonly Service[], sorting: Sorting, judge: Judge): Service[] {
  const sign = sorting.descending ? -1 : 1;
  const keyed = services.map((service) => ({
    service,
    key: keyOf(service, sorting.column, judge),
    name: `${service.service} ${service.model}`,
  }));
  keyed.sort((a, b) => {
    if (a.key !== b.key) return sign * (a.key < b.key ? -1 : 1);
    return a.name < b.name ? -1 : 1;
  });
  return keyed.map(({ service }) => service);
}

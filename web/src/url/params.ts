/** View settings in the query string. */

import { useCallback } from "react";
import { navigate, useSearch, type NavigateOptions } from "./location";

export type Params = Record<string, string | null | undefined>;

/** The time window, and whether changes are marked in it, travel from page to page; no other setting does. */
const TRAVELLING = ["from", "to", "refresh", "marks"] as const;

/** A query string with `changes` applied to `search`; null and undefined take a key away. */
export function changeSearch(search: string, changes: Params): string {
  const params = new URLSearchParams(search);
  for (const [name, value] of Object.entries(changes)) {
    if (value == null) params.delete(name);
    else params.set(name, value);
  }
  return formatSearch(params);
}

/** The address of a page: its own settings, and the time window of `search` unless they say one. */
export function pageHref(path: string, search: string, params: Params = {}): string {
  const here = new URLSearchParams(search);
  const kept: Params = {};
  if (!("from" in params)) for (const name of TRAVELLING) kept[name] = here.get(name);
  return path + changeSearch("", { ...kept, ...params });
}

/** Like `URLSearchParams.toString`, but readable: these characters are legal in a query string. */
function formatSearch(params: URLSearchParams): string {
  const text = params.toString().replace(/%3A/g, ":").replace(/%2F/g, "/").replace(/%2C/g, ",");
  return text && `?${text}`;
}

/** One setting of the view and its setter; the fallback is not written into the address. */
export function useParam(
  name: string,
  fallback: string,
  { replace = true }: NavigateOptions = {},
): [string, (value: string) => void] {
  const search = useSearch();
  const value = new URLSearchParams(search).get(name) ?? fallback;
  const set = useCallback(
    (next: string) => setParams({ [name]: next === fallback ? null : next }, { replace }),
    [name, fallback, replace],
  );
  return [value, set];
}

/** Like `useParam` for a setting that has few values: an unknown one reads as the fallback. */
export function useChoice<T extends string>(
  name: string,
  choices: readonly T[],
  fallback: T,
): [T, (value: T) => void] {
  const [value, set] = useParam(name, fallback);
  return [choices.find((choice) => choice === value) ?? fallback, set];
}

/** Changes several settings of the present page at once. */
export function setParams(changes: Params, options: NavigateOptions = {}): void {
  navigate(location.pathname + changeSearch(location.search, changes), options);
}

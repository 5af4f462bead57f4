/** The browser's address as the only state of the view, and how to change it. */

import { useSyncExternalStore } from "react";

const CHANGED = "vario:navigated";

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener(CHANGED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(CHANGED, listener);
  };
}

interface HistoryState {
  /** How many pages of vario lie behind this one in the browser's history. */
  depth: number;
}

function depth(): number {
  return (history.state as HistoryState | null)?.depth ?? 0;
}

export interface NavigateOptions {
  /** Do not leave the present address in the history: for view settings, not for pages. */
  replace?: boolean;
}

/** Goes to an address of the UI without loading the page anew. */
export function navigate(href: string, { replace = false }: NavigateOptions = {}): void {
  if (href === location.pathname + location.search) return;
  const pageChanges = new URL(href, location.href).pathname !== location.pathname;
  if (replace) history.replaceState({ depth: depth() }, "", href);
  else history.pushState({ depth: depth() + 1 }, "", href);
  if (pageChanges) window.scrollTo(0, 0);
  window.dispatchEvent(new Event(CHANGED));
}

/** Goes back in the history, or to `fallback` where this page was the first. */
export function goBack(fallback: string): void {
  if (depth() > 0) history.back();
  else navigate(fallback);
}

/** The present path, such as `/traces/4fdc1a3c`. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

/** The present query string, `?` included. */
export function useSearch(): string {
  return useSyncExternalStore(subscribe, () => location.search);
}

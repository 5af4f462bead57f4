/** What a person prefers on this browser: theme, time zone, the name to sign with. Not part of a link. */

import { useSyncExternalStore } from "react";

export type Theme = "system" | "dark" | "light";
export type Zone = "local" | "utc";

interface Preferences {
  readonly theme: Theme;
  readonly zone: Zone;
  /** Signs silences, acknowledgements and notes. */
  readonly author: string;
}

function load(): Preferences {
  const read = (name: string) => {
    try {
      return localStorage.getItem(`vario.${name}`);
    } catch {
      return null;
    }
  };
  const theme = read("theme");
  return {
    theme: theme === "dark" || theme === "light" ? theme : "system",
    zone: read("zone") === "utc" ? "utc" : "local",
    author: read("author") ?? "",
  };
}

let current = load();
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Changes preferences, here and in the browser's storage. */
export function prefer(changes: Partial<Preferences>): void {
  current = { ...current, ...changes };
  try {
    for (const [name, value] of Object.entries(changes)) localStorage.setItem(`vario.${name}`, value);
  } catch {
    // Storage is off: the preference lasts as long as the page.
  }
  const root = document.documentElement;
  if (current.theme === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = current.theme;
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, () => current);
}

const prefersDark = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-color-scheme: dark)");

/** The theme in force, for what is painted on a canvas and so cannot follow CSS by itself. */
export function useEffectiveTheme(): "dark" | "light" {
  const { theme } = usePreferences();
  const systemDark = useSyncExternalStore(
    (listener) => {
      prefersDark?.addEventListener("change", listener);
      return () => prefersDark?.removeEventListener("change", listener);
    },
    () => prefersDark?.matches ?? true,
  );
  if (theme === "system") return systemDark ? "dark" : "light";
  return theme;
}

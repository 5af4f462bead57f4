import { useSyncExternalStore } from "react";

/** As far down as this still counts as the top. */
const TOP_PX = 160;

function subscribe(listener: () => void): () => void {
  window.addEventListener("scroll", listener, { passive: true });
  return () => window.removeEventListener("scroll", listener);
}

/** True while the page is scrolled to its top. */
export function useAtTop(): boolean {
  return useSyncExternalStore(subscribe, () => window.scrollY < TOP_PX);
}

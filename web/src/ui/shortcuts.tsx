/** Keys that work on every page, and the dialog that lists them. */

import { useEffect, useRef } from "react";
import { paths } from "../url/link";
import { navigate } from "../url/location";
import { pageHref } from "../url/params";
import css from "./shortcuts.module.css";

const TOGGLE_HELP = "vario:help";
const GO: Record<string, string> = {
  o: paths.overview,
  m: paths.metrics,
  t: paths.traces,
  l: paths.logs,
  i: paths.incidents,
  a: paths.alerts,
  s: paths.slos,
  r: paths.drift,
  b: paths.data,
  d: paths.doctor,
};
/** How long after `g` the second key still counts. */
const CHORD_MS = 1_500;

const KEYS: [string[], string][] = [
  [["/"], "Put the cursor into the filter"],
  [["g", "o"], "Go to the overview"],
  [["g", "i"], "Go to incidents"],
  [["g", "a"], "Go to alerts"],
  [["g", "m"], "Go to metrics"],
  [["g", "t"], "Go to traces"],
  [["g", "l"], "Go to logs"],
  [["g", "s"], "Go to SLOs"],
  [["g", "r"], "Go to drift"],
  [["g", "b"], "Go to data that is stored"],
  [["g", "d"], "Go to the doctor"],
  [["↑", "↓"], "Move in a list, in a waterfall and along slow points"],
  [["←", "→"], "Fold and unfold a span; move along a sparkline"],
  [["Enter"], "Open what is marked"],
  [["Esc"], "Close a panel"],
  [["?"], "Show or hide this"],
];

export function toggleHelp(): void {
  window.dispatchEvent(new Event(TOGGLE_HELP));
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

function focusFilter(): boolean {
  const filter = document.querySelector<HTMLInputElement>("[data-filter-input]");
  filter?.focus();
  filter?.select();
  return filter !== null;
}

function useGlobalKeys(): void {
  useEffect(() => {
    let chordUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const target = event.timeStamp < chordUntil ? GO[event.key] : undefined;
      chordUntil = event.key === "g" ? event.timeStamp + CHORD_MS : 0;
      if (target !== undefined) navigate(pageHref(target, location.search));
      else if (event.key === "?") toggleHelp();
      else if (event.key !== "/" || !focusFilter()) return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** Listens for the keys; shows the dialog when asked. */
export function Shortcuts() {
  useGlobalKeys();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const toggle = () => {
      if (dialog.current?.open) dialog.current.close();
      else dialog.current?.showModal();
    };
    window.addEventListener(TOGGLE_HELP, toggle);
    return () => window.removeEventListener(TOGGLE_HELP, toggle);
  }, []);
  return (
    <dialog
      ref={dialog}
      className={css.dialog}
      aria-labelledby="shortcuts-title"
      onClick={(event) => event.target === dialog.current && dialog.current.close()}
      data-testid="help"
    >
      <div className={css.content}>
        <h2 id="shortcuts-title">Keyboard</h2>
        <dl className={css.keys}>
          {KEYS.map(([keys, text]) => (
            <div key={text}>
              <dt>
                {keys.map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit" className={css.close}>
            Close
          </button>
        </form>
      </div>
    </dialog>
  );
}

/** Keys that work on every page, the dialog that lists them, and the one that finds anything by name. */

import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { navigate } from "../url/location";
import { pageHref } from "../url/params";
import { SECTIONS } from "./sections";
import css from "./shortcuts.module.css";

const Palette = lazy(() => import("./palette"));

const TOGGLE_HELP = "vario:help";
const OPEN_PALETTE = "vario:palette";
/** How long after `g` the second key still counts. */
const CHORD_MS = 1_500;

const KEYS: [string[], string][] = [
  [["/"], "Search: into the page's filter, or for a page or service by name"],
  [["Ctrl", "K"], "Go to a page, service, SLO or incident by name"],
  [["j", "k"], "Into a list, and down and up in it"],
  [["↑", "↓"], "Move in a list, in a waterfall and along slow points"],
  [["←", "→"], "Fold and unfold a span; move along a sparkline"],
  [["Enter"], "Open what is marked"],
  [["Esc"], "Close a panel"],
  [["?"], "Show or hide this"],
];

const send = (name: string) => () => void window.dispatchEvent(new Event(name));
export const toggleHelp = send(TOGGLE_HELP);
export const openPalette = send(OPEN_PALETTE);

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

function focusFilter(): boolean {
  const filter = document.querySelector<HTMLInputElement>("main [data-filter-input]");
  filter?.focus();
  filter?.select();
  return filter !== null;
}

/** Goes to the next line of the page's lists; from outside, to the first that can be seen. */
function moveToLine(step: number, enter: boolean): boolean {
  const lines = [...document.querySelectorAll<HTMLElement>("main [data-line]")].filter((line) => line.offsetParent);
  const at = lines.indexOf(document.activeElement as HTMLElement);
  const seen = () => lines.find((line) => line.getBoundingClientRect().top >= 0);
  const target = at >= 0 ? lines[at + step] : enter ? seen() : undefined;
  target?.focus();
  return target !== undefined;
}

const STEPS: Record<string, number> = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };

function useGlobalKeys(): void {
  useEffect(() => {
    let chordUntil = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector("dialog[open]:not([data-help])")) return;
      const { key } = event;
      if (event.ctrlKey || event.metaKey || event.altKey) {
        if (key.toLowerCase() !== "k" || event.altKey || event.shiftKey) return;
        openPalette();
      } else {
        if (isTyping(event.target)) return;
        const section = event.timeStamp < chordUntil ? SECTIONS.find((one) => one.key === key) : undefined;
        chordUntil = key === "g" ? event.timeStamp + CHORD_MS : 0;
        const step = STEPS[key];
        if (section) navigate(pageHref(section.to, location.search));
        else if (key === "?") toggleHelp();
        else if (key === "/") focusFilter() || openPalette();
        else if (step === undefined || !moveToLine(step, key.length === 1)) return;
      }
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

/** Listens for the keys; shows the dialogs when asked. */
export function Shortcuts() {
  useGlobalKeys();
  const [searching, search] = useState(false);
  useEffect(() => {
    const open = () => search(true);
    window.addEventListener(OPEN_PALETTE, open);
    return () => window.removeEventListener(OPEN_PALETTE, open);
  }, []);
  return (
    <>
      <Help />
      {searching && (
        <Suspense fallback={null}>
          <Palette close={() => search(false)} />
        </Suspense>
      )}
    </>
  );
}

function Help() {
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
      data-help
      data-testid="help"
    >
      <div className={css.content}>
        <h2 id="shortcuts-title">Keyboard</h2>
        <dl className={css.keys}>
          {KEYS.map(([keys, text]) => (
            <Key key={text} keys={keys} text={text} />
          ))}
        </dl>
        <h3>Go to</h3>
        <dl className={css.go}>
          {SECTIONS.map(({ name, key }) => (
            <Key key={name} keys={["g", key]} text={name} />
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

function Key({ keys, text }: { keys: readonly string[]; text: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{text}</dd>
    </div>
  );
}

/** On a phone, the way to every section that has no place in the bar, and to the tools of the rail. */

import { useEffect, useRef, useState, type ReactNode } from "react";
import { Link } from "../url/link";
import { usePath } from "../url/location";
import { MoreIcon, SearchIcon } from "./icons";
import { AT_THE_THUMB, SECTIONS } from "./sections";
import { openPalette } from "./shortcuts";
import css from "./more.module.css";

export function More({ className, tools }: { className: string | undefined; tools: ReactNode }) {
  const path = usePath();
  const [open, setOpen] = useState(false);
  const rest = SECTIONS.filter(({ name }) => !AT_THE_THUMB.includes(name));
  const here = rest.find(({ owns }) => owns.test(path));
  return (
    <>
      <button
        type="button"
        className={className}
        data-more
        aria-expanded={open}
        aria-haspopup="dialog"
        aria-current={here ? "page" : undefined}
        onClick={() => setOpen(true)}
        data-testid="nav-more"
      >
        <MoreIcon />
        <span>{here?.name ?? "More"}</span>
      </button>
      {open && <Sheet close={() => setOpen(false)} sections={rest} path={path} tools={tools} />}
    </>
  );
}

interface SheetProps {
  close: () => void;
  sections: readonly (typeof SECTIONS)[number][];
  path: string;
  tools: ReactNode;
}

function Sheet({ close, sections, path, tools }: SheetProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={css.sheet}
      aria-label="More sections"
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClick={(event) => event.target === dialog.current && close()}
      data-testid="more"
    >
      <nav aria-label="More sections" className={css.sections}>
        {sections.map(({ name, to, icon: Icon, owns }) => (
          <Link key={name} to={to} aria-current={owns.test(path) ? "page" : undefined} onClick={close}>
            <Icon size={20} />
            {name}
          </Link>
        ))}
      </nav>
      <div className={css.tools}>
        <button
          type="button"
          className={css.search}
          onClick={() => {
            close();
            openPalette();
          }}
        >
          <SearchIcon /> Go to …
        </button>
        {tools}
        <button type="button" className={css.close} onClick={close}>
          Close
        </button>
      </div>
    </dialog>
  );
}

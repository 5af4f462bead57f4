import { useEffect, useRef, useState, type ReactNode } from "react";
import css from "./popover.module.css";

interface PopoverProps {
  /** The button's content. */
  label: ReactNode;
  name: string;
  buttonClass?: string | undefined;
  /** The button's name, where its content is a picture alone. */
  buttonLabel?: string;
  /** Opens towards the left at any width: the button stands at the right edge. */
  atEnd?: boolean;
  children: (close: () => void) => ReactNode;
  "data-testid"?: string;
}

/** A button that opens a panel below itself; Escape and a click elsewhere close it. */
export function Popover({ label, name, buttonClass, buttonLabel, atEnd = false, children, ...rest }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const onDown = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("pointerdown", onDown);
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("pointerdown", onDown);
      document.removeEventListener("keydown", onKey);
    };
  }, [open]);
  return (
    <div ref={root} className={css.root}>
      <button
        ref={button}
        type="button"
        className={buttonClass}
        aria-expanded={open}
        aria-haspopup="dialog"
        aria-label={buttonLabel}
        title={buttonLabel}
        onClick={() => setOpen(!open)}
        {...rest}
      >
        {label}
      </button>
      {open && (
        <div role="dialog" aria-label={name} className={atEnd ? css.atEnd : css.panel}>
          {children(() => setOpen(false))}
        </div>
      )}
    </div>
  );
}

import { useEffect, useId, useRef, type ReactNode } from "react";
import { CloseIcon } from "./icons";
import css from "./dialog.module.css";

interface DialogProps {
  title: string;
  close: () => void;
  children: ReactNode;
  "data-testid"?: string;
}

/** A panel over the page that takes the keyboard until it is closed. It is open while it is rendered. */
export function Dialog({ title, close, children, ...rest }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={css.dialog}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onMouseDown={(event) => event.target === dialog.current && close()}
      {...rest}
    >
      <div className={css.content}>
        <header className={css.head}>
          <h2 id={titleId}>{title}</h2>
          <button type="button" className={css.close} onClick={close} aria-label="Close">
            <CloseIcon />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

import type { ReactNode } from "react";
import css from "./chip.module.css";

/** A short fact in a frame, such as a version or region. */
export function Chip({ children, title }: { children: ReactNode; title?: string }) {
  return (
    <span className={css.chip} title={title}>
      {children}
    </span>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
  "data-testid"?: string;
}

/** A few choices beside each other, one of them in force. */
export function Segments<T extends string>({ label, value, options, onChange, ...rest }: SegmentsProps<T>) {
  return (
    <div role="group" aria-label={label} className={css.segments} {...rest}>
      {options.map(([name, text]) => (
        <button key={name} type="button" aria-pressed={name === value} onClick={() => onChange(name)}>
          {text}
        </button>
      ))}
    </div>
  );
}

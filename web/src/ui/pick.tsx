import css from "./pick.module.css";

interface PickProps {
  label: string;
  value: string;
  /** Values, and what stands for them where that is something else. */
  options: readonly (string | readonly [value: string, text: string])[];
  onChange: (value: string) => void;
  "data-testid"?: string;
}

/** One of many, by name; a value that is not among the options is shown all the same. */
export function Pick({ label, value, options, onChange, ...rest }: PickProps) {
  const all = options.map((one) => (typeof one === "string" ? ([one, one] as const) : one));
  const known = all.some(([name]) => name === value);
  return (
    <label className={css.pick}>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.target.value)} {...rest}>
        {!known && <option value={value}>{value || "…"}</option>}
        {all.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

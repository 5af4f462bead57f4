import { SearchIcon } from "./icons";
import css from "./find.module.css";

interface FindProps {
  /** What is looked for, said in whole to a screen reader. */
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
  "data-testid": string;
}

/** A field that narrows the list below it; `/` goes there. */
export function Find({ label, value, onChange, ...rest }: FindProps) {
  return (
    <label className={css.find}>
      <SearchIcon size={14} />
      <span className="visually-hidden">{label}</span>
      <input data-filter-input type="search" value={value} onChange={(event) => onChange(event.target.value)} {...rest} />
    </label>
  );
}

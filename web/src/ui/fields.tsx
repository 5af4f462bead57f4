import type { ReactNode } from "react";
import css from "./fields.module.css";

interface FieldsProps {
  title: string;
  fields: readonly (readonly [string, string])[];
  /** Stands after a value: buttons that filter by it. */
  action?: (name: string, value: string) => ReactNode;
}

/** Names and values, the names in order. */
export function Fields({ title, fields, action }: FieldsProps) {
  if (fields.length === 0) return null;
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <section className={css.fields}>
      <h3>{title}</h3>
      <dl>
        {sorted.map(([name, value]) => (
          <div key={name} data-testid="field" data-field={name}>
            <dt title={name}>{name}</dt>
            <dd>
              <span className={css.value}>{value || <em>empty</em>}</span>
              {action && <span className={css.actions}>{action(name, value)}</span>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

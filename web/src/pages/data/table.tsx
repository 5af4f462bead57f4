import type { ReactNode } from "react";
import css from "./data.module.css";

interface CardProps {
  title: string;
  note?: string;
  id: string;
  children: ReactNode;
}

export function Card({ title, note, id, children }: CardProps) {
  return (
    <section className={css.card} aria-labelledby={id} data-testid={id}>
      <header className={css.head}>
        <h2 id={id}>{title}</h2>
        {note && <span className={css.faint}>{note}</span>}
      </header>
      {children}
    </section>
  );
}

interface TableProps {
  label: string;
  /** Names of the columns; those that begin with `#` hold numbers. */
  columns: readonly string[];
  rows: readonly (readonly ReactNode[])[];
  /** What stands where there are no rows. */
  empty: string;
}

/** Rows under names; wide ones scroll within. */
export function Table({ label, columns, rows, empty }: TableProps) {
  if (rows.length === 0) return <p className={css.none}>{empty}</p>;
  const isNumber = columns.map((name) => name.startsWith("#") || undefined);
  return (
    <div className={css.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={css.table}>
        <thead>
          <tr>
            {columns.map((name, index) => (
              <th key={name} scope="col" data-number={isNumber[index]}>
                {name.replace(/^#/, "")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, index) =>
                index === 0 ? (
                  <th key={index} scope="row">
                    {cell}
                  </th>
                ) : (
                  <td key={index} data-number={isNumber[index]}>
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

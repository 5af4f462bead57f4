import type { ReactNode } from "react";
import { setParams } from "../url/params";
import css from "./look-back.module.css";
import { Empty } from "./states";

const LONGER = [["now-1h", "Last hour"], ["now-6h", "Last 6 hours"], ["now-24h", "Last 24 hours"], ["now-7d", "Last 7 days"]] as const;

/** Nothing in this time window, and buttons that look further back. */
export function LookBack({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Empty title={title}>
      {children}
      <p className={css.longer}>
        {LONGER.map(([from, name]) => (
          <button key={from} type="button" onClick={() => setParams({ from, to: null })}>
            {name}
          </button>
        ))}
      </p>
    </Empty>
  );
}

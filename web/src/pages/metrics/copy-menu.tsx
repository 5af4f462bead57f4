import type { Range } from "../../api/metrics";
import { CopyList } from "../../ui/copy";
import { shellQuote } from "../../ui/filter/text";

/** The queries as text for other tools. */
export function CopyMenu({ exprs, range }: { exprs: readonly string[]; range: Range }) {
  const given = exprs.filter(Boolean);
  const curl = (path: string, settings: Record<string, number>) =>
    given
      .map((expr) =>
        [
          `curl -G ${shellQuote(location.origin + path)}`,
          `--data-urlencode ${shellQuote(`query=${expr}`)}`,
          ...Object.entries(settings).map(([name, value]) => `-d ${name}=${Math.round(value * 1000) / 1000}`),
        ].join(" "),
      )
      .join("\n");
  return (
    <CopyList
      items={[
        ["PromQL", given.join("\n")],
        ["curl, for the chart", curl("/api/v1/query_range", { ...range })],
        ["curl, for the values at its end", curl("/api/v1/query", { time: range.end })],
        ["link to this view", location.href],
      ]}
    />
  );
}

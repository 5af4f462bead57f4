import { useState } from "react";
import { useTraces } from "../../api/queries";
import type { TraceSummary } from "../../api/shapes";
import { quote } from "../../ui/filter/text";
import { Popover } from "../../ui/popover";
import { Answer, Loading } from "../../ui/states";
import { formatDuration, seconds } from "../../units";
import { Link, paths } from "../../url/link";
import { navigate, useSearch } from "../../url/location";
import { pageHref } from "../../url/params";
import { absoluteWindow } from "../../url/window";
import css from "./trace.module.css";

const AROUND_S = 3600;
const LIKE_IT = 200;

interface CompareMenuProps {
  traceId: string;
  service: string;
  name: string;
  /** Seconds since the epoch. */
  start: number;
}

/** Ways to a second trace to put beside this one. */
export function CompareMenu(props: CompareMenuProps) {
  return (
    <Popover name="Compare with another trace" label="Compare" buttonClass={css.toLogs} data-testid="compare-with">
      {() => <Choices {...props} />}
    </Popover>
  );
}

function Choices({ traceId, service, name, start }: CompareMenuProps) {
  const search = useSearch();
  const [other, setOther] = useState("");
  const query = useTraces({
    filter: `service.name = ${quote(service)} and name = ${quote(name)} and parent_span_id = ""`,
    order: "newest",
    limit: LIKE_IT,
    within: absoluteWindow(Math.max(0, start - AROUND_S), start + AROUND_S),
  });
  const valid = /^[0-9a-f]{32}$/i.test(other.trim());
  return (
    <div className={css.compare}>
      <Answer query={query} loading={<Loading rows={3} label="traces like it" />}>
        {({ traces }) => <Like traces={traces.filter((trace) => trace.trace_id !== traceId)} traceId={traceId} />}
      </Answer>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (valid) navigate(pageHref(paths.compareTraces, search, { a: other.trim().toLowerCase(), b: traceId }));
        }}
      >
        <label>
          with the trace
          <input value={other} onChange={(event) => setOther(event.target.value)} placeholder="32 hexadecimal digits" spellCheck={false} data-testid="compare-id" />
        </label>
        <button type="submit" disabled={!valid}>
          Compare
        </button>
      </form>
    </div>
  );
}

/** A typical and the fastest of the traces with the same root. */
function Like({ traces, traceId }: { traces: readonly TraceSummary[]; traceId: string }) {
  const sorted = [...traces].sort((a, b) => a.duration - b.duration);
  const [median, fastest] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[0]];
  if (!median || !fastest) return <p>No other trace with the same root within an hour.</p>;
  return (
    <ul>
      {([["the median", median], ["the fastest", fastest]] as const).map(([what, trace]) => (
        <li key={what}>
          <Link to={paths.compareTraces} params={{ a: trace.trace_id, b: traceId }} data-testid="compare-like">
            with {what} of {sorted.length} like it ({formatDuration(seconds(trace.duration))})
          </Link>
        </li>
      ))}
    </ul>
  );
}

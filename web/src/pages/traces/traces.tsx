import { ApiError } from "../../api/client";
import type { Counted, Selection } from "../../api/explore";
import { useTraces, type TraceOrder } from "../../api/queries";
import { useSearch } from "../../url/location";
import { useChoice, useParam } from "../../url/params";
import { Segments } from "../../ui/chip";
import { FilterInput } from "../../ui/filter/filter-input";
import { CopyList } from "../../ui/copy";
import { addCondition, readFault, shellQuote } from "../../ui/filter/text";
import { PageHeader } from "../../ui/layout";
import { Answer, Empty, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { TraceList } from "../../trace/trace-list";
import { absoluteWindow, useTimeWindow } from "../../url/window";
import { Comparison } from "./comparison";
import { clearSelection, LatencyHeat, readSelection, useCounted } from "./latency-heat";
import { TraceScatter } from "./trace-scatter";
import css from "./traces.module.css";

const EXAMPLES = [
  "duration > 200ms",
  "error = true",
  'name =~ ".*predict" and attributes.cache_hit = false',
];
const LIMITS = ["50", "200", "500"] as const;

export default function TracesPage() {
  const [filter, setFilter] = useParam("filter", "", { replace: false });
  const [order, setOrder] = useChoice<TraceOrder>("order", ["newest", "slowest"], "newest");
  const [limit, setLimit] = useChoice("limit", LIMITS, "50");
  const [shape, setShape] = useChoice("as", ["heat", "dots"], "heat");
  const selection = readSelection(useSearch());
  const counted = useCounted() ?? "traces";
  const query = useTraces({
    filter: selection ? selectedFilter(filter, counted, selection) : filter,
    order,
    limit: Number(limit),
    ...(selection ? { within: absoluteWindow(selection.from, selection.to) } : {}),
  });
  const atFault = query.error instanceof ApiError && readFault(query.error.message) !== null;
  return (
    <>
      <PageHeader title="Traces" heading={<h1>Traces</h1>} controls={<TimePicker />} />
      <FilterInput signal="traces" value={filter} onApply={setFilter} error={query.error} examples={EXAMPLES} />
      <div className={css.bar}>
        <Segments<TraceOrder>
          label="Order"
          value={order}
          onChange={setOrder}
          options={[["newest", "Newest"], ["slowest", "Slowest"]]}
          data-testid="trace-order"
        />
        <Segments label="How many" value={limit} onChange={setLimit} options={LIMITS.map((one) => [one, one] as const)} />
        {query.data && !query.error && (
          <span className={css.count} data-testid="trace-count">
            {describe(query.data.traces.length, Number(limit), order, selection !== null)}
          </span>
        )}
        <span className={css.right}>
          <Segments label="Latency as" value={shape} onChange={setShape} options={[["heat", "Heat map"], ["dots", "Dots"]]} data-testid="latency-as" />
          <CopySearch filter={filter} order={order} limit={limit} />
        </span>
      </div>
      {!atFault && shape === "heat" && <LatencyHeat filter={filter} selection={selection} />}
      {!atFault && selection && (
        <Comparison filter={filter} count={counted} box={selection} onFilter={setFilter} onClose={clearSelection} />
      )}
      {!atFault && (
        <Answer query={query} loading={<Loading rows={12} label="traces" />}>
          {({ traces }) =>
            traces.length ? (
              <>
                {shape === "dots" && <TraceScatter traces={traces} />}
                <TraceList traces={traces} label="Traces" />
              </>
            ) : (
              <NoTraces filter={filter} clear={() => setFilter("")} />
            )
          }
        </Answer>
      )}
    </>
  );
}

/** The filter of the traces in a selection: what is counted there, and the band of durations. */
function selectedFilter(filter: string, counted: Counted, { low, high }: Selection): string {
  const which = { traces: 'parent_span_id = ""', requests: "entry = true", spans: "" }[counted];
  const ns = (value: number) => `${Math.round(value * 1e9)}ns`;
  const band = [`duration >= ${ns(low)}`, high < 1e9 ? `duration < ${ns(high)}` : ""];
  return [which, ...band].filter(Boolean).reduce(addCondition, filter);
}

function describe(found: number, limit: number, order: TraceOrder, selected: boolean): string {
  const place = selected ? "the selection" : "this window";
  if (found >= limit) return `the ${found} ${order} of ${place}`;
  return `${found} ${found === 1 ? "trace" : "traces"} in ${place}`;
}

/** The search as text for other tools. */
function CopySearch({ filter, order, limit }: { filter: string; order: TraceOrder; limit: string }) {
  const { from, to } = useTimeWindow();
  const settings = [["filter", filter], ["start", from], ["end", to], ["order", order], ["limit", limit]] as const;
  const curl = [`curl -G ${shellQuote(`${location.origin}/api/traces`)}`, ...settings.map(([name, value]) => `--data-urlencode ${shellQuote(`${name}=${value}`)}`)];
  return <CopyList items={[["filter", filter], ["curl", curl.join(" ")], ["link to this view", location.href]]} />;
}

function NoTraces({ filter, clear }: { filter: string; clear: () => void }) {
  if (!filter) return <Empty title="No traces in this time window">Look further back, or send requests.</Empty>;
  return (
    <Empty title="No trace matches in this time window">
      <button type="button" className={css.clear} onClick={clear}>
        Show all traces
      </button>
    </Empty>
  );
}

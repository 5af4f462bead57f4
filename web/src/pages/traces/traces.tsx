import { ApiError } from "../../api/client";
import { useTraces, type TraceOrder } from "../../api/queries";
import { useChoice, useParam } from "../../url/params";
import { Segments } from "../../ui/chip";
import { FilterInput } from "../../ui/filter/filter-input";
import { readFault } from "../../ui/filter/text";
import { PageHeader } from "../../ui/layout";
import { Answer, Empty, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { TraceList } from "../../trace/trace-list";
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
  const query = useTraces({ filter, order, limit: Number(limit) });
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
            {describe(query.data.traces.length, Number(limit), order)}
          </span>
        )}
      </div>
      {!atFault && (
        <Answer query={query} loading={<Loading rows={12} label="traces" />}>
          {({ traces }) =>
            traces.length ? (
              <>
                <TraceScatter traces={traces} />
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

function describe(found: number, limit: number, order: TraceOrder): string {
  if (found >= limit) return `the ${found} ${order} of this window`;
  return `${found} ${found === 1 ? "trace" : "traces"} in this window`;
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

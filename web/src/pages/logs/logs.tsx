import { useCallback, useMemo, useState } from "react";
import { ApiError } from "../../api/client";
import { useLogHistogram, useLogs } from "../../api/queries";
import { LogHistogram } from "../../charts/log-histogram";
import { addCondition, readFault } from "../../ui/filter/text";
import { FilterInput } from "../../ui/filter/filter-input";
import { LeftIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { Answer, Empty, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { Link, paths } from "../../url/link";
import { useParam } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import { LogList } from "./log-list";
import { useAtTop } from "./use-at-top";
import css from "./logs.module.css";

const EXAMPLES = ["severity >= warn", 'body contains "timeout"', "exists(trace_id) and severity >= error"];

export default function LogsPage() {
  const [filter, setFilter] = useParam("filter", "", { replace: false });
  const window = useTimeWindow();
  const atTop = useAtTop();
  const [reading, setReading] = useState(false);
  const following = window.refresh !== false && atTop && !reading;
  const query = useLogs(filter, following);
  const histogram = useLogHistogram(filter);
  const records = useMemo(() => query.data?.pages.flatMap((page) => page.logs) ?? [], [query.data]);
  const narrow = useCallback((condition: string) => setFilter(addCondition(filter, condition)), [filter, setFilter]);
  const atFault = query.error instanceof ApiError && readFault(query.error.message) !== null;
  return (
    <>
      <PageHeader title="Logs" heading={<h1>Logs</h1>} controls={<TimePicker />} />
      <FilterInput signal="logs" value={filter} onApply={setFilter} error={query.error} examples={EXAMPLES} />
      <BackToTrace filter={filter} />
      {!atFault && (
        <>
          {histogram.data && (
            <LogHistogram
              buckets={histogram.data.buckets}
              step={histogram.data.step}
              range={[histogram.data.start, histogram.data.end]}
            />
          )}
          {window.refresh !== false && !following && records.length > 0 && <Held />}
          <Answer query={query} loading={<Loading rows={14} label="log records" />}>
            {() =>
              records.length ? (
                <LogList
                  records={records}
                  onFilter={narrow}
                  onReading={setReading}
                  hasMore={query.hasNextPage}
                  loadingMore={query.isFetchingNextPage}
                  loadMore={query.fetchNextPage}
                />
              ) : (
                <NoLogs filter={filter} clear={() => setFilter("")} />
              )
            }
          </Answer>
        </>
      )}
    </>
  );
}

/** The way back where the page shows the lines of one trace. */
function BackToTrace({ filter }: { filter: string }) {
  const traceId = /\btrace_id = "([0-9a-f]{32})"/.exec(filter)?.[1];
  if (!traceId) return null;
  return (
    <p className={css.ofTrace}>
      <Link to={paths.trace(traceId)} data-testid="back-to-trace">
        <LeftIcon size={12} /> Back to the trace
      </Link>
      <span>
        These are the lines of trace <code>{traceId}</code>.
      </span>
    </p>
  );
}

/** New lines are held back while older ones are read, so that nothing moves under the pointer. */
function Held() {
  return (
    <p className={css.held} role="status">
      New lines wait while you read.{" "}
      <button type="button" onClick={() => window.scrollTo({ top: 0 })}>
        Back to the newest
      </button>
    </p>
  );
}

function NoLogs({ filter, clear }: { filter: string; clear: () => void }) {
  if (filter) {
    return (
      <Empty title="No log record matches in this time window">
        <button type="button" className={css.clear} onClick={clear}>
          Show all records
        </button>
      </Empty>
    );
  }
  return (
    <Empty title="No log records in this time window">
      Look further back, or let <Link to={paths.doctor}>the doctor</Link> say why none arrive.
    </Empty>
  );
}

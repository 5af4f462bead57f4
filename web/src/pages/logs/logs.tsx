import { useCallback, useMemo, useState, type ReactNode } from "react";
import { ApiError } from "../../api/client";
import { logHistogramUrl, useLogHistogram, useLogs } from "../../api/queries";
import { copiesOf } from "../../charts/menu";
import { LogHistogram } from "../../charts/log-histogram";
import { Segments } from "../../ui/chip";
import { CopyList } from "../../ui/copy";
import { addCondition, readFault, shellQuote } from "../../ui/filter/text";
import { FilterInput } from "../../ui/filter/filter-input";
import { LeftIcon } from "../../ui/icons";
import { PageHeader } from "../../ui/layout";
import { Answer, Empty, Loading } from "../../ui/states";
import { TimePicker } from "../../ui/time-picker";
import { Link, paths } from "../../url/link";
import { useChoice, useParam } from "../../url/params";
import { useTimeWindow } from "../../url/window";
import { FieldStats } from "./field-stats";
import { LogList } from "./log-list";
import { LogPatterns } from "./patterns";
import { TailView } from "./tail-view";
import { useAtTop } from "./use-at-top";
import css from "./logs.module.css";

const EXAMPLES = ["severity >= warn", 'body contains "timeout"', "exists(trace_id) and severity >= error"];
const VIEWS = ["lines", "patterns", "tail"] as const;
type View = (typeof VIEWS)[number];
/** From this width on, the fields stand beside the lines unless they were closed. */
const WIDE = "(min-width: 1200px)";

export default function LogsPage() {
  const [filter, setFilter] = useParam("filter", "", { replace: false });
  const [view, setView] = useChoice<View>("view", VIEWS, "lines");
  const [fields, setFields] = useParam("fields", matchMedia(WIDE).matches ? "1" : "0");
  const narrow = useCallback((condition: string) => setFilter(addCondition(filter, condition)), [filter, setFilter]);
  const histogram = useLogHistogram(filter);
  const atFault = histogram.error instanceof ApiError && readFault(histogram.error.message) !== null;
  return (
    <>
      <PageHeader title="Logs" heading={<h1>Logs</h1>} controls={<TimePicker />} />
      <FilterInput signal="logs" value={filter} onApply={setFilter} error={histogram.error} examples={EXAMPLES} />
      <BackToTrace filter={filter} />
      <div className={css.bar}>
        <Segments<View> label="Show" value={view} onChange={setView} options={[["lines", "Lines"], ["patterns", "Patterns"], ["tail", "Live tail"]]} data-testid="log-view" />
        {view !== "patterns" && (
          <label className={css.toggle}>
            <input type="checkbox" checked={fields === "1"} onChange={(event) => setFields(event.target.checked ? "1" : "0")} data-testid="toggle-fields" />
            Fields
          </label>
        )}
        <span className={css.right}>
          <CopySearch filter={filter} />
        </span>
      </div>
      {!atFault && (
        <>
          {view !== "tail" && histogram.data && (
            <LogHistogram
              buckets={histogram.data.buckets}
              step={histogram.data.step}
              range={[histogram.data.start, histogram.data.end]}
              copies={[["filter", filter], ...copiesOf(logHistogramUrl(histogram.data, filter))]}
            />
          )}
          {view === "patterns" ? (
            <LogPatterns
              filter={filter}
              onApply={(next) => {
                setFilter(next);
                setView("lines");
              }}
            />
          ) : (
            <div className={fields === "1" ? css.split : undefined}>
              {fields === "1" && <FieldStats filter={filter} onFilter={narrow} />}
              <div className={css.main}>
                {view === "tail" ? (
                  <TailView filter={filter} onFilter={narrow} />
                ) : (
                  <Lines filter={filter} onFilter={narrow} clear={() => setFilter("")} />
                )}
              </div>
            </div>
          )}
        </>
      )}
    </>
  );
}

interface LinesProps {
  filter: string;
  onFilter: (condition: string) => void;
  clear: () => void;
}

/** The records of the window, newest first; a live window follows while its top is in view. */
function Lines({ filter, onFilter, clear }: LinesProps): ReactNode {
  const window = useTimeWindow();
  const atTop = useAtTop();
  const [reading, setReading] = useState(false);
  const following = window.refresh !== false && atTop && !reading;
  const query = useLogs(filter, following);
  const records = useMemo(() => query.data?.pages.flatMap((page) => page.logs) ?? [], [query.data]);
  return (
    <>
      {window.refresh !== false && !following && records.length > 0 && <Held />}
      <Answer query={query} loading={<Loading rows={14} label="log records" />}>
        {() =>
          records.length ? (
            <LogList
              records={records}
              onFilter={onFilter}
              onReading={setReading}
              hasMore={query.hasNextPage}
              loadingMore={query.isFetchingNextPage}
              loadMore={query.fetchNextPage}
            />
          ) : (
            <NoLogs filter={filter} clear={clear} />
          )
        }
      </Answer>
    </>
  );
}

/** The search as text for other tools. */
function CopySearch({ filter }: { filter: string }) {
  const { from, to } = useTimeWindow();
  const settings = [["filter", filter], ["start", from], ["end", to]] as const;
  const curl = [`curl -G ${shellQuote(`${location.origin}/api/logs`)}`, ...settings.map(([name, value]) => `--data-urlencode ${shellQuote(`${name}=${value}`)}`)];
  return <CopyList items={[["filter", filter], ["curl", curl.join(" ")], ["link to this view", location.href]]} />;
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

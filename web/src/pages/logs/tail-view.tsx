import { useState } from "react";
import { PauseIcon, PlayIcon } from "../../ui/icons";
import { Empty, Failure, Stale } from "../../ui/states";
import { formatCount } from "../../units";
import { LogList } from "./log-list";
import { useAtTop } from "./use-at-top";
import { MOST_LINES, useTail } from "./use-tail";
import css from "./logs.module.css";

interface TailViewProps {
  filter: string;
  onFilter: (condition: string) => void;
}

/** Lines as they arrive, newest first, asked for every second; it waits while one reads. */
export function TailView({ filter, onFilter }: TailViewProps) {
  const atTop = useAtTop();
  const [paused, setPaused] = useState(false);
  const [reading, setReading] = useState(false);
  const running = !paused && atTop && !reading;
  const tail = useTail(filter, running);
  const { records, error } = tail;
  return (
    <>
      <div className={css.tail} data-testid="tail">
        <button type="button" className={css.pause} aria-pressed={paused} onClick={() => setPaused(!paused)} data-testid="tail-pause">
          {paused ? <PlayIcon size={13} /> : <PauseIcon size={13} />} {paused ? "Resume" : "Pause"}
        </button>
        <span className={css.pulse} data-on={running || undefined} aria-hidden="true" />
        <span role="status" data-testid="tail-state">
          {running ? "Following" : paused ? "Paused" : "Waiting while you read"}
        </span>
        <span className={css.tailFacts}>
          {tail.rate.toFixed(1)} lines/s · {formatCount(tail.seen)} seen
          {tail.seen > records.length && `, the newest ${formatCount(records.length)} kept`}
        </span>
        {tail.skipped && <span className={css.skipped}>More arrive than fit: some are not shown. Narrow the filter.</span>}
      </div>
      {error && (records.length ? <Stale error={error} /> : <Failure error={error} />)}
      {records.length ? (
        <LogList
          records={records}
          onFilter={onFilter}
          onReading={setReading}
          hasMore={false}
          loadingMore={false}
          loadMore={() => undefined}
          end={`The tail began here; it keeps at most ${formatCount(MOST_LINES)} lines.`}
        />
      ) : (
        !error && <Empty title="No line yet">Lines appear here as they arrive.</Empty>
      )}
    </>
  );
}

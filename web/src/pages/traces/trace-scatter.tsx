import type { TraceSummary } from "../../api/shapes";
import { useMoments } from "../../ui/moments";
import { formatDuration, nanos, nanosToSeconds, seconds, trimZeros } from "../../units";
import { Link, paths } from "../../url/link";
import css from "./traces.module.css";

/** A round duration of 1, 2 or 5 times a power of ten at or above `value`. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** The listed traces as dots: when they began, and how long they took. */
export function TraceScatter({ traces }: { traces: readonly TraceSummary[] }) {
  const { clock, moment } = useMoments();
  const times = traces.map((trace) => nanosToSeconds(nanos(trace.start_time_unix_nano)));
  const start = Math.min(...times);
  const end = Math.max(...times, start + 1);
  const top = roundUp(Math.max(...traces.map(({ duration }) => duration), 1e-6));
  return (
    <div className={css.scatter} role="group" aria-label="Traces by start and duration">
      <span className={css.top}>{trimZeros(formatDuration(seconds(top)))}</span>
      <span className={css.half}>{trimZeros(formatDuration(seconds(top / 2)))}</span>
      <span className={css.from}>{clock(seconds(start))}</span>
      <span className={css.to}>{clock(seconds(end))}</span>
      <div className={css.field}>
        {traces.map((trace, index) => {
          const at = times[index] ?? seconds(start);
          const failed = trace.error_count > 0;
          return (
            <Link
              key={trace.trace_id}
              to={paths.trace(trace.trace_id)}
              tabIndex={-1}
              className={failed ? css.dotFailed : css.dot}
              style={{
                left: `${((at - start) / (end - start)) * 100}%`,
                bottom: `${(trace.duration / top) * 100}%`,
              }}
              aria-label={`${trace.root_name}, ${formatDuration(seconds(trace.duration))}`}
              title={`${trace.root_name}\n${formatDuration(seconds(trace.duration))} at ${moment(at)}${failed ? "\nfailed" : ""}`}
              data-testid="scatter-dot"
            />
          );
        })}
      </div>
    </div>
  );
}

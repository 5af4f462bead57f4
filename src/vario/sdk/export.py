"""One thread a process that sends spans, log records and metrics.

Where the server is away, batches are kept within bounds and tried again: said once when it
begins, and once when it is over with the number of items that did not fit meanwhile.
"""

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from vario.sdk.faults import LOG, report
from vario.sdk.lane import Lane
from vario.sdk.sources import Source

_SEND_TIMEOUT_S = 10.0


class Exporter:
    """Empties the lanes every `batch_interval_s` and collects metrics every `metric_interval_s`.

    Args:
        lanes: what waits to be sent.
        sources: what waits to be encoded.
        collect: reads the metrics' state into its lane; with False, only works off measurements.
        wake: set by whoever has a whole batch.
        batch_interval_s: how long an item waits at most before it is sent.
        metric_interval_s: time between two collections.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        sources: Sequence[Source],
        collect: Callable[[bool], None],
        wake: threading.Event,
        *,
        batch_interval_s: float,
        metric_interval_s: float,
    ) -> None:
        self._lanes = lanes
        self._sources = sources
        self._collect = collect
        self._wake = wake
        self._batch_interval_s = batch_interval_s
        self._metric_interval_s = metric_interval_s
        self._lock = threading.Lock()
        self._is_stopped = False
        self._away: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="vario-export", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Sends everything that is there now, each batch tried once.

        Args:
            timeout_s: the most that it may take.

        Returns:
            Whether everything was sent.
        """
        deadline_s = monotonic() + timeout_s
        if not self._lock.acquire(timeout=timeout_s):
            return False
        try:
            self._drain(is_patient=False)
            self._collect_guarded(whole=True)
            self._drain(is_patient=False)  # what the collection had to say
            for lane in self._lanes:
                self._empty(lane, deadline_s, is_patient=False)
            return all(lane.is_empty for lane in self._lanes)
        finally:
            self._lock.release()

    def stop(self, timeout_s: float) -> bool:
        """Flushes, then ends the thread and closes the connections; returns as `flush` does."""
        deadline_s = monotonic() + timeout_s
        is_flushed = self.flush(timeout_s)
        self._is_stopped = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(max(0.1, deadline_s - monotonic()))
        for lane in self._lanes:
            lane.close()
        return is_flushed

    def _run(self) -> None:
        next_collect_s = monotonic() + self._metric_interval_s
        while not self._is_stopped:
            wait_s = min(self._batch_interval_s, max(0.0, next_collect_s - monotonic()))
            self._wake.wait(wait_s)
            self._wake.clear()
            if self._is_stopped:
                return
            now_s = monotonic()
            with self._lock:
                self._drain(is_patient=True)
                is_due = now_s >= next_collect_s
                if is_due:
                    next_collect_s = now_s + self._metric_interval_s
                self._collect_guarded(whole=is_due)
                for lane in self._lanes:
                    self._empty(lane, now_s + _SEND_TIMEOUT_S, is_patient=True)

    def _drain(self, *, is_patient: bool) -> None:
        for source in self._sources:
            try:
                source.drain(is_patient=is_patient)
            except Exception as error:
                report("encode telemetry", error)

    def _collect_guarded(self, *, whole: bool) -> None:
        try:
            self._collect(whole)
        except Exception as error:
            report("collect metrics", error)

    def _empty(self, lane: Lane, deadline_s: float, *, is_patient: bool) -> None:
        """Sends a lane's batches until it is empty, one fails, or time is up."""
        while (now_s := monotonic()) < deadline_s and not self._is_stopped:
            if is_patient and now_s < lane.not_before_s:
                return
            try:
                answer = lane.send_one(now_s, deadline_s - now_s)
            except Exception as error:
                report(f"send {lane.words}", error)
                return
            if answer is None:
                return
            self._tell(lane, answer.problem if answer.is_retryable else "")
            if answer.is_retryable:
                return

    def _tell(self, lane: Lane, problem: str) -> None:
        """Says once that the server is away and once that it is back."""
        if problem:
            if not self._away:
                LOG.warning(
                    "vario: no telemetry can be sent to %s (%s); trying on in the background. "
                    "Is the server up (`vario up`) and OTEL_EXPORTER_OTLP_ENDPOINT right?",
                    lane.url,
                    problem,
                )
            self._away.add(lane.words)
        elif lane.words in self._away:
            self._away.discard(lane.words)
            if not self._away:
                LOG.info("vario: telemetry is being sent to %s again", lane.url)
        dropped = 0 if self._away else lane.take_dropped()
        if dropped:
            LOG.warning("vario: %d %s did not fit the queue and were dropped", dropped, lane.words)

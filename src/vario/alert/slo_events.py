"""Counts events for SLOs that filters over spans or log records describe, and keeps the counters.

PromQL reads series; so that such an SLO is judged as any other, what its filters match is counted
every few seconds and written as a counter. After a restart a counter begins at 0 again, which
`rate` knows how to read.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from vario.alert.evaluate import Sample
from vario.alert.group import WriteFunction
from vario.clock import Clock
from vario.errors import VarioError
from vario.model.filter import And
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_filter
from vario.query.promql.matching import label_set
from vario.slo.indicators import EVENTS_METRIC
from vario.slo.model import EventCounts, Slo
from vario.store.base import LogReader, TraceReader

log = logging.getLogger(__name__)

INTERVAL_S = 15.0
SETTLE_NS = 30 * 10**9
"""How old events are when they are counted: exporters send every few seconds, some later."""


class EventReader(TraceReader, LogReader, Protocol):
    """What is counted in."""


class SloEvents:
    """The counters of all SLOs that count events; `count` moves them to the present."""

    def __init__(
        self,
        slos: Callable[[], Sequence[Slo]],
        reader: EventReader,
        write: WriteFunction,
        clock: Clock,
    ) -> None:
        self._slos = slos
        self._reader = reader
        self._write = write
        self._clock = clock
        self._totals: dict[tuple[str, str], float] = {}
        self._until_ns: dict[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slo-events", daemon=True)

    def start(self) -> None:
        """Starts counting in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Ends counting."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_S):
            self.count()

    def count(self) -> None:
        """Counts what has settled since the last time, and writes the counters."""
        now_ns = self._clock.now_ns()
        samples: list[Sample] = []
        for slo in self._slos():
            if slo.sli.counts is not None:
                try:
                    samples += self._count(slo, slo.sli.counts, now_ns - SETTLE_NS)
                except VarioError as error:
                    log.warning("events of SLO %s are not counted: %s", slo.name, error)
        if samples:
            try:
                self._write(samples, now_ns // 1_000_000)
            except VarioError as error:
                log.warning("events of SLOs are not written: %s", error)

    def _count(self, slo: Slo, counts: EventCounts, until_ns: int) -> list[Sample]:
        since_ns = self._until_ns.setdefault(slo.name, until_ns)
        window = TimeRange(since_ns, until_ns)
        found = {"all": 0, "bad": 0}
        if window.duration_ns > 0:
            found["all"] = self._events(counts, window, "")
            part = self._events(counts, window, counts.bad or counts.good)
            found["bad"] = part if counts.bad else found["all"] - part
        self._until_ns[slo.name] = until_ns
        samples: list[Sample] = []
        for kind, count in found.items():
            key = (slo.name, kind)
            self._totals[key] = self._totals.get(key, 0.0) + count
            labels = {"__name__": EVENTS_METRIC, "slo": slo.name, "kind": kind}
            samples.append(Sample(label_set({**labels, "service": slo.service}), self._totals[key]))
        return samples

    def _events(self, counts: EventCounts, window: TimeRange, more: str) -> int:
        signal = Signal.TRACES if counts.signal == "spans" else Signal.LOGS
        tree = And(tuple(parse_filter(text, signal) for text in (counts.total, more)))
        if signal is Signal.TRACES:
            return self._reader.count_spans(tree, window)
        buckets = self._reader.count_logs(tree, window, step_ns=window.duration_ns)
        return sum(sum(bucket.counts.values()) for bucket in buckets)

"""A small inference system with a planted change: spans, records and samples of three quarters of
an hour, and the case that an investigation would make of it.

Half an hour all is well; at `ONSET_NS` something begins. Requests come every six seconds in each
region, so that a test reads in a second what it writes.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from tests.support.otlp_factory import (
    MINUTE,
    MS,
    SECOND,
    START_NS,
    logs_body,
    make_log,
    make_span,
    traces_body,
)

from vario.investigate.case import Case
from vario.investigate.reader import Reader
from vario.model.filter import And, Compare, Field, Filter, Not
from vario.model.investigation import Effect, Question, Symptom
from vario.model.series import SampleBlock
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_field
from vario.store.clickhouse import ClickHouseStore

REGIONS = ("ap-south", "eu-west", "us-east")
SERVICE = "ml-infer"
ONSET_NS = START_NS + 30 * MINUTE
END_NS = ONSET_NS + 15 * MINUTE
BASELINE = TimeRange(START_NS, ONSET_NS)
WINDOW = TimeRange(ONSET_NS, END_NS)
EVERY_NS = 6 * SECOND

ENTRY: Filter = And(
    (
        Compare(Field("intrinsic", "service.name"), "=", SERVICE),
        Compare(Field("intrinsic", "entry"), "=", True),
    )
)


class Planted:
    """Writes the system's telemetry into a store."""

    def __init__(self, store: ClickHouseStore) -> None:
        self.store = store
        self.reader = Reader(store)
        self.random = np.random.default_rng(7)
        self._spans: dict[tuple[tuple[str, Any], ...], list[Any]] = {}
        self._logs: dict[tuple[tuple[str, Any], ...], list[Any]] = {}
        self._trace = 0

    def requests(self, every_ns: int = EVERY_NS) -> Iterator[tuple[int, int, str, bool]]:
        """Yields (trace, time, region, whether it is after the onset) of every request."""
        for at_ns in range(START_NS, END_NS, every_ns):
            for region in REGIONS:
                self._trace += 1
                yield self._trace, at_ns, region, at_ns >= ONSET_NS

    def span(
        self, name: str, trace: int, span: int, at_ns: int, ms: float, *, parent: int = 0,
        region: str = "", service: str = SERVICE, version: str = "v23", instance: str = "",
        kind: str = "internal", status: str = "unset",
        attributes: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Adds a span."""
        resource = {"service.name": service, "service.version": version, "cloud.region": region}
        if instance:
            resource["service.instance.id"] = instance
        made = make_span(
            name, trace=trace, span=span, parent=parent, start_ns=at_ns, kind=kind, status=status,
            duration_ns=round(ms * MS), attributes=attributes,
        )  # fmt: skip
        self._spans.setdefault(tuple(resource.items()), []).append(made)

    def entry(self, trace: int, at_ns: int, region: str, ms: float = 0, **more: Any) -> None:
        """Adds a request's server span: about 100 ms where nothing else is said."""
        ms = ms or 100 + float(self.random.normal(0, 10))
        self.span("POST /rank", trace, 1, at_ns, ms, region=region, kind="server", **more)

    def log(
        self, body: str, at_ns: int, *, region: str = "", service: str = SERVICE, **more: Any
    ) -> None:
        """Adds a log record."""
        resource = (("service.name", service), ("cloud.region", region))
        self._logs.setdefault(resource, []).append(make_log(body, time_ns=at_ns, **more))

    def series(
        self, name: str, labels: Mapping[str, str], value: Callable[[int], float],
        *, counter: bool = False, every_s: int = 15, from_ns: int = START_NS,
    ) -> None:  # fmt: skip
        """Writes samples: `value` of the seconds since the onset, or its running sum."""
        times = np.arange(from_ns, END_NS, every_s * SECOND, dtype=np.int64)
        values = np.array([value(int(at - ONSET_NS) // SECOND) for at in times], dtype=np.float64)
        block = SampleBlock(
            np.array([0, len(times)], dtype=np.int64),
            times // MS,
            np.cumsum(values) if counter else values,
        )
        self.store.write_samples([{"__name__": name, **labels}], block)

    def write(self) -> None:
        """Writes what was added."""
        for resource, spans in self._spans.items():
            self.store.write_otlp(Signal.TRACES, traces_body(dict(resource), *spans))
        for resource, logs in self._logs.items():
            self.store.write_otlp(Signal.LOGS, logs_body(dict(resource), *logs))
        self._spans.clear()
        self._logs.clear()

    def case(self, symptom: Symptom = "latency", *, slow_ms: float = 200, **scope: str) -> Case:
        """Returns the case of a symptom over a scope."""
        within = tuple(
            Compare(parse_field(name, Signal.TRACES), "=", value) for name, value in scope.items()
        )
        return Case(
            question=Question(SERVICE, WINDOW, symptom),
            service=SERVICE,
            symptom=symptom,
            baseline=BASELINE,
            window=WINDOW,
            onset_ns=ONSET_NS,
            onset_low_ns=ONSET_NS - MINUTE,
            onset_high_ns=ONSET_NS + MINUTE,
            scope=scope,
            requests=ENTRY,
            slice=And((*ENTRY.operands, *within)),
            control=And((*ENTRY.operands, Not(And(within)))) if within else None,
            effect=Effect("share of slow requests", "1", 0.01, 0.6, 0.5, 0.68),
            slow_ns=round(slow_ms * MS),
            history=TimeRange(START_NS, END_NS),
        )


def check_evidence(planted: Planted, clues: Any) -> None:
    """Asks every query of every finding again, and compares the numbers."""
    from vario.investigate.evidence import run_query

    for clue in clues:
        for one in getattr(clue, "evidence", ()):
            again = run_query(planted.reader, one.language, one.query, one.window)
            assert again == one.value, one

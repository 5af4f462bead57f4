"""Contracts of the store. Rooms above see this module and nothing else of the store.

Ownership: `open_store` returns a `Store` that owns every handle of the engine; `close` gives them
back. Threads: every method may be called from any thread, several at a time. Bounds: every read
takes a time range and a limit, and is cut off by the store's time and memory limits with
`QueryTimeout` or `ExecutionError`. Durability: when a `write_*` method returns, its rows survive
SIGKILL, and a power cut too with the default settings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vario.config import RetentionSettings
from vario.model.alert import AlertEvent, AlertRecord, Delivery, RecordKind
from vario.model.filter import Field, Filter
from vario.model.retention import DiskState, Removal, Usage
from vario.model.series import (
    Exemplar,
    HistogramBlock,
    Labels,
    Matcher,
    Metadata,
    SampleBlock,
    SeriesSet,
)
from vario.model.service import ServiceSummary, TrafficSeries
from vario.model.telemetry import LogBucket, LogPage, Signal, Span, TimeRange, TraceSummary
from vario.store.base_changes import MarkerLog, PatternReader
from vario.store.base_explore import ExploreReader
from vario.store.base_incidents import IncidentLog
from vario.store.base_load import LoadReader


class RemoteFeed(StrEnum):
    """Kinds of remote-write requests that the store takes.

    Requests of version 1 are joined by concatenation; each of version 2 comes after its length as
    a varint. The full kinds hold exemplars, native histograms or metadata beside samples.
    """

    V1 = "remote_v1"
    V1_FULL = "remote_v1_full"
    V2 = "remote_v2"
    V2_FULL = "remote_v2_full"


TraceOrder = Literal["newest", "slowest"]
GroupBy = Literal["none", "region", "model_version"]


class SignalWriter(Protocol):
    """Takes what arrives at the doors."""

    def write_otlp(self, signal: Signal, body: bytes) -> None:
        """Writes one export request of `signal` in OTLP protobuf.

        Requests of the same signal may be joined by concatenation before they come here. The body
        has been validated (`vario.wire.otlp`); one that the engine still refuses raises `BadData`
        and writes nothing of it.

        Raises:
            BadData: the engine cannot decode the body.
            Unavailable: no space left, or the engine is stopping.
        """
        ...

    def write_remote(self, feed: RemoteFeed, body: bytes) -> None:
        """Writes Prometheus remote-write requests of one kind, joined as `RemoteFeed` says.

        Raises:
            BadData: the engine cannot decode the body, or a series in it cannot be stored (labels
                unsorted, twice, empty or without `__name__`, times before 1970 or after 2106);
                nothing of the body is kept.
            Unavailable: no space left, or the engine is stopping.
        """
        ...

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> None:
        """Writes float samples of series given by their labels (`__name__` included)."""
        ...

    def write_histograms(self, labels: Sequence[Labels], block: HistogramBlock) -> None:
        """Writes native histograms of series given by their labels (`__name__` included)."""
        ...


class TraceReader(Protocol):
    """Reads spans."""

    def find_traces(
        self, where: Filter, window: TimeRange, *, limit: int, order: TraceOrder
    ) -> list[TraceSummary]:
        """Finds traces of which at least one span matches `where` and starts in `window`.

        The order is that of the newest, or of the longest, span that matched.
        """
        ...

    def count_spans(self, where: Filter, window: TimeRange) -> int:
        """Returns how many spans match `where` and start in `window`."""
        ...

    def get_trace(self, trace_id: str) -> list[Span]:
        """Returns all stored spans of a trace ordered by start, empty where there is none."""
        ...


class LogReader(Protocol):
    """Reads log records."""

    def find_logs(
        self, where: Filter, window: TimeRange, *, limit: int, cursor: str | None = None
    ) -> LogPage:
        """Finds log records in `window`, newest first; `cursor` continues an earlier page.

        Raises:
            BadData: the cursor was not made by this store.
        """
        ...

    def count_logs(self, where: Filter, window: TimeRange, *, step_ns: int) -> list[LogBucket]:
        """Counts log records by severity in steps of `step_ns`; steps without records are there."""
        ...


class ServiceReader(Protocol):
    """Reads the overview's numbers out of entry spans, and what fields there are."""

    def find_services(self, window: TimeRange, *, step_ns: int) -> list[ServiceSummary]:
        """Summarises each (service, model) that answered requests in `window`."""
        ...

    def get_traffic(
        self, service: str, model: str | None, window: TimeRange, *, step_ns: int, by: GroupBy
    ) -> list[TrafficSeries]:
        """Returns a service's traffic, errors and latency percentiles in steps of `step_ns`."""
        ...

    def find_fields(self, signal: Signal, window: TimeRange) -> list[Field]:
        """Lists the attributes of spans or records and of resources seen in `window`, sorted.

        Where the window holds millions of rows, its newest part is looked at.
        """
        ...

    def find_field_values(
        self, signal: Signal, field: Field, window: TimeRange, *, limit: int
    ) -> list[str]:
        """Lists the most frequent values of a field in `window`, the most frequent first.

        Where the window holds millions of rows, its newest part is looked at.
        """
        ...


@dataclass(frozen=True, slots=True)
class Grid:
    """Values of n series at the steps of a range query.

    Attributes:
        values: shape (n, steps), float64.
        present: shape (n, steps), bool; false where there is no value (NaN is a value).
        exact: shape (n,), bool; false for series that the store cannot evaluate exactly: their
            values are to be computed from samples.
    """

    values: NDArray[np.float64]
    present: NDArray[np.bool_]
    exact: NDArray[np.bool_]


GRID_FUNCTIONS = frozenset(("rate", "increase", "delta", "last"))
"""What `fetch_grid` evaluates; `last` is what an instant selector gives."""


class SampleReader(Protocol):
    """Reads series and samples. `window`s in milliseconds are left-open: `(start, end]`."""

    def find_series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int | None = None
    ) -> SeriesSet:
        """Finds the series that match every matcher and have samples near the range."""
        ...

    def fetch_samples(self, series: SeriesSet, start_ms: int, end_ms: int) -> SampleBlock:
        """Fetches the float samples of `series` in `(start_ms, end_ms]`."""
        ...

    def fetch_histograms(
        self, series: SeriesSet, start_ms: int, end_ms: int
    ) -> HistogramBlock | None:
        """Fetches the native histograms of `series` in `(start_ms, end_ms]`, None for none."""
        ...

    def fetch_grid(
        self,
        function: str,
        series: SeriesSet,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        window_ms: int,
    ) -> Grid:
        """Evaluates a range function inside the engine where it is exact there.

        `GRID_FUNCTIONS` lists the functions. The steps are
        `range(start_ms, end_ms + 1, step_ms)`, each looking back over `(t - window_ms, t]`.
        """
        ...


class MetricReader(SampleReader, Protocol):
    """Reads all that is known of metrics."""

    def find_label_names(
        self, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Lists label names, sorted, of series that match any of the selectors (all if none)."""
        ...

    def find_label_values(
        self, name: str, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Lists the values of a label, sorted."""
        ...

    def find_exemplars(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 1000
    ) -> list[Exemplar]:
        """Finds exemplars of matching series, ordered by time."""
        ...

    def find_metadata(self, metric: str | None = None) -> list[Metadata]:
        """Lists what is known of one metric or of all."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """What `vario doctor` needs to know of one service's telemetry in a window.

    `clock_skew_ns` is the median, over spans whose parent is in another service, of how far the
    span starts before its parent (positive: this service's clock is behind), or ends after a
    parent that it would fit into (negative: ahead); 0 where unknown. `orphan_spans` counts spans
    whose parent is not stored. Both come from a sample of the newest spans.
    """

    service_name: str
    spans: int
    logs: int
    metric_series: int
    logs_with_trace_id: int
    spans_with_remote_parent: int
    orphan_spans: int
    has_version: bool
    has_region: bool
    clock_skew_ns: int
    newest_ns: int


@dataclass(frozen=True, slots=True)
class DamagedPart:
    """A piece of a table that could not be read and was set aside; the rest serves.

    `path` is the folder where it lies now, `found_ns` about when it was set aside.
    """

    table: str
    part: str
    path: str
    bytes: int
    found_ns: int


class HealthReader(Protocol):
    """Reads what the doctor asks."""

    def check_services(self, window: TimeRange) -> list[ServiceHealth]:
        """Reports the state of each service's telemetry in `window`."""
        ...

    def get_sizes(self) -> Mapping[str, tuple[int, int]]:
        """Returns rows and bytes on disk by table."""
        ...

    def find_damaged(self) -> list[DamagedPart]:
        """Lists what was damaged and set aside."""
        ...


@dataclass(frozen=True, slots=True)
class Cube:
    """Spans or records counted by the values of some fields and by step.

    Attributes:
        keys: the values of each row, in the order in which the fields were asked for; a row for
            each combination that occurs.
        count: shape (rows, steps), how many there were (where spans are sampled, how many they
            stand for).
        errors: how many of them failed; of records those of severity ERROR and above.
        slow: how many took longer than the threshold; zeros for records.
        duration_s: their durations, summed; zeros for records.
    """

    keys: tuple[tuple[str, ...], ...]
    count: NDArray[np.float64]
    errors: NDArray[np.float64]
    slow: NDArray[np.float64]
    duration_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SpanTable:
    """Spans of some traces as columns, those of a trace together and ordered by start.

    Attributes:
        trace: shape (n,), position in `trace_ids`.
        span_id: n ids; `parent_id` likewise, empty for a root.
        service: n names; `name` and `kind` likewise.
        start_ns: shape (n,), int64.
        duration_ns: shape (n,), int64.
        error: shape (n,), bool.
        attributes: n maps.
    """

    trace_ids: tuple[str, ...]
    trace: NDArray[np.int64]
    span_id: Sequence[str]
    parent_id: Sequence[str]
    service: Sequence[str]
    name: Sequence[str]
    kind: Sequence[str]
    start_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]
    error: NDArray[np.bool_]
    attributes: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """How the values of an attribute look: `share` of the rows have it; the most frequent first."""

    field: Field
    share: float
    distinct: int
    values: tuple[str, ...]


Aggregate = Literal["count", "avg", "sum", "min", "max", "p50", "p90", "p95", "p99", "distinct"]


class EvidenceReader(Protocol):
    """Reads what an investigation weighs.

    Sampling is by a hash of the trace id: it keeps traces whole, and the answer is the same twice.
    """

    def profile_fields(
        self, signal: Signal, where: Filter, window: TimeRange, *, rows: int
    ) -> list[FieldProfile]:
        """Describes the attributes of spans or records, and of resources, from a sample of rows."""
        ...

    def read_cube(
        self,
        signal: Signal,
        where: Filter,
        window: TimeRange,
        *,
        step_ns: int,
        by: Sequence[Field],
        slow_ns: int = 0,
        limit: int = 20_000,
        share: float = 1.0,
    ) -> Cube:
        """Counts spans or records by fields and step; the `limit` largest combinations.

        With a `share` below 1 only that part of the time of each step is read.
        """
        ...

    def sample_traces(self, where: Filter, window: TimeRange, *, limit: int) -> SpanTable:
        """Returns the spans of at most about `limit` traces with a span that matches `where`."""
        ...

    def aggregate(
        self,
        signal: Signal,
        function: Aggregate,
        field: Field | None,
        where: Filter,
        window: TimeRange,
    ) -> float:
        """Returns one number over all that matches; durations in seconds, NaN over nothing.

        Args:
            signal: spans or records.
            function: what is computed.
            field: of which values, read as numbers but for `distinct`; None for `count`.
            where: which spans or records.
            window: when they began.
        """
        ...  # fmt: skip


class AlertLog(Protocol):
    """Keeps what became of alerts, what people said of them, and what was told to whom.

    Everything is appended. Of rows with the same id the one with the highest version holds.
    """

    def write_alert_events(self, events: Sequence[AlertEvent]) -> None:
        """Appends changes of alerts."""
        ...

    def find_latest_alerts(self, since_ns: int) -> list[AlertEvent]:
        """Returns the last event of each alert that is pending or firing, or changed lately.

        Args:
            since_ns: alerts that are resolved or inactive are left out if it was before this.
        """
        ...

    def find_alert_events(
        self, matchers: Sequence[Matcher], window: TimeRange, *, limit: int, alert_id: str = ""
    ) -> list[AlertEvent]:
        """Finds events in `window` whose labels match, newest first; of one alert if it is named.

        Regular expressions are left to the caller: only `=` and `!=` are looked at.
        """
        ...

    def write_alert_records(self, records: Sequence[AlertRecord]) -> None:
        """Appends versions of records."""
        ...

    def find_alert_records(self, kind: RecordKind) -> list[AlertRecord]:
        """Returns the last version of each record of a kind that is not deleted, by id."""
        ...

    def write_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Appends versions of deliveries; all of them are there afterwards, or none."""
        ...

    def find_open_deliveries(self) -> list[Delivery]:
        """Returns the deliveries that are still to be made, oldest first."""
        ...

    def find_last_deliveries(self) -> list[Delivery]:
        """Returns the newest delivery of each receiver and group, tests left out."""
        ...

    def find_deliveries(
        self, *, limit: int, receiver: str = "", status: str = "", delivery_id: str = ""
    ) -> list[Delivery]:
        """Returns deliveries, newest first; of one receiver, status or id where it is given."""
        ...


class ReferenceStore(Protocol):
    """Keeps what models are compared with, as JSON texts (`vario.drift.reference`)."""

    def write_reference(self, model_name: str, name: str, body: str) -> None:
        """Keeps a reference; one of the same model and name is replaced."""
        ...

    def delete_reference(self, model_name: str, name: str) -> bool:
        """Deletes a reference; returns whether there was one."""
        ...

    def find_references(self) -> list[tuple[str, str, str]]:
        """Lists (model, name, body) of every reference, the one written last at the end."""
        ...


class DataKeeper(Protocol):
    """Looks after how much is stored and for how long."""

    settings: RetentionSettings

    @property
    def days_kept(self) -> Mapping[str, int]:
        """By kind, after how many days all of it goes."""
        ...

    def check_disk(self) -> DiskState:
        """Returns how full the disk is and will be."""
        ...

    def find_usage(self) -> Usage:
        """Returns what takes the space."""
        ...

    def find_removals(self, limit: int = 100) -> list[Removal]:
        """Returns what went lately, the last first."""
        ...

    def stream_backup(self) -> Iterator[bytes]:
        """Yields a backup of everything piece by piece.

        Raises:
            Overloaded: another backup is being made.
        """
        ...


class Store(
    SignalWriter,
    TraceReader,
    LogReader,
    PatternReader,
    MarkerLog,
    ServiceReader,
    MetricReader,
    HealthReader,
    EvidenceReader,
    AlertLog,
    IncidentLog,
    ReferenceStore,
    ExploreReader,
    LoadReader,
    Protocol,
):
    """Everything above over one engine."""

    def ping(self) -> None:
        """Returns if the engine answers.

        Raises:
            Unavailable: it does not.
        """
        ...

    def close(self) -> None:
        """Waits for writes in flight and gives every handle back."""
        ...

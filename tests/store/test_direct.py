"""Small requests as rows made here: the same rows that the engine's views make of them."""

import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.support.otlp_factory import (
    DELTA,
    SECOND,
    START_NS,
    Attributes,
    logs_body,
    make_event,
    make_exemplar,
    make_exponential,
    make_gauge,
    make_histogram,
    make_link,
    make_log,
    make_point,
    make_span,
    make_sum,
    make_summary,
    metrics_body,
    traces_body,
)
from tests.support.remote import STALE, Series, series, v1

from vario.errors import VarioError
from vario.model.series import SampleBlock
from vario.model.telemetry import Signal
from vario.store.base import RemoteFeed
from vario.store.clickhouse import ClickHouseStore
from vario.store.direct import writer
from vario.store.direct.book import SeriesBook
from vario.store.direct.remote import sample_rows
from vario.store.direct.values import NotPlain, double_text

START_MS = START_NS // 1_000_000
KEYS = (
    "model_name", "model_version", "region", "http.status_code", "http.response.status_code",
    "a.b", "1st", "_own", "__kept", "größe", "", "job", "le", "quantile", "instance", "tab\there",
    "__name__",
)  # fmt: skip
STATUSES = {"http.status_code", "http.response.status_code"}
TEXTS = ("", "v1", "500", "a 'quoted' \\ \"text\"", "zwei\nZeilen", "ü" * 70, "x" * 300, "\0nul")
SAMPLES = (0.0, -0.0, 1.0, 0.1, 1e300, float("inf"), float("nan"), STALE)
DOUBLES = (0.0, -0.0, 1.0, 0.1, 1e-5, 1.5e-7, 2.5e15, 1e20, 1e21, -3.25e300, float("nan"), 7.25)


def some_value(rng: random.Random) -> Any:
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice(DOUBLES)
    if kind == 1:
        return rng.choice((0, 200, 503, -(2**63), 2**63 - 1))
    if kind == 2:
        return rng.random() < 0.5
    return rng.randbytes(5) if kind == 3 else None if kind == 4 else rng.choice(TEXTS)


def some_attributes(rng: random.Random, most: int = 6) -> Attributes:
    keys = rng.sample(KEYS, rng.randrange(most))
    codes = (200, 503, "500")
    return {key: rng.choice(codes) if key in STATUSES else some_value(rng) for key in keys}


def some_resource(rng: random.Random) -> Attributes:
    keys = ("service.name", "service.namespace", "service.instance.id", "service.version")
    more = ("cloud.region", "host.name", "region", "model_name")
    return {key: rng.choice(("one", "two", "")) for key in (*keys, *more) if rng.random() < 0.7}


def some_spans(rng: random.Random) -> bytes:
    spans = [
        make_span(
            rng.choice(TEXTS),
            trace=rng.randrange(9),
            span=at,
            parent=rng.randrange(3),
            start_ns=START_NS + rng.randrange(10**9),
            duration_ns=rng.randrange(10**9),
            kind=rng.choice(("unspecified", "internal", "server", "client", "consumer")),
            status=rng.choice(("unset", "ok", "error")),
            message=rng.choice(TEXTS),
            attributes=some_attributes(rng),
            events=[
                make_event(rng.choice(TEXTS), attributes=some_attributes(rng, 3))
                for _ in range(rng.randrange(3))
            ],
            links=[
                make_link(trace=1, span=2, attributes=some_attributes(rng, 3))
                for _ in range(rng.randrange(2))
            ],
            trace_state=rng.choice(("", "a=b")),
        )
        for at in range(12)
    ]
    return traces_body(some_resource(rng), *spans, scope=rng.choice(TEXTS))


def some_records(rng: random.Random) -> bytes:
    records = [
        make_log(
            some_value(rng),
            time_ns=rng.choice((0, START_NS + rng.randrange(10**9), 2**64 - 1)),
            observed_ns=START_NS,
            severity=rng.choice((-1, 0, 9, 30)),
            severity_text=rng.choice(TEXTS),
            trace=rng.randrange(2),
            span=rng.randrange(2),
            attributes=some_attributes(rng),
            event_name=rng.choice(TEXTS),
        )
        for _ in range(12)
    ]
    return logs_body(some_resource(rng), *records, scope=rng.choice(TEXTS))


def some_metrics(rng: random.Random) -> bytes:
    """One point of every kind; two of the keys that become one label are never together."""
    unit = rng.choice(("", "1", "s", "By/s", "{thing}", "ms", " % "))
    exemplars = [
        make_exemplar(rng.choice(DOUBLES), trace=1, span=2, attributes=some_attributes(rng, 3))
        for _ in range(rng.randrange(2))
    ]
    common: dict[str, Any] = {
        "attributes": some_attributes(rng),
        "time_ns": START_NS + rng.randrange(3) * SECOND,
        "exemplars": exemplars,
    }
    flags = int(rng.random() < 0.2)
    value = rng.choice((None, 3, -(2**60) - 1, *DOUBLES))
    described = {"unit": unit, "description": TEXTS[3]}
    temporality = rng.choice((DELTA, 2))
    metrics = [
        make_gauge("a.gauge", make_point(value, flags=flags, **common), **described),
        make_sum(
            "some.total",
            make_point(value, flags=flags, **common),
            monotonic=rng.random() < 0.5,
            temporality=temporality,
            **described,
        ),
        make_histogram(
            "9 lives",
            bounds=rng.choice(((), (0.005, 1, 1e-7, 10), (1.0, float("inf")))),
            counts=rng.choice(((), (1, 2), (1, 2, 3, 2**62, 5))),
            total=4.5,
            flags=flags,
            temporality=temporality,
            **described,
            **common,
        ),
        make_exponential(
            "native",
            scale=rng.randrange(-4, 9),
            positive=(1, 0, 2),
            positive_offset=rng.randrange(-3, 3),
            negative=(3,),
            zero_count=2,
            total=1.5,
            unit=unit,
            **common,
        ),
        make_summary("q", quantiles={0.5: 1.0, 0.999: float("nan")}, count=3, total=2.5),
    ]
    return metrics_body(some_resource(rng), *metrics)


QUERIES = (
    "SELECT * FROM otel_traces",
    "SELECT * FROM otel_traces_trace_id_ts FINAL",
    "SELECT * FROM otel_logs",
    "SELECT * REPLACE (reinterpretAsUInt64(value) AS value) FROM metric_samples",
    "SELECT * REPLACE (reinterpretAsUInt64(value) AS value) FROM metric_exemplars",
    "SELECT * REPLACE (reinterpretAsUInt64(sum) AS sum) FROM metric_histograms",
    "SELECT DISTINCT * FROM metric_series FINAL",
    "SELECT DISTINCT * FROM metric_metadata FINAL",
)


def take_all(store: ClickHouseStore) -> list[list[bytes]]:
    """Returns what is in every table, and empties it."""
    found = []
    for query in QUERIES:
        rows = store.engine.query_bytes(f"SELECT * FROM ({query}) ORDER BY ALL", fmt="TSV")
        found.append(rows.splitlines())
        store.engine.command(f"TRUNCATE TABLE {query.partition(' FROM ')[2].split()[0]}")
    return found


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, method: str = "write_otlp") -> Generator[list[bool]]:
    """Yields what a method of `DirectWriter` answers."""
    answers: list[bool] = []
    write = getattr(writer.DirectWriter, method)

    def note(self: writer.DirectWriter, *what: Any) -> bool:
        answers.append(write(self, *what))
        return answers[-1]

    with monkeypatch.context() as patch:
        patch.setattr(writer.DirectWriter, method, note)
        yield answers


@pytest.mark.parametrize(
    ("signal", "make", "requests"),
    [
        (Signal.TRACES, some_spans, 9),
        (Signal.LOGS, some_records, 9),
        (Signal.METRICS, some_metrics, 30),
    ],
)
def test_the_same_rows_as_through_the_views(
    store: ClickHouseStore,
    monkeypatch: pytest.MonkeyPatch,
    signal: Signal,
    make: Callable[[random.Random], bytes],
    requests: int,
) -> None:
    rng = random.Random(7)
    bodies = [make(rng) for _ in range(requests)]
    with counted(monkeypatch) as answers:
        for body in bodies:
            # Each on its own, so that what is not plain in one is not held against another.
            store.write_otlp(signal, body)
    assert answers.count(True) > requests / 3
    through_rows = take_all(store)

    views = ClickHouseStore(store.engine, store.clock, direct=False)
    views.write_otlp(signal, b"".join(bodies))
    assert through_rows == take_all(store)


def some_series(rng: random.Random) -> Series:
    """A series of one hour, now and then of two, of which many requests have the same."""
    labels = {key: rng.choice(TEXTS) for key in rng.sample(KEYS, rng.randint(0, 6))}
    labels = {key: value for key, value in labels.items() if key and value}
    hours = 2 if rng.random() < 0.02 else 1
    times = sorted(rng.randrange(hours * 3_600_000) for _ in range(rng.choice((0, 1, 1, 1, 3))))
    samples = [(START_MS // 3_600_000 * 3_600_000 + at, rng.choice(SAMPLES)) for at in times]
    return series(rng.choice(("a_total", "b", "c:größe")), *samples, **labels)


def test_remote_write_makes_the_same_rows_as_the_views(
    store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(11)
    bodies = [v1(*(some_series(rng) for _ in range(rng.randint(0, 12)))) for _ in range(40)]
    bodies += [v1(series("of_1970", (0, 1.0))), v1(series("early", (1000, 1.0)))]
    with counted(monkeypatch, "write_remote") as answers:
        for body in bodies * 2:
            store.write_remote(RemoteFeed.V1, body)
    assert len(answers) * 0.6 < answers.count(True) < len(answers)
    through_rows = take_all(store)
    views = ClickHouseStore(store.engine, store.clock, direct=False)
    views.write_remote(RemoteFeed.V1, b"".join(bodies * 2))
    assert through_rows == take_all(store)


def test_a_request_that_is_cut_off_is_left_to_the_engine(store: ClickHouseStore) -> None:
    first, second = (v1(series("b", (START_MS, value), job="x")) for value in (1.5, 0.0))
    sound = {len(first): 1, len(first + second): 2}
    for size in range(1, len(first + second) + 1):
        try:
            found = sample_rows((first + second)[:size], SeriesBook(store.engine))
        except NotPlain:
            assert size not in sound
        else:
            assert len(found.later) == sound[size]


def test_numbers_are_written_as_the_engine_writes_them(store: ClickHouseStore) -> None:
    rng = random.Random(5)
    numbers = [*DOUBLES, float("inf"), float("-inf"), *(10.0**power for power in range(-9, 24))]
    numbers += [rng.lognormvariate(0, 20) for _ in range(500)]
    written = store.engine.query_rows(
        "SELECT arrayMap(x -> toString(reinterpretAsFloat64(x)), {bits:Array(UInt64)})",
        {"bits": np.array(numbers).view(np.uint64).tolist()},
    )
    assert written == [(list(map(double_text, numbers)),)]


def test_what_is_not_plain_goes_through_the_views(store: ClickHouseStore) -> None:
    spans = [
        make_span("sampled", span=1, trace_state="ot=th:8"),
        make_span("odd status", span=2, attributes={"http.status_code": "5e2"}),
    ]
    for span in spans:
        store.write_otlp(Signal.TRACES, traces_body("s", span))
    assert store.engine.query_rows(
        "SELECT SpanName, Weight, IsError FROM otel_traces ORDER BY SpanName"
    ) == [("odd status", 1.0, False), ("sampled", 2.0, False)]
    far = make_exponential("far", scale=0, positive=[1], positive_offset=2**31 - 1)
    store.write_otlp(Signal.METRICS, metrics_body("s", far))
    assert store.engine.query_rows("SELECT count() FROM metric_histograms") == [(1,)]
    joined = {"a.b": "2", "a_b": "1"}
    store.write_otlp(
        Signal.METRICS, metrics_body("s", make_gauge("g", make_point(1, attributes=joined)))
    )
    labels = store.engine.query_rows("SELECT labels['a_b'] FROM metric_series WHERE name = 'g'")
    assert labels == [("1;2",)]


def test_a_table_that_another_made_is_left_to_the_views(store: ClickHouseStore) -> None:
    store.engine.command("ALTER TABLE otel_logs MODIFY COLUMN EventName LowCardinality(String)")
    other = ClickHouseStore(store.engine, store.clock)
    other.write_otlp(Signal.LOGS, logs_body("s", make_log("hello", event_name="e")))
    assert store.engine.query_rows("SELECT Body, EventName FROM otel_logs") == [("hello", "e")]


def test_a_series_of_a_failed_insert_is_written_with_the_next(store: ClickHouseStore) -> None:
    body = metrics_body("s", make_gauge("g", make_point(1)))
    store.engine.command("RENAME TABLE metric_samples TO aside")
    with pytest.raises(VarioError):
        store.write_otlp(Signal.METRICS, body)
    store.engine.command("RENAME TABLE aside TO metric_samples")
    store.engine.command("TRUNCATE TABLE metric_series")
    store.write_otlp(Signal.METRICS, body)
    found = store.find_series((), START_MS - 1, START_MS)
    assert {labels["__name__"] for labels in found.labels} == {"g", "target_info"}


def test_more_series_than_are_remembered(
    store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vario.store.direct.book.MOST_SERIES", 3)
    points = [make_point(at, attributes={"at": str(at)}) for at in range(8)]
    with counted(monkeypatch) as answers:
        for some in pairwise(points):
            store.write_otlp(Signal.METRICS, metrics_body({}, make_gauge("g", *some)))
    assert answers == [True, True, False, False, False, False, False]
    store.write_samples([{"__name__": "up"}], SampleBlock(*map(np.array, ([0, 1], [1], [1.0]))))
    found = store.find_series((), START_MS - 1, START_MS)
    assert sorted(labels["at"] for labels in found.labels) == list("01234567")


def test_many_new_series_are_learned_bit_by_bit(
    store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_NEW", 3)
    points = [make_point(at, attributes={"at": str(at)}) for at in range(8)]
    body = metrics_body("s", make_gauge("g", *points))
    with counted(monkeypatch) as answers:
        for _ in range(4):
            store.write_otlp(Signal.METRICS, body)
    assert answers == [False, False, True, True]  # nine series, target_info among them
    assert store.engine.query_rows("SELECT uniqExact(id), count() FROM metric_samples") == [(9, 36)]
    sent = v1(*(series("r", (START_MS, 1.0), at=str(at)) for at in range(5)))
    with counted(monkeypatch, "write_remote") as answers:
        for _ in range(3):
            store.write_remote(RemoteFeed.V1, sent)
    assert answers == [False, True, True]
    assert len(store.find_series((), START_MS - 1, START_MS)) == 14


def test_samples_by_their_labels(store: ClickHouseStore) -> None:
    labels = [{"__name__": "up", "job": "ü'"}, {"__name__": "none"}, {"__name__": "up"}]
    block = SampleBlock(
        np.array([0, 2, 2, 3]),
        np.array([START_MS, START_MS + 3_600_000, START_MS]),
        np.array([1.0, float("nan"), -0.0]),
    )
    store.write_samples(labels, block)
    through_rows = take_all(store)
    ClickHouseStore(store.engine, store.clock, direct=False).write_samples(labels, block)
    assert through_rows == take_all(store)

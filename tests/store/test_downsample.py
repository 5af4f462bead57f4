"""Old samples are thinned out, and what is asked of them at coarser steps stays the same."""

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import KEEP_FOR_YEARS, START_NS

from vario.clock import ManualClock
from vario.model.series import STALE_NAN_BITS, HistogramBlock, Matcher, SampleBlock
from vario.query.promql.engine import PromQL
from vario.store.clickhouse import ClickHouseStore
from vario.store.direct.book import HOUR_MS
from vario.store.retention import Keeper

DAY_MS = 86_400_000
MIDNIGHT_MS = START_NS // 10**6 // DAY_MS * DAY_MS - 9 * DAY_MS
"""Nine days before the clock's."""
STALE = float(np.array([STALE_NAN_BITS], dtype=np.uint64).view(np.float64)[0])
OLD = replace(KEEP_FOR_YEARS, downsample_after_days=7)


def write(
    store: ClickHouseStore, name: str, samples: list[tuple[int, float]], **labels: str
) -> None:
    """Writes samples of one series: (seconds after midnight, value)."""
    block = SampleBlock(
        np.array([0, len(samples)], dtype=np.int64),
        np.array([MIDNIGHT_MS + s * 1000 for s, _ in samples], dtype=np.int64),
        np.array([v for _, v in samples], dtype=np.float64),
    )
    store.write_samples([{"__name__": name, **labels}], block)


def kept(store: ClickHouseStore, name: str) -> list[tuple[int, float]]:
    series = store.find_series([Matcher("__name__", "=", name)], 0, MIDNIGHT_MS + DAY_MS * 20)
    block = store.fetch_samples(series, 0, MIDNIGHT_MS + DAY_MS * 20)
    seconds = (block.ts_ms - MIDNIGHT_MS) // 1000
    return list(zip(seconds.tolist(), block.values.tolist(), strict=True))


def test_a_counter_keeps_ends_and_resets(store: ClickHouseStore, clock: ManualClock) -> None:
    values = [0, 1, 2, 3, 4, 1, 2, 3, 4, 5]
    write(store, "requests_total", [(30 * (i + 1), v) for i, v in enumerate(values)])
    removed = Keeper(store.engine, clock, OLD).run_once()
    assert kept(store, "requests_total") == [(30, 0), (150, 4), (180, 1), (300, 5)]
    assert [(one.reason, one.rows) for one in removed] == [("downsampled", 6)]


def test_a_gauge_keeps_ends_and_extremes(store: ClickHouseStore, clock: ManualClock) -> None:
    values = [5, 6, 9, 4, 1, 3, 4, 5, 5, 5]
    write(store, "queue", [(30 * (i + 1), v) for i, v in enumerate(values)])
    Keeper(store.engine, clock, OLD).run_once()
    assert kept(store, "queue") == [(30, 5), (90, 9), (150, 1), (300, 5)]


def test_stale_markers_stay(store: ClickHouseStore, clock: ManualClock) -> None:
    write(store, "up_total", [(10, 1), (20, 2), (30, 3), (40, STALE), (100, 4), (110, 5)])
    Keeper(store.engine, clock, OLD).run_once()
    assert [seconds for seconds, _ in kept(store, "up_total")] == [10, 40, 110]


def test_young_days_and_later_rounds_change_nothing(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    write(store, "requests_total", [(10 * i + 10, i) for i in range(30)])
    write(store, "requests_total", [(8 * 86_400 + 10 * i, i) for i in range(30)], age="young")
    keeper = Keeper(store.engine, clock, OLD)
    assert len(keeper.run_once()) == 1
    once = kept(store, "requests_total")
    assert len(once) == 32
    assert keeper.run_once() == []
    assert kept(store, "requests_total") == once


def test_what_comes_late_is_thinned_out_when_it_is_much(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    keeper = Keeper(store.engine, clock, OLD)
    write(store, "requests_total", [(10 * i + 10, i) for i in range(30)])
    keeper.run_once()
    write(store, "requests_total", [(300 + 10 * i + 10, 30 + i) for i in range(30)])
    assert [one.rows for one in keeper.run_once()] == [28]
    assert kept(store, "requests_total") == [(10, 0), (300, 29), (310, 30), (600, 59)]


def test_native_histograms_keep_ends_and_resets(store: ClickHouseStore, clock: ManualClock) -> None:
    counts = [1.0, 2, 3, 4, 1, 2, 3, 4, 5, 6]
    n = len(counts)
    block = HistogramBlock(
        offsets=np.array([0, n], dtype=np.int64),
        ts_ms=np.array([MIDNIGHT_MS + 30_000 * (i + 1) for i in range(n)], dtype=np.int64),
        count=np.array(counts),
        sum=np.array(counts) * 2,
        schema=np.zeros(n, dtype=np.int64),
        zero_threshold=np.zeros(n),
        zero_count=np.zeros(n),
        positive_offset=np.zeros(n, dtype=np.int64),
        positive=[[c] for c in counts],
        negative_offset=np.zeros(n, dtype=np.int64),
        negative=[[]] * n,
        bounds=[[]] * n,
        reset_hint=np.zeros(n, dtype=np.int64),
    )
    store.write_histograms([{"__name__": "latency"}], block)
    at = MIDNIGHT_MS + 300_000
    before = answers(store, ["histogram_count(increase(latency[5m]))"], at)
    Keeper(store.engine, clock, OLD).run_once()
    series = store.find_series([Matcher("__name__", "=", "latency")], 0, at)
    left = store.fetch_histograms(series, 0, at)
    assert left is not None
    assert left.count.tolist() == [1, 4, 1, 6]
    assert answers(store, ["histogram_count(increase(latency[5m]))"], at) == before


def answers(store: ClickHouseStore, queries: list[str], at_ms: int) -> list[object]:
    engine = PromQL(store)
    found = [engine.instant(query, at_ms).series for query in queries]
    return [sorted(repr(one) for one in series) for series in found]


QUERIES = [
    "rate(h_bucket[10m])",
    "increase(h_bucket[10m])",
    "histogram_quantile(0.9, sum by (le) (rate(h_bucket[10m])))",
    "h_bucket",
    "resets(h_bucket[10m])",
    "max_over_time(g[10m])",
    "min_over_time(g[5m])",
    "delta(g[10m])",
    "g",
]


@given(
    steps=st.lists(st.tuples(st.integers(-1, 9), st.integers(-5, 50)), min_size=2, max_size=150),
    every=st.sampled_from([5, 15, 30]),
    phase=st.integers(0, 4),
)
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_answers_over_whole_intervals_stay_the_same(
    store: ClickHouseStore,
    clock: ManualClock,
    steps: list[tuple[int, int]],
    every: int,
    phase: int,
) -> None:
    """Buckets of a histogram that is reset where a step is negative, and a gauge beside it.

    The series cover every window: beyond a series' own ends rates are extrapolated by the mean
    distance of its samples, and that grows.
    """
    for table in ("metric_samples", "metric_series", "vario_migrations"):
        store.engine.command(f"TRUNCATE TABLE {table}")
    clock.advance_ns(HOUR_MS * 10**6)  # what is remembered of series is forgotten
    counts: list[tuple[int, float]] = []
    gauge: list[tuple[int, float]] = []
    total = 0
    samples = 4200 // every
    for i, (step, level) in enumerate(itertools.islice(itertools.cycle(steps), samples)):
        total = 0 if step < 0 else total + step
        counts.append((phase + every * (i + 1), float(total)))
        gauge.append((phase + every * (i + 1), float(level)))
    write(store, "h_bucket", counts, le="+Inf")
    write(store, "h_bucket", [(s, v // 2) for s, v in counts], le="1")
    write(store, "g", gauge)
    times = [MIDNIGHT_MS + 300_000 * k for k in (3, 4, 8, 13)]
    before = [answers(store, QUERIES, at) for at in times]
    assert all(map(all, before))
    Keeper(store.engine, clock, OLD).run_once()
    assert [answers(store, QUERIES, at) for at in times] == before

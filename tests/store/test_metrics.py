"""Metrics out of the store: what a small reader in memory finds, the tables give as well."""

from collections.abc import Sequence

import numpy as np
import pytest
from tests.conftest import START_NS
from tests.support.metric_reader import MemoryReader

from vario.model.series import Exemplar, HistogramBlock, Matcher, Metadata, SampleBlock
from vario.store.clickhouse import ClickHouseStore

T0 = START_NS // 1_000_000 - 600_000
LABELS = (
    {"__name__": "a", "job": "x", "path": "/a.b"},
    {"__name__": "a", "job": "xy", "path": "/aXb"},
    {"__name__": "a", "job": "y"},
    {"__name__": "b", "job": "x\ny", "ü.1": "'\\"},
)
MATCHERS: tuple[tuple[Matcher, ...], ...] = (
    (Matcher("__name__", "=", "a"),),
    (Matcher("__name__", "!=", "a"),),
    (Matcher("__name__", "=~", "a|c"),),
    (Matcher("__name__", "!~", "a.*"),),
    (Matcher("__name__", "=~", ".+"), Matcher("job", "=~", "x")),
    (Matcher("__name__", "=~", ".+"), Matcher("job", "=~", "x.*")),
    (Matcher("__name__", "=~", ".+"), Matcher("job", "=~", "(?s:x.y)")),
    (Matcher("job", "=~", "x|y"), Matcher("job", "!=", "x")),
    (Matcher("__name__", "=", "a"), Matcher("path", "=", "")),
    (Matcher("__name__", "=", "a"), Matcher("path", "!=", "")),
    (Matcher("__name__", "=", "a"), Matcher("path", "=~", "(/a.b)?")),
    (Matcher("__name__", "=", "a"), Matcher("path", "=~", "/a\\.b|")),
    (Matcher("__name__", "=", "a"), Matcher("path", "!~", "/a\\.b|")),
    (Matcher("__name__", "=", "a"), Matcher("path", "!~", ".+")),
    (Matcher("ü.1", "=", "'\\"),),
    (Matcher("job", "=", "missing"),),
)


def block(*series: Sequence[tuple[int, float]]) -> SampleBlock:
    flat = [point for one in series for point in one]
    return SampleBlock(
        np.concatenate(([0], np.cumsum([len(one) for one in series]))).astype(np.int64),
        np.array([T0 + time for time, _ in flat], dtype=np.int64),
        np.array([value for _, value in flat]),
    )


def histograms() -> HistogramBlock:
    """Two histograms of one series: with exponential buckets, and with bounds."""
    return HistogramBlock(
        offsets=np.array([0, 2]),
        ts_ms=np.array([T0 + 1000, T0 + 2000]),
        count=np.array([6.0, 3.5]),
        sum=np.array([10.0, np.inf]),
        schema=np.array([-2, -53]),
        zero_threshold=np.array([0.001, 0.0]),
        zero_count=np.array([1.0, 0.0]),
        positive_offset=np.array([-3, 0]),
        positive=[[1.0, 0.0, 2.0], [0.5, 3.0]],
        negative_offset=np.array([4, 0]),
        negative=[[2.0], []],
        bounds=[[], [0.25]],
        reset_hint=np.array([3, 1]),
    )


@pytest.fixture
def filled(store: ClickHouseStore) -> tuple[ClickHouseStore, MemoryReader]:
    """The store, and the reader in memory, with the same in both."""
    memory = MemoryReader()
    for target in (store, memory):
        target.write_samples(
            LABELS,
            block([(0, 1.0), (1000, 2.0), (1500, -0.0)], [(500, 3.0)], [(9000, 4.0)], [(7, 5.0)]),
        )
        target.write_histograms([{"__name__": "nh", "job": "x"}], histograms())
    return store, memory


def test_finds_and_fetches_what_memory_does(
    filled: tuple[ClickHouseStore, MemoryReader],
) -> None:
    for matchers in MATCHERS:
        answers = [_everything(reader, matchers) for reader in filled]
        assert answers[0] == answers[1], matchers


def _everything(reader: ClickHouseStore | MemoryReader, matchers: Sequence[Matcher]) -> object:
    found = reader.find_series(matchers, T0 - 1, T0 + 10_000)
    samples = reader.fetch_samples(found, T0, T0 + 9000)
    order = sorted(range(len(found)), key=lambda i: sorted(found.labels[i].items()))
    return (
        [
            (
                dict(found.labels[i]),
                samples.ts_ms[samples.offsets[i] : samples.offsets[i + 1]].tolist(),
                samples.values[samples.offsets[i] : samples.offsets[i + 1]].tolist(),
            )
            for i in order
        ],
        reader.find_label_names([matchers], T0 - 1, T0 + 10_000),
        reader.find_label_values("job", [matchers], T0 - 1, T0 + 10_000),
    )


def test_native_histograms_come_back(filled: tuple[ClickHouseStore, MemoryReader]) -> None:
    store, _ = filled
    found = store.find_series((Matcher("__name__", "=", "nh"),), T0, T0 + 10_000)
    assert found.native
    got, want = store.fetch_histograms(found, T0, T0 + 10_000), histograms()
    assert got is not None
    for name in HistogramBlock.__slots__:
        assert [list(x) if np.ndim(x) else x for x in getattr(got, name)] == [
            list(x) if np.ndim(x) else x for x in getattr(want, name)
        ], name
    assert store.fetch_histograms(found, T0 + 2000, T0 + 10_000) is None


def test_a_time_written_twice_is_one_sample(store: ClickHouseStore) -> None:
    for _ in range(2):
        store.write_samples(LABELS[:1], block([(0, 1.0), (1000, 2.0)]))
    found = store.find_series((Matcher("__name__", "=", "a"),), T0 - 1, T0 + 5000)
    fetched = store.fetch_samples(found, T0 - 1, T0 + 5000)
    assert fetched.ts_ms.tolist() == [T0, T0 + 1000]
    assert fetched.values.tolist() == [1.0, 2.0]


def test_exemplars_and_metadata(filled: tuple[ClickHouseStore, MemoryReader]) -> None:
    store, _ = filled
    store.engine.command(
        "INSERT INTO metric_exemplars SELECT id, fromUnixTimestamp64Milli({at:Int64}), 0.5, 'aa',"
        " 'bb', map('k', 'v') FROM metric_series WHERE name = 'a' AND labels['job'] = 'y'",
        {"at": T0 + 5},
    )
    store.engine.command("INSERT INTO metric_metadata VALUES ('a', 'gauge', 's', 'Help.')")
    matchers = (Matcher("__name__", "=", "a"),)
    one = Exemplar(LABELS[2], T0 + 5, 0.5, "aa", "bb", {"k": "v"})
    assert store.find_exemplars(matchers, T0 + 5, T0 + 5) == [one]
    assert store.find_exemplars(matchers, T0 + 6, T0 + 9) == []
    assert (
        store.find_metadata("a") == store.find_metadata() == [Metadata("a", "gauge", "s", "Help.")]
    )
    assert store.find_metadata("b") == []


def test_series_are_found_once_until_there_are_new_ones(store: ClickHouseStore) -> None:
    def names(*matchers: Matcher) -> list[object]:
        found = store.find_series(matchers, T0 - 1, T0 + 10_000)
        assert found.pairs == tuple(tuple(sorted(labels.items())) for labels in found.labels)
        assert list(found.pairs) == sorted(found.pairs)
        return [dict(labels) for labels in found.labels]

    all_a, of_x = Matcher("__name__", "=", "a"), Matcher("job", "=", "x")
    assert names(all_a) == []
    store.write_samples(LABELS[1:3], block([(0, 1.0)], [(0, 2.0)]))
    assert names(all_a) == [LABELS[1], LABELS[2]]
    asked = (all_a,), T0 - 1, T0 + 10_000
    assert store.find_series(*asked) is store.find_series(*asked)
    store.write_samples(LABELS[2:3], block([(1000, 3.0)]))
    assert names(all_a, of_x) == []
    known, z = store.find_series(*asked), Matcher("job", "=", "z")
    assert names(z) == []
    store.write_samples([{"__name__": "other", "job": "z"}], block([(1000, 3.0)]))
    assert store.find_series(*asked) is known
    assert names(z) == [{"__name__": "other", "job": "z"}]
    store.engine.command("OPTIMIZE TABLE metric_series FINAL")
    assert names(z) == [{"__name__": "other", "job": "z"}]
    store.write_samples(LABELS[:1], block([(1000, 3.0)]))
    assert names(all_a) == [LABELS[0], LABELS[1], LABELS[2]]
    assert names(all_a, of_x) == [LABELS[0]]
    assert not store.find_series(*asked).native
    store.write_histograms(LABELS[:1], histograms())
    assert store.find_series(*asked).native


def test_whole_metrics_and_a_few_of_their_series_are_read_alike(store: ClickHouseStore) -> None:
    labels = [{"__name__": "many", "i": f"{i:03}"} for i in range(600)]
    labels.append({"__name__": "other", "i": "1"})
    store.write_samples(labels, block(*([(0, float(i)), (1000, -1.0)] for i in range(601))))
    whole = (Matcher("__name__", "=", "many"),)
    some = (*whole, Matcher("i", "=~", "[0-5].*"), Matcher("i", "!=", "007"))
    for matchers, numbers in ((whole, [*range(600)]), (some, [i for i in range(600) if i != 7])):
        found = store.find_series(matchers, T0 - 1, T0 + 10_000)
        samples = store.fetch_samples(found, T0 - 1, T0)
        assert samples.values.tolist() == [float(i) for i in numbers]
        grid = store.fetch_grid(
            "last", found, start_ms=T0, end_ms=T0 + 2000, step_ms=1000, window_ms=1500
        )
        assert grid.present.all()
        assert grid.values.tolist() == [[float(i), -1.0, -1.0] for i in numbers]

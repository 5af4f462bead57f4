from dataclasses import replace

import numpy as np
import pytest
from tests.support.scrape import Sample, read_extras, read_samples

from vario.errors import BadData
from vario.ingest.scrape.book import Batch, Book
from vario.ingest.scrape.config import Limits, ScrapeJob
from vario.ingest.scrape.relabel import RelabelRule
from vario.wire.exposition import (
    Exemplar,
    HistogramSample,
    NativeHistogram,
    parse_openmetrics,
    parse_text,
)
from vario.wire.remote_encode import encode_samples

NOW = 1_750_000_000_000
JOB = ScrapeJob("j")


def take(book: Book, body: str, at: int = NOW) -> Batch:
    return book.take(parse_text(body.encode(), book.known), at)


def samples(batch: Batch) -> list[Sample]:
    return read_samples(encode_samples(batch.heads, batch.values, batch.times_ms))


def test_series_come_stay_and_go():
    book = Book(JOB, {"job": "j"})
    first = take(book, 'a{x="1"} 1\nb 2\n')
    assert samples(first) == [('a{job="j",x="1"}', NOW, 1.0), ('b{job="j"}', NOW, 2.0)]
    assert (first.scraped, first.kept, first.added) == (2, 2, 2)
    second = take(book, "b 3\nc NaN\n", NOW + 1)
    assert samples(second) == [
        ('b{job="j"}', NOW + 1, 3.0),
        ('c{job="j"}', NOW + 1, "nan"),
        ('a{job="j",x="1"}', NOW + 1, "stale"),
    ]
    assert (second.scraped, second.kept, second.added) == (2, 2, 1)
    assert samples(book.end(NOW + 2)) == [
        ('b{job="j"}', NOW + 2, "stale"),
        ('c{job="j"}', NOW + 2, "stale"),
    ]
    assert samples(book.end(NOW + 3)) == []
    again = take(book, 'a{x="1"} 1\n', NOW + 4)
    assert samples(again) == [('a{job="j",x="1"}', NOW + 4, 1.0)]
    assert again.added == 0


def test_the_same_series_written_otherwise_is_the_same():
    book = Book(JOB, {})
    take(book, 'a{x="1",y="2"} 1\n')
    assert samples(take(book, 'a{ y="2", x="1" } 2\n', NOW + 1)) == [
        ('a{x="1",y="2"}', NOW + 1, 2.0)
    ]


def test_own_timestamps():
    book = Book(JOB, {})
    body = f"a 1 {NOW - 5}\nb 2\nc 3 -7\nd 4 {NOW + 700_000}\n"
    assert samples(take(book, body)) == [("a", NOW - 5, 1.0), ("b", NOW, 2.0)]
    # Series with timestamps of their own end when they end: no stale marker.
    assert samples(book.end(NOW + 1)) == [("b", NOW + 1, "stale")]
    ignoring = Book(replace(JOB, honor_timestamps=False), {})
    assert samples(take(ignoring, f"a 1 {NOW - 5}\n")) == [("a", NOW, 1.0)]
    assert samples(ignoring.end(NOW + 1)) == [("a", NOW + 1, "stale")]
    tracking = Book(replace(JOB, track_timestamps_staleness=True), {})
    take(tracking, f"a 1 {NOW - 5}\n")
    assert samples(tracking.end(NOW + 1)) == [("a", NOW + 1, "stale")]


def test_of_two_samples_at_one_time_the_first_is_kept():
    book = Book(JOB, {})
    body = f"a 1\na 2\nb 1 {NOW - 2}\nb 2 {NOW - 1}\nb 3 {NOW - 2}\n"
    batch = take(book, body)
    assert samples(batch) == [("a", NOW, 1.0), ("b", NOW - 2, 1.0), ("b", NOW - 1, 2.0)]
    assert batch.scraped == 5


def test_relabelling_drops_series():
    job = replace(JOB, metric_relabel_configs=(RelabelRule("drop", ("__name__",), regex="a"),))
    book = Book(job, {})
    for at in (NOW, NOW + 1):
        batch = take(book, "a 1\nb 2\n", at)
        assert samples(batch) == [("b", at, 2.0)]
        assert (batch.scraped, batch.kept, batch.added) == (2, 1, at == NOW)


def test_limits_leave_the_book_as_it_was():
    book = Book(replace(JOB, limits=Limits(samples=2)), {})
    take(book, "a 1\nb 1\n")
    with pytest.raises(BadData, match="sample_limit exceeded: 3 samples, at most 2"):
        take(book, "a 1\nc 1\nd 1\n")
    assert samples(book.end(NOW + 1)) == [("a", NOW + 1, "stale"), ("b", NOW + 1, "stale")]


def test_the_book_forgets_series_long_gone():
    book = Book(JOB, {})
    for i in range(5):
        take(book, "".join(f'a{{i="{i}_{k}"}} 1\n' for k in range(500)))
    assert len(book.known) == 500
    assert len(samples(book.end(NOW))) == 500


def test_exemplars_and_metadata_are_stored_once():
    book = Book(JOB, {"job": "j"})

    def scrape(trace: str, at: int) -> bytes | None:
        body = (
            "# TYPE a counter\n# HELP a Help.\n"
            f'a_total{{x="1"}} 1 # {{trace_id="{trace}"}} 0.5\n'
            "# EOF\n"
        )
        return book.take(parse_openmetrics(body.encode(), book.known), at).extras

    first = scrape("t1", NOW)
    assert first is not None
    request = read_extras(first)
    (said,) = request.metadata
    assert (said.type, said.metric_family_name, said.help, said.unit) == (1, "a", "Help.", "")
    (series,) = request.timeseries
    assert [(label.name, label.value) for label in series.labels] == [
        ("__name__", "a_total"),
        ("job", "j"),
        ("x", "1"),
    ]
    (exemplar,) = series.exemplars
    assert (exemplar.labels[0].value, exemplar.value, exemplar.timestamp) == ("t1", 0.5, NOW)
    assert scrape("t1", NOW + 1) is None
    second = scrape("t2", NOW + 2)
    assert second is not None
    assert [e.timestamp for s in read_extras(second).timeseries for e in s.exemplars] == [NOW + 2]


def test_native_histograms():
    histogram = NativeHistogram(3, 4.0, 1.5, 0.001, 1.0, -2, (1.0, 0.0, 2.0), 0, (), gauge=True)
    exemplar = Exemplar({"trace_id": "t"}, 0.1, NOW - 3)
    sample = HistogramSample({"__name__": "h", "job": "own"}, histogram, exemplars=(exemplar,))
    said = replace(parse_text(b"a 1\n"), histograms=(sample,))
    book = Book(JOB, {"job": "j"})
    batch = book.take(said, NOW)
    assert (batch.scraped, batch.kept) == (2, 2)
    assert samples(batch) == [('a{job="j"}', NOW, 1.0)]
    assert batch.extras is not None
    hist, exemplars = read_extras(batch.extras).timeseries
    (stored,) = hist.histograms
    assert (stored.count_float, stored.sum, stored.schema, stored.timestamp) == (4, 1.5, 3, NOW)
    assert [(s.offset, s.length) for s in stored.positive_spans] == [(-2, 3)]
    assert list(stored.positive_counts) == [1, 0, 2]
    assert (list(stored.negative_spans), stored.reset_hint) == ([], 3)
    assert exemplars.exemplars[0].timestamp == NOW - 3
    assert samples(book.end(NOW + 1)) == [
        ('a{job="j"}', NOW + 1, "stale"),
        ('h{exported_job="own",job="j"}', NOW + 1, "stale"),
    ]


def test_values_keep_their_bits():
    batch = Book(JOB, {}).take(parse_text(b"a -0\nb 1e-320\nc -Inf\n"), NOW)
    body = encode_samples(batch.heads, batch.values, batch.times_ms)
    found = [value for _, _, value in read_samples(body)]
    assert np.array(found).view(np.uint64).tolist() == batch.values.view(np.uint64).tolist()

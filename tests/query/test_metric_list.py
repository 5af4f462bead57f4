from vario.model.explore import MetricSeries
from vario.model.series import Metadata
from vario.query.metric_list import MetricEntry, join_parts


def series(name: str, count: int = 1, *, native: bool = False, quantiles: bool = False):
    return MetricSeries(name, "infer", count, native, quantiles)


def entry(name: str, kind: str, count: int, **rest) -> MetricEntry:
    given = {"unit": "", "help": "", "guessed": True, "classic": False, "native": False, **rest}
    return MetricEntry(name=name, job="infer", type=kind, series=count, **given)


def test_parts_of_a_declared_histogram_are_one_metric() -> None:
    rows = [series("took_bucket", 20), series("took_count", 2), series("took_sum", 2)]
    known = {"took": Metadata("took", "histogram", "s", "How long")}
    assert join_parts(rows, known) == [
        entry("took", "histogram", 2, unit="s", help="How long", guessed=False, classic=True)
    ]


def test_types_are_guessed_by_names_where_nobody_says() -> None:
    rows = [
        series("took_bucket", 20),
        series("took_count", 2),
        series("asked_total"),
        series("target_info"),
        series("size", native=True),
        series("rpc", quantiles=True),
        series("free"),
        series("rows_count"),
    ]
    assert join_parts(rows, {}) == [
        entry("asked_total", "counter", 1),
        entry("free", "unknown", 1),
        entry("rows_count", "counter", 1),
        entry("rpc", "summary", 1),
        entry("size", "histogram", 1, native=True),
        entry("target_info", "info", 1),
        entry("took", "histogram", 2, classic=True),
    ]


def test_a_metric_that_only_sounds_like_a_part_stays_itself() -> None:
    known = {"rows_count": Metadata("rows_count", "gauge", "", "")}
    assert join_parts([series("rows_count")], known) == [
        entry("rows_count", "gauge", 1, guessed=False)
    ]

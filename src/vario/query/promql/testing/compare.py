"""Answers against expectations."""

import math
import struct

from vario.model.series import STALE_NAN_BITS
from vario.query.promql.engine import Result, Series
from vario.query.promql.histogram import Buckets, Histogram
from vario.query.promql.histogram_text import format_test_histogram
from vario.query.promql.literals import format_general
from vario.query.promql.matching import LabelSet, format_labels, get_label, without_labels
from vario.query.promql.testing.script import Eval, Expected
from vario.query.promql.testing.series_text import Point

_EPSILON = 1e-6
_MIN_NORMAL = 2.2250738585072014e-308


def almost_equal(a: float, b: float) -> bool:
    """Returns whether two floats agree to six digits; NaN equals NaN, but no stale marker."""
    if _is_stale(a) or _is_stale(b):
        return _is_stale(a) and _is_stale(b)
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    if math.isnan(a) or math.isnan(b):
        return False
    total, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < _MIN_NORMAL:
        return difference < _EPSILON * _MIN_NORMAL
    return difference / min(total, 1.7976931348623157e308) < _EPSILON


def _is_stale(value: float) -> bool:
    return struct.unpack("<Q", struct.pack("<d", value))[0] == STALE_NAN_BITS


def same_histogram(expected: Histogram, got: Histogram, *, with_hint: bool) -> bool:
    """Returns whether two histograms agree to six digits."""
    a, b = expected.compacted(), got.compacted()
    return (
        a.schema == b.schema
        and almost_equal(a.count, b.count)
        and almost_equal(a.sum, b.sum)
        and (not a.custom or a.bounds == b.bounds)
        and a.zero_threshold == b.zero_threshold
        and almost_equal(a.zero_count, b.zero_count)
        and _same_run(a.positive, b.positive)
        and _same_run(a.negative, b.negative)
        and (not with_hint or a.hint == b.hint)
    )


def _same_run(a: Buckets, b: Buckets) -> bool:
    if len(a) != len(b) or (len(a) and a.offset != b.offset):
        return False
    return all(map(almost_equal, a.counts.tolist(), b.counts.tolist()))


def check_notes(expected: list[Expected], result: Result) -> str | None:
    """Returns what is wrong with a result's warnings and infos, None where nothing is."""
    for kind, got in (("warn", result.warnings), ("info", result.infos)):
        wanted = [one for one in expected if one.kind == kind]
        if any(one.kind == f"no_{kind}" for one in expected) and got:
            return f"expected no {kind}, got {got}"
        for one in wanted:
            if not any(map(one.accepts, got)):
                what = one.message or one.pattern or "any"
                return f"expected {kind} {what!r}, got {got}"
        for text in got:
            if wanted and not any(one.accepts(text) for one in wanted):
                return f"expected {kind} of {wanted}, got {text!r} too"
    return None


def check_value(command: Eval, result: Result) -> str | None:  # noqa: PLR0911 - one return a case
    """Returns what is wrong with a result's value, None where nothing is."""
    if result.type == "string":
        got = result.text[1]
        return None if command.text == got else f"expected string {command.text!r}, got {got!r}"
    if result.type == "scalar":
        got_number = result.scalar[1]
        if command.scalar is None:
            return f"expected a vector or matrix, got scalar {format_general(got_number)}"
        if almost_equal(command.scalar, got_number):
            return None
        return f"expected {format_general(command.scalar)}, got {format_general(got_number)}"
    if command.scalar is not None:
        return f"expected a scalar, got {result.type} {show_series(result.series)}"
    if result.type == "matrix":
        return _check_matrix(command, result.series)
    return _check_vector(command, result.series)


def _check_matrix(command: Eval, series: list[Series]) -> str | None:
    wanted = {line.labels: line.points for line in command.series}
    labels = [one.labels for one in series]
    if labels != sorted(labels):
        return f"expected series ordered by labels, got {list(map(show_labels, labels))}"
    for one in series:
        if one.labels not in wanted:
            return f"unexpected {show_series([one])}"
        if fault := _check_points(command, wanted[one.labels], one):
            return fault
    return _missing(command, labels)


def _check_points(command: Eval, points: tuple[Point, ...], got: Series) -> str | None:
    times = [command.start_ms + i * command.step_ms for i in range(len(points))]
    if times and times[-1] > command.end_ms:
        return f"expected {len(points)} points, more than the range has"
    floats = dict(zip(got.ts_ms.tolist(), got.values.tolist(), strict=True))
    histograms = dict(got.histograms)
    for time, point in zip(times, points, strict=True):
        value = histograms.pop(time, None) or floats.pop(time, None)
        if not _same_value(point, value):
            return (
                f"expected {show_point(point.value)} at {time} ms for {show_labels(got.labels)}, "
                f"got {show_point(value)}; all: {show_series([got])}"
            )
    if floats or histograms:
        return f"more points than expected: {show_series([got])}"
    return None


def _same_value(expected: Point, got: float | Histogram | None) -> bool:
    if isinstance(expected.value, Histogram):
        return isinstance(got, Histogram) and same_histogram(
            expected.value, got, with_hint=expected.hint_given
        )
    if expected.value is None or got is None:
        return expected.value is None and got is None
    return isinstance(got, float) and almost_equal(expected.value, got)


def _check_vector(command: Eval, series: list[Series]) -> str | None:
    wanted = {line.labels: (i, line.points[0]) for i, line in enumerate(command.series)}
    ordered = bool(command.wants("ordered"))
    for place, one in enumerate(series):
        if one.labels not in wanted:
            return f"unexpected {show_series([one])}"
        number, point = wanted[one.labels]
        if ordered and number != place:
            return f"expected {show_labels(one.labels)} at place {number + 1}, got {place + 1}"
        value = one.histograms[0][1] if one.histograms else float(one.values[0])
        if not _same_value(point, value):
            labels = show_labels(one.labels)
            return f"expected {show_point(point.value)} for {labels}, got {show_point(value)}"
    return _missing(command, [one.labels for one in series])


def _missing(command: Eval, got: list[LabelSet]) -> str | None:
    for line in command.series:
        if line.labels not in got:
            values = " ".join(show_point(point.value) for point in line.points)
            return f"expected {show_labels(line.labels)} {values}, got no such series"
    return None


def show_labels(labels: LabelSet) -> str:
    """Returns labels as a script writes them."""
    rest = without_labels(labels, ("__name__",))
    return get_label(labels, "__name__") + format_labels(rest)


def show_point(value: float | Histogram | None) -> str:
    """Returns a value as a script writes it."""
    if value is None:
        return "_"
    return format_test_histogram(value) if isinstance(value, Histogram) else format_general(value)


def show_series(series: list[Series]) -> str:
    """Returns series with their points and times."""
    shown: list[str] = []
    for one in series:
        points = list(zip(one.ts_ms.tolist(), one.values.tolist(), strict=True))
        points += one.histograms
        points.sort(key=lambda point: point[0])
        values = " ".join(f"{show_point(value)}@{time}" for time, value in points)
        shown.append(f"{show_labels(one.labels)} {values}")
    return "; ".join(shown)

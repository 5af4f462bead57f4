"""Series as test scripts write them: `metric{label="x"} 1 2+3x4 _ stale {{schema:0 count:2}}`."""

import re
import struct
from dataclasses import dataclass

import numpy as np

from vario.model.series import STALE_NAN_BITS
from vario.query.promql.histogram import CUSTOM_SCHEMA, Buckets, Histogram, ResetHint
from vario.query.promql.histogram_math import add, subtract
from vario.query.promql.literals import parse_number, unquote
from vario.query.promql.matching import LabelSet, label_set

STALE = struct.unpack("<d", struct.pack("<Q", STALE_NAN_BITS))[0]

_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
_DIGITS = r"(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|(?i:inf)|(?i:nan))"
_VALUE = re.compile(rf"([+-]?{_DIGITS})(?:([+-]{_DIGITS})x(\d+)|x(\d+))?(?=\s|$)")
_OMITTED = re.compile(r"_(?:x(\d+))?(?=\s|$)")
_STALES = re.compile(r"stale(?:x(\d+))?(?=\s|$)")
_TIMES = re.compile(r"x(\d+)(?=\s|$)")
_FIELD = re.compile(r"(\w+):(\[[^\]]*\]|\S+)")
_HINTS = {
    "unknown": ResetHint.UNKNOWN,
    "reset": ResetHint.RESET,
    "not_reset": ResetHint.NOT_RESET,
    "gauge": ResetHint.GAUGE,
}
_FIELDS = frozenset(
    (
        *("schema", "sum", "count", "z_bucket", "z_bucket_w", "custom_values"),
        *("buckets", "offset", "n_buckets", "n_offset", "counter_reset_hint"),
    )
)


class ScriptError(ValueError):
    """A line of a test script that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a sequence: a float, a histogram, or nothing.

    `hint_given` tells whether a histogram's reset hint was written, and so has to be compared.
    """

    value: float | Histogram | None
    hint_given: bool = False


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """A series and its values, one a step."""

    labels: LabelSet
    points: tuple[Point, ...]


def parse_series_line(text: str) -> SeriesLine:
    """Returns the series that a line describes.

    Raises:
        ScriptError: the line is no series.
    """
    labels, at = parse_metric(text)
    return SeriesLine(labels, tuple(parse_points(text[at:])))


def parse_metric(text: str) -> tuple[LabelSet, int]:
    """Returns the labels at the beginning of a line, and where they end.

    Raises:
        ScriptError: no metric is there.
    """
    labels: dict[str, str] = {}
    name = _NAME.match(text)
    at = name.end() if name else 0
    if name:
        labels["__name__"] = name.group()
    if at < len(text) and text[at] == "{" and not text.startswith("{{", at):
        at = _parse_labels(text, at + 1, labels)
    elif not name:
        raise ScriptError(f"no metric at the beginning of {text!r}")
    return label_set(labels), at


def _parse_labels(text: str, at: int, labels: dict[str, str]) -> int:
    while True:
        at = _skip(text, at, " \t,")
        if text.startswith("}", at):
            return at + 1
        quoted = _STRING.match(text, at)
        match = quoted or _NAME.match(text, at)
        if match is None:
            raise ScriptError(f"no label at column {at + 1} of {text!r}")
        name = unquote(match.group()) if quoted else match.group()
        at = _skip(text, match.end(), " \t")
        if not text.startswith("=", at):
            labels["__name__"] = name
            continue
        at = _skip(text, at + 1, " \t")
        value = _STRING.match(text, at)
        if value is None:
            raise ScriptError(f"no value at column {at + 1} of {text!r}")
        labels[name] = unquote(value.group())
        at = value.end()


def _skip(text: str, at: int, chars: str) -> int:
    while at < len(text) and text[at] in chars:
        at += 1
    return at


def parse_points(text: str) -> list[Point]:
    """Returns the values of a sequence; `axN` and `a+bxN` are N + 1 values.

    Raises:
        ScriptError: something in it is no value.
    """
    points: list[Point] = []
    at = _skip(text, 0, " \t")
    while at < len(text):
        if text.startswith("{{", at):
            at = _parse_histograms(text, at, points)
        elif match := _OMITTED.match(text, at):
            points += [Point(None)] * int(match[1] or 1)
            at = match.end()
        elif match := _STALES.match(text, at):
            points += [Point(STALE)] * (int(match[1] or 0) + 1)
            at = match.end()
        elif match := _VALUE.match(text, at):
            points += _expand_floats(match)
            at = match.end()
        else:
            raise ScriptError(f"no value at column {at + 1} of {text!r}")
        at = _skip(text, at, " \t")
    return points


def _expand_floats(match: re.Match[str]) -> list[Point]:
    first, step, stepped, repeated = match.groups()
    value = parse_number(first)
    if step is None:
        return [Point(value)] * (int(repeated or 0) + 1)
    points: list[Point] = []
    for _ in range(int(stepped) + 1):
        points.append(Point(value))
        value += parse_number(step)
    return points


def _parse_histograms(text: str, at: int, points: list[Point]) -> int:
    histogram, hint_given, at = _parse_histogram(text, at)
    if text.startswith(("+{{", "-{{"), at):
        combine = add if text[at] == "+" else subtract
        step, hint_given, at = _parse_histogram(text, at + 1)
        times = _TIMES.match(text, at)
        if times is None:
            raise ScriptError(f"no xN after a histogram and its step in {text!r}")
        points.append(Point(histogram, hint_given))
        for _ in range(int(times[1])):
            if histogram.schema > step.schema:
                raise ScriptError(f"a step of lower schema than its histogram in {text!r}")
            histogram = combine(histogram, step).value
            points.append(Point(histogram, hint_given))
        return times.end()
    times = _TIMES.match(text, at)
    points += [Point(histogram, hint_given)] * (int(times[1]) + 1 if times else 1)
    return times.end() if times else at


def _parse_histogram(text: str, at: int) -> tuple[Histogram, bool, int]:
    """Returns a histogram, whether its hint is given, and where it ends."""
    end = text.find("}}", at)
    if end < 0:
        raise ScriptError(f"a histogram without its end in {text!r}")
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text[at + 2 : end]):
        if name not in _FIELDS or name in fields:
            raise ScriptError(f"unknown or repeated field {name!r} in a histogram of {text!r}")
        fields[name] = value
    histogram = Histogram(
        schema=int(fields.get("schema", "0")),
        zero_threshold=parse_number(fields.get("z_bucket_w", "0")),
        zero_count=parse_number(fields.get("z_bucket", "0")),
        count=parse_number(fields.get("count", "0")),
        sum=parse_number(fields.get("sum", "0")),
        positive=_run(fields.get("offset", "0"), fields.get("buckets", "[]")),
        negative=_run(fields.get("n_offset", "0"), fields.get("n_buckets", "[]")),
        bounds=tuple(_numbers(fields.get("custom_values", "[]"))),
        hint=_HINTS[fields.get("counter_reset_hint", "unknown")],
    )
    return histogram, "counter_reset_hint" in fields, end + 2


def _numbers(text: str) -> list[float]:
    return [parse_number(word) for word in text.strip("[]").split()]


def _run(offset: str, counts: str) -> Buckets:
    values = _numbers(counts)
    return Buckets(int(offset), np.array(values)) if values else Buckets()


__all__ = ["CUSTOM_SCHEMA", "STALE", "Point", "ScriptError", "SeriesLine", "parse_series_line"]

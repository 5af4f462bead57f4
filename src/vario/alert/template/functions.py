"""The functions that Prometheus adds to Go's templates.

Source: Prometheus' documentation, "Template reference".
"""

import ipaddress
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import re2

from vario.alert.duration import parse_duration_ms
from vario.alert.template.builtins import BUILTINS
from vario.alert.template.execute import Function, FunctionError
from vario.alert.template.format import quote, shortest_float
from vario.alert.template.moment import Moment
from vario.alert.template.values import (
    AnyMap,
    QueryResult,
    SafeHtml,
    Sample,
    StringMap,
    Value,
    type_name,
)
from vario.errors import VarioError

QueryForTemplate = Callable[[str], Sequence[tuple[Mapping[str, str], float]]]
"""Evaluates PromQL at the template's time; gives labels and value of each element."""

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_NIL_POINTER = "runtime error: invalid memory address or nil pointer dereference"
_GO_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)|nan", re.I)
_GO_HEX_FLOAT = re.compile(r"[+-]?0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*[pP][+-]?\d+")
_WORD = re.compile(r"\w+(?:[.':\u2019\u00b7]\w+)*")
_CASED = re.compile(r"[^\W\d_]")
_REPLACEMENT = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Links:
    """Where this server is seen from outside, for links in templates."""

    external_url: str = ""

    @property
    def path_prefix(self) -> str:
        """The path of the external URL."""
        return urlsplit(self.external_url).path


def make_functions(query: QueryForTemplate, links: Links) -> Mapping[str, Function]:
    """Returns every function that a template may call.

    Args:
        query: what `query` asks.
        links: what `externalURL` and `pathPrefix` give.
    """
    return {
        **BUILTINS,
        **_PROMETHEUS,
        "query": Function(lambda text: _query(query, text), ("string",)),
        "externalURL": Function(lambda: links.external_url),
        "pathPrefix": Function(lambda: links.path_prefix),
    }


def _query(query: QueryForTemplate, text: str) -> QueryResult:
    try:
        answer = query(text)
    except VarioError as error:
        raise FunctionError(str(error)) from error
    return QueryResult(Sample(StringMap(labels), value) for labels, value in answer)


def _first(result: QueryResult | None) -> Sample:
    if not result:
        raise FunctionError("first() called on vector with no elements")
    return result[0]


def _of_sample(read: Callable[[Sample], Value]) -> Callable[[Sample | None], Value]:
    def call(sample: Sample | None) -> Value:
        if sample is None:
            raise FunctionError(_NIL_POINTER)
        return read(sample)

    return call


def _label(name: str, sample: Sample | None) -> str:
    if sample is None:
        raise FunctionError(_NIL_POINTER)
    return sample.Labels.get(name, "")


def _sort_by_label(name: str, result: QueryResult | None) -> QueryResult:
    return QueryResult(sorted(result or (), key=lambda sample: sample.Labels.get(name, "")))


def _to_float(value: Value) -> float:
    if isinstance(value, str) and not isinstance(value, SafeHtml):
        if _GO_FLOAT.fullmatch(value):
            return float(value)
        if _GO_HEX_FLOAT.fullmatch(value):
            return float.fromhex(value)
        raise FunctionError(f"strconv.ParseFloat: parsing {quote(value)}: invalid syntax")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise FunctionError(f"can't convert {type_name(value)} to float")


def _digits(value: float) -> str:
    """Returns four significant digits (`%.4g`)."""
    if math.isnan(value) or math.isinf(value):
        return shortest_float(value)
    return f"{value:.4g}"


def _scaled(value: float, prefixes: Sequence[str], step: float) -> str:
    prefix = ""
    for candidate in prefixes:
        if abs(value) < step if step > 1 else abs(value) >= 1:
            break
        prefix = candidate
        value /= step
    return _digits(value) + prefix


def _humanize(value: Value) -> str:
    number = _to_float(value)
    if number == 0 or not math.isfinite(number):
        return _digits(number)
    return _scaled(number, _LARGE, 1000) if abs(number) >= 1 else _small(number)


def _small(number: float) -> str:
    prefix = ""
    for candidate in _SMALL:
        if abs(number) >= 1:
            break
        prefix = candidate
        number *= 1000
    return _digits(number) + prefix


def _humanize_1024(value: Value) -> str:
    number = _to_float(value)
    if abs(number) <= 1 or not math.isfinite(number):
        return _digits(number)
    return _scaled(number, _BINARY, 1024)


def _humanize_duration(value: Value) -> str:
    number = _to_float(value)
    if not math.isfinite(number):
        return _digits(number)
    if number == 0:
        return "0s"
    if abs(number) < 1:
        return _small(number) + "s"
    return _long_duration(number)


def _long_duration(number: float) -> str:
    """Returns a duration of a second or more; from minutes on, seconds are whole."""
    sign, number = ("-", -number) if number < 0 else ("", number)
    whole = int(number)
    if whole < 60:
        return f"{sign}{_digits(number)}s"
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m")]
    while not parts[0][0]:
        parts.pop(0)
    return sign + " ".join(f"{count}{unit}" for count, unit in (*parts, (whole % 60, "s")))


def _moment(value: Value) -> Moment:
    number = _to_float(value)
    if not -(2.0**63) <= number * 1e9 <= 2.0**63:
        shown = shortest_float(number)
        raise FunctionError(
            f"{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"
        )
    return Moment.from_seconds(number)


def _humanize_timestamp(value: Value) -> str:
    number = _to_float(value)
    return _moment(value).go_string() if math.isfinite(number) else _digits(number)


def _parse_duration(text: str) -> float:
    try:
        return parse_duration_ms(text) / 1000
    except ValueError as error:
        raise FunctionError(str(error)) from error


def _by_letter(change: Callable[[str], str], text: str) -> str:
    """Changes letter by letter, as Go does: one letter never becomes two."""
    return "".join(new if len(new := change(char)) == 1 else char for char in text)


def _title(text: str) -> str:
    """Returns text with the first letter of each word in upper case, the rest as it is."""
    return _WORD.sub(lambda match: _CASED.sub(lambda c: c[0].title(), match[0], count=1), text)


def _split_host_port(text: str) -> tuple[str, str] | None:
    """Splits `host:port` and `[v6]:port`; None where there is no port or it is ambiguous."""
    host, colon, port = text.rpartition(":")
    if not colon:
        return None
    if text.startswith("["):
        return (host[1:-1], port) if host.endswith("]") and "[" not in host[1:] else None
    return None if set(host) & set(":[]") else (host, port)


def _strip_port(text: str) -> str:
    split = _split_host_port(text)
    return split[0] if split else text


def _strip_domain(text: str) -> str:
    host, port = _split_host_port(text) or (text, "")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = host.split(".")[0]
        return f"{name}:{port}" if port else name
    return text


def _pattern(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise FunctionError(f"error parsing regexp: {shown}") from error


def _replace_all(pattern: str, replacement: str, text: str) -> str:
    def expand(match: Any) -> str:
        def group(reference: re.Match[str]) -> str:
            name = reference[1] or reference[2]
            if name is None:
                return "$"
            try:
                return match.group(int(name) if name.isdecimal() else name) or ""
            except (IndexError, KeyError):
                return ""

        return _REPLACEMENT.sub(group, replacement)

    return str(_pattern(pattern).sub(expand, text))


def _link(expression: str, tab: int) -> str:
    return f"/graph?g0.expr={quote_plus(expression, safe='~')}&g0.tab={tab}"


def _args(*values: Value) -> AnyMap:
    return AnyMap({f"arg{i}": value for i, value in enumerate(values)})


_PROMETHEUS: Mapping[str, Function] = {
    "first": Function(_first, ("template.queryResult",)),
    "label": Function(_label, ("string", "*template.sample")),
    "value": Function(_of_sample(lambda sample: sample.Value), ("*template.sample",)),
    "strvalue": Function(
        _of_sample(lambda sample: sample.Labels.get("__value__", "")), ("*template.sample",)
    ),
    "sortByLabel": Function(_sort_by_label, ("string", "template.queryResult")),
    "args": Function(_args, (), "any"),
    "reReplaceAll": Function(_replace_all, ("string", "string", "string")),
    "match": Function(
        lambda pattern, text: _pattern(pattern).search(text) is not None, ("string", "string")
    ),
    "safeHtml": Function(SafeHtml, ("string",)),
    "title": Function(_title, ("string",)),
    "toUpper": Function(lambda text: _by_letter(str.upper, text), ("string",)),
    "toLower": Function(lambda text: _by_letter(str.lower, text), ("string",)),
    "stripPort": Function(_strip_port, ("string",)),
    "stripDomain": Function(_strip_domain, ("string",)),
    "graphLink": Function(lambda expression: _link(expression, 0), ("string",)),
    "tableLink": Function(lambda expression: _link(expression, 1), ("string",)),
    "humanize": Function(_humanize, ("any",)),
    "humanize1024": Function(_humanize_1024, ("any",)),
    "humanizeDuration": Function(_humanize_duration, ("any",)),
    "humanizePercentage": Function(lambda value: f"{_digits(_to_float(value) * 100)}%", ("any",)),
    "humanizeTimestamp": Function(_humanize_timestamp, ("any",)),
    "toTime": Function(_moment, ("any",)),
    "parseDuration": Function(_parse_duration, ("string",)),
}

FUNCTION_NAMES = frozenset(make_functions(lambda _: (), Links()))
"""Every name that a template may call; what a rule file is checked against."""

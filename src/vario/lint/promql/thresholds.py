"""Rules about what a query compares with: units, percents, and what can never be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vario.lint.facts import Facts
from vario.lint.finding import Check, Edit, Hit, Rule
from vario.lint.promql.labels import QUERIES
from vario.lint.query import Query
from vario.lint.reach import Reach, is_share, reach, scale
from vario.lint.tree import bare, metric_name, number, selectors, walk
from vario.lint.words import Unit, is_serving_time, unit_of
from vario.query.promql.literals import format_float
from vario.query.promql.nodes import COMPARISONS, Aggregate, Binary, Call, Node

WRONG_TIME_UNIT = Rule(
    "VA112",
    "threshold-in-wrong-unit",
    "error",
    QUERIES,
    "A threshold is in another unit of time than its metric",
    "200 against a metric of seconds waits for requests of more than three minutes; 0.2 against "
    "one of milliseconds fires on every request.",
    "histogram_quantile(0.95, sum by (le) (rate(inference_latency_seconds_bucket[5m]))) > 200",
    "histogram_quantile(0.95, sum by (le) (rate(inference_latency_seconds_bucket[5m]))) > 0.2",
    "write the threshold in the metric's unit",
    fixable=True,
)
PERCENT = Rule(
    "VA113",
    "percent-against-ratio",
    "error",
    QUERIES,
    "A percent is compared with a ratio, or a ratio with a percent",
    "An error ratio is 1 at most, so `> 5` can never hold; a utilisation in percent is nearly "
    "always `> 0.8`.",
    'sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 5',
    'sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 0.05',
    "write 5 % as 0.05 against a ratio, and as 5 against a percent",
    fixable=True,
)
NEVER = Rule(
    "VA115",
    "comparison-never-changes",
    "error",
    QUERIES,
    "A comparison never holds, or always does",
    "`up > 1` and `count(x) == 0` are silent whatever happens (count of nothing is nothing, not "
    "0); `rate(x) >= 0` is true of everything.",
    "up > 1",
    "up == 0",
    "compare with a value that the expression can have; for what is missing use absent(...)",
)

_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_PASSES_UNIT = frozenset(
    (
        *("avg_over_time", "max_over_time", "min_over_time", "last_over_time", "abs", "round"),
        *("clamp_max", "clamp_min", "label_replace", "sort", "sort_desc"),
    )
)
_OVER_ONE = re.compile(r"fragmentation|compress|amplification|overcommit|bloat|growth|dedup|load")


@dataclass(frozen=True, slots=True)
class _Comparison:
    """`node op threshold`, whichever side the number was written on."""

    node: Node
    op: str
    threshold: float
    at: Node
    whole: Binary


def _comparisons(query: Query) -> Iterator[_Comparison]:
    for node in walk(query.tree):
        if not isinstance(node, Binary) or node.op not in COMPARISONS:
            continue
        left, right = number(node.lhs), number(node.rhs)
        if (left is None) == (right is None) or query.touches_variable(node.position):
            continue
        if right is not None:
            yield _Comparison(node.lhs, node.op, right, node.rhs, node)
        elif left is not None:
            yield _Comparison(node.rhs, _TURNED[node.op], left, node.lhs, node)


def time_unit(node: Node) -> tuple[Unit, str] | None:
    """Returns the unit of time that values are in and the metric that says so, where known."""
    node = bare(node)
    if isinstance(node, Call) and node.name == "histogram_quantile":
        return _named_unit(node.args[1])
    if isinstance(node, Call) and (node.name in _PASSES_UNIT or node.name == "quantile_over_time"):
        return time_unit(node.args[-1] if node.name == "quantile_over_time" else node.args[0])
    if isinstance(node, Aggregate) and node.op not in ("count", "count_values", "group", "stdvar"):
        return time_unit(node.expr)
    if isinstance(node, Binary):
        return _binary_unit(node)
    if isinstance(node, Call):
        return None
    found = _named_unit(node)
    # Buckets, sums and totals are no durations by themselves.
    return None if found and found[1].endswith(("_bucket", "_sum", "_total")) else found


def _named_unit(node: Node) -> tuple[Unit, str] | None:
    for selector in selectors(node):
        name = metric_name(selector)
        unit = unit_of(name)
        if unit in ("seconds", "milliseconds", "microseconds", "nanoseconds"):
            return unit, name
    return None


def _binary_unit(node: Binary) -> tuple[Unit, str] | None:
    left, right = number(node.lhs), number(node.rhs)
    if node.op == "/" and left is None and right is None:
        names = [metric_name(s) for s in (*selectors(node.lhs), *selectors(node.rhs))]
        mean = len(names) == 2 and names[0].removesuffix("_sum") == names[1].removesuffix("_count")
        return _named_unit(node.lhs) if mean and names[0].endswith("_sum") else None
    inner = time_unit(node.lhs if right is not None else node.rhs)
    factor = right if right is not None else left
    if inner is None or factor is None:
        return None
    unit, metric = inner
    if unit == "seconds" and node.op == "*" and factor == 1000:
        return "milliseconds", metric
    if unit == "milliseconds" and node.op == "/" and factor == 1000:
        return "seconds", metric
    return None


def find_wrong_time_units(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields thresholds that can only be meant in another unit of time."""
    for comparison in _comparisons(query):
        found = time_unit(comparison.node)
        if found is None or comparison.threshold <= 0:
            continue
        unit, metric = found
        value, shown = comparison.threshold, format_float(comparison.threshold)
        says_ms = re.search(rf"(?<![\d.]){re.escape(shown)}\s?(?:ms|milliseconds?)\b", query.said)
        at = comparison.at.position
        if unit == "seconds" and (says_ms or (value >= 100 and is_serving_time(metric))):
            right = format_float(value / 1000)
            message = f"{metric} is in seconds, so {shown} is {_long(value)}"
            edits: tuple[Edit, ...] = query.edit(at, right) if says_ms else ()
            yield query.hit(at, message, remedy=f"for {shown} ms write {right}", edits=edits)
        elif unit == "milliseconds" and value < 1 and is_serving_time(metric):
            right = format_float(value * 1000)
            message = f"{metric} is in milliseconds, so {shown} is less than one"
            yield query.hit(at, message, remedy=f"for {shown} s write {right}")
        elif unit in ("microseconds", "nanoseconds") and says_ms:
            factor = 1000 if unit == "microseconds" else 1_000_000
            right = format_float(value * factor)
            message = f"{metric} is in {unit}, but {shown} is meant in milliseconds"
            yield query.hit(
                at, message, remedy=f"for {shown} ms write {right}", edits=query.edit(at, right)
            )


def _long(seconds: float) -> str:
    return f"{format_float(round(seconds / 60, 1))} minutes" if seconds >= 60 else f"{seconds:g} s"


def find_percents(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields percents against ratios and ratios against percents."""
    for comparison in _comparisons(query):
        at, value = comparison.at.position, comparison.threshold
        what = scale(comparison.node)
        shown = format_float(value)
        if what == "ratio" and _is_percent_of_ratio(comparison):
            right = format_float(round(value / 100, 9))
            yield query.hit(
                at,
                f"a ratio is 1 at most, but is compared with {shown}",
                remedy=f"for {shown} % write {right}",
                edits=query.edit(at, right) if is_share(comparison.node) else (),
            )
        elif what == "percent" and 0 < value < 1 and comparison.op in (">", ">="):
            right = format_float(round(value * 100, 9))
            yield query.hit(
                at,
                f"a percent goes up to 100, but is compared with {shown}",
                remedy=f"for {right} % write {right}",
            )


def _is_percent_of_ratio(comparison: _Comparison) -> bool:
    if not 1 < comparison.threshold <= 100:
        return False
    return not any(_OVER_ONE.search(metric_name(s)) for s in selectors(comparison.node))


def find_constant(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields comparisons that never or always hold."""
    for comparison in _comparisons(query):
        if scale(comparison.node) == "ratio" and _is_percent_of_ratio(comparison):
            continue  # said by the rule about percents
        bounds = reach(comparison.node)
        verdict = _verdict(comparison.op, bounds, comparison.threshold)
        if verdict is None or (verdict and _is_idiom(comparison)):
            continue
        word = "always holds" if verdict else "never holds"
        shown = query.part(comparison.whole.position)
        short = shown if len(shown) <= 60 and "\n" not in shown else "the comparison"
        yield query.hit(comparison.whole.position, f"{short} {word}: {_why(comparison, bounds)}")


def _verdict(op: str, bounds: Reach, value: float) -> bool | None:
    """Returns True where a comparison always holds, False where it never does, else None."""
    low, high = bounds.low, bounds.high
    match op:
        case ">":
            verdicts = low > value, high <= value
        case ">=":
            verdicts = low >= value, high < value
        case "<":
            verdicts = high < value, low >= value
        case "<=":
            verdicts = high <= value, low > value
        case "==":
            verdicts = low == high == value, value < low or value > high
        case _:
            verdicts = value < low or value > high, low == high == value
    return True if verdicts[0] else False if verdicts[1] else None


def _is_idiom(comparison: _Comparison) -> bool:
    """Whether people write what always holds on purpose: to ask for being, or to drop NaN."""
    node = bare(comparison.node)
    if isinstance(node, Call) and node.name.startswith(("absent", "present", "count_over")):
        return True
    if isinstance(node, Aggregate) and node.op in ("count", "group"):
        return True
    divides = any(isinstance(part, Binary) and part.op == "/" for part in walk(node))
    return comparison.op == ">=" and comparison.threshold == 0 and divides


def _why(comparison: _Comparison, bounds: Reach) -> str:
    node = bare(comparison.node)
    if isinstance(node, Aggregate) and node.op == "count":
        return "count of nothing is no series, not 0"
    low, high = format_float(bounds.low), format_float(bounds.high)
    if low == high:
        return f"it is {low} whenever it is there"
    if bounds.high == float("inf"):
        return f"it is {low} at least"
    return f"it is between {low} and {high}"


CHECKS: tuple[Check[Query], ...] = (
    Check(WRONG_TIME_UNIT, find_wrong_time_units),
    Check(PERCENT, find_percents),
    Check(NEVER, find_constant),
)

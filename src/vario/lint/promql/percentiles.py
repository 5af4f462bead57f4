"""Rules about percentiles: of averages, of percentiles, of counters, of too few buckets."""

import math
import re
from collections.abc import Iterator

from vario.lint.facts import Facts
from vario.lint.finding import Check, Edit, Hit, Rule
from vario.lint.promql.labels import QUERIES
from vario.lint.query import Query
from vario.lint.tree import (
    COUNTER_FUNCTIONS,
    bare,
    label_flow,
    metric_name,
    number,
    selectors,
    walk,
)
from vario.lint.words import is_percentile, is_time_counter
from vario.query.promql.lexer import Position
from vario.query.promql.literals import format_float
from vario.query.promql.nodes import (
    COMPARISONS,
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Node,
    Subquery,
    VectorSelector,
)

AVERAGED = Rule(
    "VA102",
    "averaged-percentile",
    "error",
    QUERIES,
    "Percentiles are averaged or added",
    "The mean of ten 95th percentiles is not a percentile of anything: a replica with three "
    "requests weighs as much as one with three million, and the slow one disappears.",
    'avg(inference_latency_seconds{quantile="0.95"})',
    "histogram_quantile(0.95, sum by (le) (rate(inference_latency_seconds_bucket[5m])))",
    "keep histograms, add their buckets with sum by (le), and take the quantile last",
)
QUANTILE_OF_QUANTILES = Rule(
    "VA103",
    "quantile-of-quantiles",
    "error",
    QUERIES,
    "A quantile is taken of quantiles",
    "The 95th percentile over replicas' 95th percentiles says how replicas differ, not how long "
    "requests take.",
    "quantile(0.95, histogram_quantile(0.95, sum by (le, pod) "
    "(rate(inference_latency_seconds_bucket[5m]))))",
    "histogram_quantile(0.95, sum by (le) (rate(inference_latency_seconds_bucket[5m])))",
    "take one quantile, of the buckets added over everything; for the worst replica, use max",
)
WITHOUT_LE = Rule(
    "VA108",
    "quantile-without-le",
    "error",
    QUERIES,
    "histogram_quantile gets buckets whose le was aggregated away",
    "le is the bound of a bucket. Without it there are no buckets, and the result is empty: a "
    "panel with nothing, an alert that cannot fire.",
    "histogram_quantile(0.95, sum by (region) (rate(inference_latency_seconds_bucket[5m])))",
    "histogram_quantile(0.95, sum by (le, region) (rate(inference_latency_seconds_bucket[5m])))",
    "add le to by (...)",
    fixable=True,
)
RAW_BUCKETS = Rule(
    "VA109",
    "quantile-since-start",
    "warning",
    QUERIES,
    "histogram_quantile gets buckets without rate",
    "Buckets are counters: without rate the percentile is over everything since each process "
    "started, and hardly moves any more after a day.",
    "histogram_quantile(0.95, sum by (le) (inference_latency_seconds_bucket))",
    "histogram_quantile(0.95, sum by (le) (rate(inference_latency_seconds_bucket[5m])))",
    "take rate(...[5m]) of the buckets first",
)
PHI = Rule(
    "VA110",
    "quantile-out-of-range",
    "error",
    QUERIES,
    "A quantile is not between 0 and 1",
    "Above 1 every quantile is +Inf, so that the alert always fires or never; the 95th percentile "
    "is written 0.95.",
    "histogram_quantile(95, sum by (le) (rate(inference_latency_seconds_bucket[5m])))",
    "histogram_quantile(0.95, sum by (le) (rate(inference_latency_seconds_bucket[5m])))",
    "write it as a ratio",
    fixable=True,
)
STRADDLE = Rule(
    "VA111",
    "buckets-straddle-target",
    "warning",
    QUERIES,
    "No bucket of the histogram ends at the target",
    "Between two bounds a percentile is a guess along a straight line. With buckets at 100 ms and "
    "500 ms, nobody knows what a target of 200 ms has to do with the result. Asked only where "
    "bounds are known: from the configuration or with --server.",
    "histogram_quantile(0.95, sum by (le) (rate(straddled_latency_seconds_bucket[5m]))) > 0.2",
    "histogram_quantile(0.95, sum by (le) (rate(straddled_latency_seconds_bucket[5m]))) > 0.25",
    "give the histogram a bucket that ends at the target",
)
TIME_COUNTER = Rule(
    "VA114",
    "percentile-of-time-counter",
    "error",
    QUERIES,
    "A percentile is asked of a counter of time",
    "Triton's nv_inference_request_duration_us, or any _seconds_sum, adds up all durations: their "
    "mean can be had from it by dividing by the number of requests, a percentile cannot.",
    "histogram_quantile(0.95, rate(nv_inference_request_duration_us[5m]))",
    "rate(nv_inference_request_duration_us[5m]) / rate(nv_inference_request_success[5m])",
    "show the mean, and say so; for percentiles have the server export a histogram, or measure at "
    "the caller",
)

_QUANTILES = frozenset({"histogram_quantile", "quantile_over_time"})
_MEANS = frozenset({"avg", "sum", "stddev"})
_MEANS_OVER_TIME = frozenset({"avg_over_time", "sum_over_time"})
_NO_CHANGE = frozenset(
    (
        *("abs", "clamp", "clamp_max", "clamp_min", "round", "sort", "sort_desc"),
        *("label_replace", "label_join", "max_over_time", "min_over_time", "last_over_time"),
    )
)


def is_quantiles(node: Node) -> bool:  # noqa: PLR0911 - one return a case
    """Whether the values of an expression are percentiles."""
    node = bare(node)
    match node:
        case Call():
            inner = node.args[0] if node.name in _NO_CHANGE else None
            return node.name in _QUANTILES or (inner is not None and is_quantiles(inner))
        case Aggregate():
            return node.op == "quantile" or (node.op != "count" and is_quantiles(node.expr))
        case VectorSelector():
            labelled = any(m.name == "quantile" and m.op in ("=", "=~") for m in node.matchers)
            return labelled or is_percentile(metric_name(node))
        case MatrixSelector():
            return is_quantiles(node.vector)
        case Subquery():
            return is_quantiles(node.expr)
        case Binary() if node.op not in SET_OPERATORS and not node.return_bool:
            sides = [side for side in (node.lhs, node.rhs) if number(side) is None]
            return len(sides) == 1 and is_quantiles(sides[0])
        case _:
            return False


def find_averaged(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields means and sums over percentiles."""
    for node in walk(query.tree):
        if isinstance(node, Aggregate) and node.op in _MEANS and is_quantiles(node.expr):
            yield query.hit(node.position, f"{node.op} of percentiles is no percentile")
        if isinstance(node, Call) and node.name in _MEANS_OVER_TIME and is_quantiles(node.args[0]):
            message = f"{node.name} of percentiles is no percentile of the whole time"
            yield query.hit(node.position, message)


def find_nested(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields quantiles of quantiles."""
    for node in walk(query.tree):
        over = isinstance(node, Call) and node.name == "quantile_over_time"
        if over and isinstance(node, Call) and is_quantiles(node.args[-1]):
            yield query.hit(node.position, "quantile_over_time is taken of percentiles")
        if isinstance(node, Aggregate) and node.op == "quantile" and is_quantiles(node.expr):
            yield query.hit(node.position, "quantile is taken of percentiles")


def _quantile_calls(query: Query) -> Iterator[tuple[Call, Node]]:
    """Yields every histogram_quantile with the buckets that it is given."""
    for node in walk(query.tree):
        if isinstance(node, Call) and node.name == "histogram_quantile":
            yield node, node.args[1]


def _buckets(node: Node) -> list[VectorSelector]:
    return [s for s in selectors(node) if metric_name(s).endswith("_bucket")]


def find_without_le(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields quantiles over classic buckets that have lost their bounds."""
    for call, buckets in _quantile_calls(query):
        if _buckets(buckets) and label_flow(buckets).lacks("le"):
            yield query.hit(
                call.position,
                "histogram_quantile needs the label le, which is aggregated away",
                edits=_add_le(query, buckets),
            )


def _add_le(query: Query, buckets: Node) -> tuple[Edit, ...]:
    """Returns the edit that keeps `le`, where one aggregation alone takes it away."""
    guilty = [n for n in walk(buckets) if isinstance(n, Aggregate)]
    if len(guilty) != 1 or guilty[0].without:
        return ()
    at, text = guilty[0].position, query.text.value
    if guilty[0].grouping:
        grouped = re.compile(r"\bby\s*\(\s*", re.IGNORECASE).search(text, at.start, at.end)
        if grouped is None:
            return ()
        return query.edit(Position(grouped.start(), grouped.end()), grouped[0] + "le, ")
    head = re.compile(rf"{guilty[0].op}(?:\s*by\s*\(\s*\))?", re.IGNORECASE).match(text, at.start)
    return query.edit(Position(*head.span()), f"{guilty[0].op} by (le) ") if head else ()


def find_raw_buckets(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields quantiles over buckets since the start of the process."""
    for call, buckets in _quantile_calls(query):
        rated = any(isinstance(n, Call) and n.name in COUNTER_FUNCTIONS for n in walk(buckets))
        found = _buckets(buckets)
        if found and not rated and not any(":" in metric_name(s) for s in found):
            name = metric_name(found[0])
            yield query.hit(
                call.position, f"the buckets {name} are counted since the process started"
            )


def find_phi(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields quantiles outside of 0 to 1."""
    for node in walk(query.tree):
        if isinstance(node, Call) and node.name in _QUANTILES:
            phi = node.args[0]
        elif isinstance(node, Aggregate) and node.op == "quantile" and node.param is not None:
            phi = node.param
        else:
            continue
        value = number(phi)
        if value is None or 0 <= value <= 1 or query.touches_variable(phi.position):
            continue
        ratio = format_float(round(value / 100, 6))
        edits = query.edit(phi.position, ratio) if 1 < value <= 100 else ()
        shown = format_float(value)
        remedy = f"write {ratio}" if edits else ""
        yield query.hit(
            phi.position, f"the quantile {shown} is not between 0 and 1", remedy=remedy, edits=edits
        )


def find_straddled(query: Query, facts: Facts) -> Iterator[Hit]:
    """Yields targets and `le` that are not bounds of the histogram, where these are known."""
    for node in walk(query.tree):
        if isinstance(node, Binary) and node.op in COMPARISONS:
            target, call = number(node.rhs), bare(node.lhs)
            if target is not None and isinstance(call, Call) and call.name == "histogram_quantile":
                for selector in _buckets(call)[:1]:
                    message = straddled(metric_name(selector), target, facts)
                    if message:
                        yield query.hit(node.rhs.position, message)
        if isinstance(node, VectorSelector):
            yield from _unknown_bounds(query, node, facts)


def straddled(metric: str, target: float, facts: Facts) -> str:
    """Returns how a target lies inside a bucket; empty where it ends one, or nobody knows."""
    bounds = facts.bounds_of(metric)
    if not bounds or any(math.isclose(target, bound) for bound in bounds):
        return ""
    shown = format_float(target)
    above = [bound for bound in bounds if bound > target]
    if not above:
        last = format_float(bounds[-1])
        return f"{metric} has no bucket over {last}, so no percentile of it is ever over {shown}"
    below = format_float(max((b for b in bounds if b < target), default=0.0))
    return (
        f"{shown} lies inside a bucket of {metric}, from {below} to {format_float(min(above))}: "
        "percentiles are guessed there"
    )


def _unknown_bounds(query: Query, selector: VectorSelector, facts: Facts) -> Iterator[Hit]:
    for matcher in selector.matchers:
        if matcher.name != "le" or matcher.op != "=" or matcher.value == "+Inf":
            continue
        bounds = facts.bounds_of(metric_name(selector))
        try:
            wanted = float(matcher.value)
        except ValueError:
            continue
        if bounds and not any(math.isclose(wanted, bound) for bound in bounds):
            known = ", ".join(map(format_float, bounds))
            message = f"{metric_name(selector)} has no bucket le={matcher.value!r}, only {known}"
            yield query.hit(selector.position, message)


def find_time_counters(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields percentiles over counters of time."""
    for node in walk(query.tree):
        asked: Node | None = None
        if isinstance(node, Call) and node.name in _QUANTILES:
            asked = node.args[-1]
        elif isinstance(node, Aggregate) and node.op == "quantile":
            asked = node.expr
        if asked is None or any(isinstance(n, Binary) and n.op == "/" for n in walk(asked)):
            continue  # a quotient is a mean: of it a percentile over replicas has a meaning
        for selector in selectors(asked):
            name = metric_name(selector)
            triton = name.startswith("nv_inference_") and name.endswith("duration_us_bucket")
            if is_time_counter(name) or triton:
                message = f"{name.removesuffix('_bucket')} adds up durations: it has no percentiles"
                yield query.hit(node.position, message)
                break


CHECKS: tuple[Check[Query], ...] = (
    Check(AVERAGED, find_averaged),
    Check(QUANTILE_OF_QUANTILES, find_nested),
    Check(WITHOUT_LE, find_without_le),
    Check(RAW_BUCKETS, find_raw_buckets),
    Check(PHI, find_phi),
    Check(STRADDLE, find_straddled),
    Check(TIME_COUNTER, find_time_counters),
)

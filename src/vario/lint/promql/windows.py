"""Rules about functions over a window: of what they are taken, and over how long."""

from collections.abc import Iterator

from vario.lint.facts import Facts
from vario.lint.finding import Check, Edit, Hit, Rule
from vario.lint.promql.labels import QUERIES
from vario.lint.query import Query
from vario.lint.tree import COUNTER_FUNCTIONS, bare, metric_name, ranges, selectors, walk
from vario.lint.words import is_counter, is_gauge
from vario.query.promql.literals import format_duration_ms
from vario.query.promql.nodes import Aggregate, Call, MatrixSelector, Subquery, VectorSelector
from vario.query.promql.printer import aggregate_head, to_text

RATE_OF_GAUGE = Rule(
    "VA104",
    "rate-of-gauge",
    "error",
    QUERIES,
    "rate, irate or increase is taken of a gauge",
    "They take every fall of the value for the restart of a counter and add what was there before: "
    "the result is a number that means nothing.",
    "rate(gpu_utilization_ratio[5m])",
    "avg_over_time(gpu_utilization_ratio[5m])",
    "use deriv or delta for how a gauge changes, avg_over_time for its level",
)
DELTA_OF_COUNTER = Rule(
    "VA105",
    "delta-of-counter",
    "error",
    QUERIES,
    "delta, idelta, deriv or predict_linear is taken of a counter",
    "They do not know that a counter starts anew with its process: each restart looks like a great "
    "fall.",
    "delta(inference_requests_total[5m])",
    "increase(inference_requests_total[5m])",
    "use increase or rate",
)
SHORT_WINDOW = Rule(
    "VA106",
    "short-rate-window",
    "warning",
    QUERIES,
    "rate or increase is taken over less than four scrape intervals",
    "Two samples must lie in the window. With less than four intervals one late or lost scrape "
    "leaves a gap, and an alert's `for` starts anew at each gap.",
    "rate(inference_requests_total[30s])",
    "rate(inference_requests_total[5m])",
    "widen the window to four scrape intervals at least (or set scrape_interval in the lint "
    "configuration, if yours is shorter)",
)
SUM_BEFORE_RATE = Rule(
    "VA107",
    "sum-before-rate",
    "error",
    QUERIES,
    "rate is taken of a sum of counters",
    "When one of them restarts the sum falls, rate takes that for a restart of everything, and the "
    "result shows a great spike that never was.",
    "rate(sum by (region) (inference_requests_total)[5m:])",
    "sum by (region) (rate(inference_requests_total[5m]))",
    "take the rate first and the sum after it",
    fixable=True,
)
IRATE_ALERT = Rule(
    "VA120",
    "irate-in-alert",
    "warning",
    ("rules",),
    "An alert uses irate",
    "irate looks at the last two samples alone. One quiet scrape resolves the alert or starts its "
    "`for` anew, so that it flaps, or stays silent through an outage.",
    "sum(irate(http_errors_total[5m])) > 10",
    "sum(rate(http_errors_total[5m])) > 10",
    "use rate",
)

_GAUGE_FUNCTIONS = frozenset({"delta", "idelta", "deriv", "predict_linear"})


def find_rate_of_gauge(query: Query, facts: Facts) -> Iterator[Hit]:
    """Yields rates of what is surely a gauge."""
    for call, window in ranges(query.tree):
        if call.name in COUNTER_FUNCTIONS and isinstance(window, MatrixSelector):
            name = metric_name(window.vector)
            if name and is_gauge(name, facts.type_of(name)):
                yield query.hit(
                    call.position, f"{call.name} is for counters, but {name} is a gauge"
                )


def find_delta_of_counter(query: Query, facts: Facts) -> Iterator[Hit]:
    """Yields differences of what is surely a counter."""
    for call, window in ranges(query.tree):
        if call.name in _GAUGE_FUNCTIONS and isinstance(window, MatrixSelector):
            name = metric_name(window.vector)
            if name and is_counter(name, facts.type_of(name)):
                yield query.hit(
                    call.position, f"{call.name} is for gauges, but {name} is a counter"
                )


def find_short_windows(query: Query, facts: Facts) -> Iterator[Hit]:
    """Yields rates over windows too short for the scrape interval."""
    least_ms = round(facts.scrape_interval_s * 4000)
    for call, window in ranges(query.tree):
        if call.name not in ("rate", "increase") or not isinstance(window, MatrixSelector):
            continue
        if 0 < window.range_ms < least_ms and not query.touches_variable(window.position):
            shown = format_duration_ms(window.range_ms)
            message = (
                f"{call.name} over {shown} is less than four scrape intervals "
                f"({format_duration_ms(least_ms)})"
            )
            yield query.hit(window.position, message)


def find_sum_before_rate(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields rates of sums."""
    for call, window in ranges(query.tree):
        if call.name not in COUNTER_FUNCTIONS:
            continue
        if isinstance(window, MatrixSelector):
            name = metric_name(window.vector)
            if name.endswith((":sum", "_total_sum")):
                yield query.hit(call.position, f"{call.name} is taken of the sum {name}")
            continue
        inner = bare(window.expr)
        rated = any(isinstance(n, Call) and n.name in COUNTER_FUNCTIONS for n in walk(inner))
        if isinstance(inner, Aggregate) and inner.op in ("sum", "avg") and not rated:
            name = next((metric_name(s) for s in selectors(inner)), "")
            yield query.hit(
                call.position,
                f"{call.name} is taken of a {inner.op} of {name or 'counters'}",
                edits=_turned(query, call, window, inner),
            )


def _turned(query: Query, call: Call, window: Subquery, inner: Aggregate) -> tuple[Edit, ...]:
    """Returns the edit that takes the rate first, where the expression is simple enough."""
    vector = bare(inner.expr)
    moved = window.offset_ms or window.at_ms is not None or window.at_edge is not None
    if not isinstance(vector, VectorSelector) or window.range_expr is not None or moved:
        return ()
    matrix = MatrixSelector(vector, window.range_ms, vector.position)
    text = f"{aggregate_head(inner)}({call.name}({to_text(matrix)}))"
    return query.edit(call.position, text)


def find_irate(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields irate in alerts."""
    if query.role != "alert":
        return
    for call, _ in ranges(query.tree):
        if call.name == "irate":
            yield query.hit(call.position, "irate sees the last two samples alone: it flaps")


CHECKS: tuple[Check[Query], ...] = (
    Check(RATE_OF_GAUGE, find_rate_of_gauge),
    Check(DELTA_OF_COUNTER, find_delta_of_counter),
    Check(SHORT_WINDOW, find_short_windows),
    Check(SUM_BEFORE_RATE, find_sum_before_rate),
    Check(IRATE_ALERT, find_irate),
)

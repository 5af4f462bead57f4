"""Rules about how long something must last before someone is told."""

import re
from collections.abc import Iterator

from vario.lint.alerts.subject import Alert
from vario.lint.facts import Facts
from vario.lint.finding import Check, Hit, Rule
from vario.lint.tree import bare, children, metric_name, number, ranges, selectors, walk
from vario.query.promql.literals import parse_duration_ms
from vario.query.promql.nodes import (
    COMPARISONS,
    Binary,
    Call,
    Node,
    Subquery,
    VectorSelector,
)

_FRAME = """\
groups:
- name: inference
  rules:
  - alert: Slow
    expr: EXPR
    FORlabels: {severity: page, team: ml-serving}
    annotations:
      summary: Requests are slow
      runbook_url: https://wiki/slow
"""
_P95 = "histogram_quantile(0.95, sum by (le) (rate(inference_latency_seconds_bucket[WINDOW]))) > 1"


def _example(expr: str, wait: str = "2m") -> str:
    text = _FRAME.replace("EXPR", expr)
    return text.replace("FOR", f"for: {wait}\n    " if wait else "")


_PAIR = " and ".join(_P95.replace("WINDOW", window) for window in ("5m", "1h"))

BURN_WITHOUT_PAIR = Rule(
    "VA206",
    "burn-rate-without-pair",
    "warning",
    ("rules",),
    "A burn-rate alert looks over one window only",
    "Over the long window alone it goes on firing for an hour after the end; over the short one "
    "alone it fires on every blip. The SRE workbook pairs them: 1h with 5m, 6h with 30m.",
    _example("job:slo_errors_per_request:ratio_rate1h > (14.4 * 0.001)"),
    _example(
        "job:slo_errors_per_request:ratio_rate1h > (14.4 * 0.001) and "
        "job:slo_errors_per_request:ratio_rate5m > (14.4 * 0.001)"
    ),
    "join it by `and` with the same over a short window, a twelfth of the long one",
)
SINGLE_WINDOW = Rule(
    "VA207",
    "single-window-threshold",
    "info",
    ("rules",),
    "A page on a symptom compares one window with a threshold",
    "One window flaps around its threshold: it fires late or resolves late. A short and a long "
    "window together (5m and 1h) fire on what lasts and resolve when it is over.",
    _example(_P95.replace("WINDOW", "5m")),
    _example(_PAIR),
    "ask for the same over a short and a long window, joined by `and`; or alert on an SLO's burn "
    "rate",
)
MISSING_FOR = Rule(
    "VA208",
    "missing-for",
    "warning",
    ("rules",),
    "An alert fires on a single sample",
    "Without `for`, one bad evaluation is an alert: a scrape that came late, a restart, a blip.",
    _example("inference_queue_depth > 100", ""),
    _example("inference_queue_depth > 100"),
    "add `for` (a few evaluations), or write `for: 0s` where that is meant",
)

_SETTLED_S = 300.0
_RECORDED_WINDOW = re.compile(
    r"(?:rate|ratio_rate|ratio|increase|_over_time)_?(\d+(?:ms|[smhdw]))$"
)
_BURN = re.compile(r"burn_?rate|error_budget|errors?_per_request|slo:")


def windows_s(node: Node) -> set[float]:
    """Returns the lengths of all windows that an expression looks over, in seconds.

    The name of a recorded metric counts: `job:errors:ratio_rate5m` is over 5 minutes.
    """
    found = {window.range_ms / 1000 for _, window in ranges(node)}
    found |= {part.range_ms / 1000 for part in walk(node) if isinstance(part, Subquery)}
    for selector in selectors(node):
        named = _RECORDED_WINDOW.search(metric_name(selector))
        if named and ":" in metric_name(selector):
            found.add(parse_duration_ms(named[1]) / 1000)
    return found


def _is_burn_rate(alert: Alert) -> bool:
    """Whether an alert compares with a multiple of an error budget."""
    for node in walk(alert.query.tree):
        if isinstance(node, Binary) and node.op in COMPARISONS and _is_budget(bare(node.rhs)):
            return True
    return any(_BURN.search(name) for name in alert.metrics)


def _is_budget(limit: Node) -> bool:
    """Whether a limit is a burn rate times a budget, such as `14.4 * 0.001`."""
    if not isinstance(limit, Binary) or limit.op != "*":
        return False
    factors = sorted((number(limit.lhs) or 0.0, number(limit.rhs) or 0.0))
    return 0 < factors[0] <= 0.2 and 1 <= factors[1] <= 100


def find_single_windows(alert: Alert, _facts: Facts) -> Iterator[Hit]:
    """Yields burn rates over one window."""
    windows = windows_s(alert.query.tree)
    if len(windows) == 1 and _is_burn_rate(alert):
        message = f"alert {alert.name.value} looks at the burn rate over one window only"
        yield alert.query.hit(alert.query.tree.position, message)


def find_single_thresholds(alert: Alert, _facts: Facts) -> Iterator[Hit]:
    """Yields pages on a symptom over one window."""
    one = len(windows_s(alert.query.tree)) == 1
    if one and alert.pages and alert.symptoms and not _is_burn_rate(alert):
        message = f"alert {alert.name.value} pages on {alert.symptoms[0]} over one window only"
        yield alert.query.hit(alert.query.tree.position, message)


def find_missing_for(alert: Alert, _facts: Facts) -> Iterator[Hit]:
    """Yields alerts that fire at once on the newest sample of something."""
    if alert.for_ms is not None or len(windows_s(alert.query.tree)) > 1:
        return
    momentary = [metric_name(s) or "a selector" for s in _momentary(alert.query.tree)]
    if momentary:
        yield alert.hit(
            f"alert {alert.name.value} fires on a single sample of {momentary[0]}: it has no `for`"
        )


def _momentary(node: Node, window_s: float = 0.0) -> Iterator[VectorSelector]:
    """Yields selectors that no function looks at over five minutes or more."""
    if isinstance(node, VectorSelector):
        named = _RECORDED_WINDOW.search(metric_name(node))
        if window_s < _SETTLED_S and not named:
            yield node
        return
    if isinstance(node, Call) and node.name in ("absent", "time", "timestamp"):
        return  # a series is absent after five minutes without a sample
    inner = window_s
    for _, window in [pair for pair in ranges(node) if pair[0] is node]:
        inner = max(inner, window.range_ms / 1000)
    if isinstance(node, Subquery):
        inner = max(inner, node.range_ms / 1000)
    for child in children(node):
        yield from _momentary(child, inner)


CHECKS: tuple[Check[Alert], ...] = (
    Check(BURN_WITHOUT_PAIR, find_single_windows),
    Check(SINGLE_WINDOW, find_single_thresholds),
    Check(MISSING_FOR, find_missing_for),
)

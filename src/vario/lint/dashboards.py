"""Grafana dashboards: their panels and the rules about them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vario.lint.document import Document, Named, expression_fault
from vario.lint.facts import Facts
from vario.lint.finding import Check, Edit, Hit, Rule
from vario.lint.promql.percentiles import is_quantiles
from vario.lint.promql.thresholds import time_unit
from vario.lint.query import Query, read_panel_query
from vario.lint.reach import scale
from vario.lint.source import Source, Text
from vario.lint.tree import COUNTER_FUNCTIONS, bare, metric_name, ranges, selectors, walk
from vario.lint.value import Value
from vario.lint.words import unit_of
from vario.query.promql.lexer import Position
from vario.query.promql.literals import format_duration_ms
from vario.query.promql.nodes import Aggregate, Call, MatrixSelector, Node, VectorSelector
from vario.query.promql.parser import ParseError


def _example(title: str, unit: str, expr: str) -> str:
    shown = f'{{"defaults": {{"unit": "{unit}"}}}}' if unit else '{"defaults": {}}'
    return (
        '{"title": "Inference", "panels": [\n'
        f'  {{"title": "{title}", "type": "timeseries",\n'
        f'   "fieldConfig": {shown},\n'
        f'   "targets": [{{"expr": "{expr}"}}]}}\n'
        "]}\n"
    )


_P95 = "histogram_quantile(0.95, sum by (le) (rate(latency_seconds_bucket[$__rate_interval])))"
_MEAN = (
    "sum(rate(latency_seconds_sum[$__rate_interval])) / "
    "sum(rate(latency_seconds_count[$__rate_interval]))"
)
_RATE = "sum(rate(requests_total[$__rate_interval]))"

UNIT_MISSING = Rule(
    "VA401",
    "panel-without-unit",
    "warning",
    ("dashboard",),
    "A panel does not say its unit",
    "0.2 may be 200 ms, 20 % or a fifth of a request. During an incident nobody has time to look "
    "at the query to know.",
    _example("Latency, p95", "", _P95),
    _example("Latency, p95", "s", _P95),
    "set the unit under standard options",
    fixable=True,
)
PERCENTILE_OF_AVERAGE = Rule(
    "VA402",
    "percentile-from-average",
    "error",
    ("dashboard",),
    "A panel is called a percentile and shows a mean",
    "A mean hides the slow requests that a percentile is there to show: it can be half of p95, or "
    "a tenth.",
    _example("Latency, p95", "s", _MEAN),
    _example("Latency, p95", "s", _P95),
    "use histogram_quantile over the histogram's buckets, or call the panel a mean",
)
FIXED_WINDOW = Rule(
    "VA403",
    "panel-without-rate-interval",
    "warning",
    ("dashboard",),
    "A panel takes rates over a fixed window",
    "Zoomed out, a window shorter than the step skips most samples; with a long scrape interval it "
    "is empty, and so it is over $__interval when zoomed in. Grafana's $__rate_interval fits all.",
    _example("Requests", "reqps", _RATE.replace("$__rate_interval", "5m")),
    _example("Requests", "reqps", _RATE),
    "write [$__rate_interval]",
    fixable=True,
)
WRONG_UNIT = Rule(
    "VA404",
    "panel-in-wrong-unit",
    "error",
    ("dashboard",),
    "A panel shows its values in another unit than they are in",
    "Seconds shown as milliseconds are wrong by a thousand, ratios shown as percent by a hundred.",
    _example("Latency, p95", "ms", _P95),
    _example("Latency, p95", "s", _P95),
    "choose the unit that the values are in",
    fixable=True,
)

_NUMBERS = frozenset({"timeseries", "graph", "stat", "gauge", "bargauge", "singlestat", "heatmap"})
_UNITS = {
    "seconds": ("s", frozenset({"s", "dtdurations", "clocks", "m", "h", "d"})),
    "milliseconds": ("ms", frozenset({"ms", "dtdurationms", "clockms"})),
    "microseconds": ("µs", frozenset({"µs", "us"})),
    "nanoseconds": ("ns", frozenset({"ns"})),
    "ratio": ("percentunit", frozenset({"percentunit"})),
    "percent": ("percent", frozenset({"percent"})),
    "bytes": ("bytes", frozenset({"bytes", "decbytes"})),
}
_TIMES = ("seconds", "milliseconds", "microseconds", "nanoseconds")
_SHARES = ("ratio", "percent")
_INTERVAL = re.compile(r"\$__interval\b|\$\{__interval\}")
_SAYS_PERCENTILE = re.compile(r"\bp\d{2,3}(?:\.\d+)?\b|\bpercentile|\bquantile", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel with PromQL: `unit` is what it is set to, None where it is not."""

    title: str
    value: Value
    queries: tuple[Query, ...]
    unit: Text | None

    @property
    def span(self) -> tuple[int, int]:
        """Where its title stands, or the panel begins."""
        found = self.value.text("title")
        return found.span() if found and found.value else (self.value.start, self.value.start + 1)


def read_dashboard(source: Source, top: Value) -> tuple[Document, list[tuple[Named, Panel]]]:
    """Returns a dashboard's queries, and its panels."""
    document = Document("dashboard", source)
    panels: list[tuple[Named, Panel]] = []
    root = top if top.get("panels") or top.get("rows") else top.get("dashboard") or top
    for value in _panels(root):
        title = value.word("title")
        named = Named(title, value.start)
        queries = tuple(_queries(document, value, title))
        document.queries += [(named, query) for query in queries]
        if queries:
            panels.append((named, Panel(title, value, queries, _unit(value))))
    return document, panels


def _panels(root: Value) -> Iterator[Value]:
    for row in root.each("rows"):
        yield from _panels(row)
    for panel in root.each("panels"):
        yield panel
        yield from _panels(panel)


def _queries(document: Document, panel: Value, title: str) -> Iterator[Query]:
    for target in panel.each("targets"):
        expr = target.text("expr")
        if expr is None or not expr.value.strip() or not _is_promql(target, panel):
            continue
        said = "\n".join((title, panel.word("description"), target.word("legendFormat")))
        query = read_panel_query(expr, title, said)
        if isinstance(query, ParseError):
            document.faults.append(expression_fault(expr, query))
        elif query is not None:
            yield query


def _is_promql(target: Value, panel: Value) -> bool:
    """Whether a target asks Prometheus or what speaks like it, as far as its data source says."""
    for holder in (target, panel):
        source = holder.get("datasource")
        if source is None:
            continue
        named = source.word("type") if source.members is not None else str(source.scalar or "")
        if named and not named.startswith(("$", "-- ")):
            other = ("loki", "elastic", "influx", "tempo", "graphite", "cloudwatch", "sql")
            return not any(word in named.lower() for word in other)
    return True


def _unit(panel: Value) -> Text | None:
    """Returns the unit that a panel is set to, in today's form or in those of old panels."""
    defaults = panel.text("fieldConfig", "defaults", "unit")
    if defaults is not None or panel.get("fieldConfig") is not None:
        return defaults if defaults and defaults.value else _override_unit(panel)
    axes = panel.each("yaxes")
    return axes[0].text("format") if axes else panel.text("format")


def _override_unit(panel: Value) -> Text | None:
    for override in panel.each("fieldConfig", "overrides"):
        for each in override.each("properties"):
            if each.word("id") == "unit":
                return each.text("value")
    return None


def value_unit(node: Node) -> str:
    """Returns the unit that an expression's values are in, as far as names and shape say."""
    node = bare(node)
    if share := scale(node):
        return share
    if timed := time_unit(node):
        return timed[0]
    if isinstance(node, VectorSelector):
        named = unit_of(metric_name(node))
        return "bytes" if named == "bytes" and not metric_name(node).endswith("_total") else ""
    if isinstance(node, Aggregate) and node.op in ("sum", "avg", "max", "min"):
        return "bytes" if value_unit(node.expr) == "bytes" else ""
    return ""


def find_missing_units(panel: Panel, _facts: Facts) -> Iterator[Hit]:
    """Yields panels without a unit whose values have one."""
    kind = panel.value.word("type")
    if panel.unit is not None or (kind and kind not in _NUMBERS):
        return
    units = {value_unit(query.tree) for query in panel.queries}
    if len(units) == 1 and (unit := units.pop()):
        wanted = _UNITS[unit][0]
        yield Hit(
            *panel.span,
            f'panel "{panel.title}" shows {unit} and has no unit',
            f'set the unit "{wanted}"',
            _insert_unit(panel.value, wanted),
        )


def _insert_unit(panel: Value, unit: str) -> tuple[Edit, ...]:
    defaults = panel.get("fieldConfig", "defaults")
    if defaults is None or defaults.members is None or "unit" in defaults.members:
        return ()
    at = defaults.start + 1
    tail = ", " if defaults.members else ""
    return (Edit(at, at, f'"unit": "{unit}"{tail}'),)


def find_wrong_units(panel: Panel, _facts: Facts) -> Iterator[Hit]:
    """Yields panels whose unit is not that of their values."""
    if panel.unit is None:
        return
    units = {value_unit(query.tree) for query in panel.queries}
    unit = units.pop() if len(units) == 1 else ""
    shown = panel.unit.value.lower()
    for family in (_TIMES, _SHARES):
        others = [name for name in family if shown in _UNITS[name][1] and name != unit]
        if unit in family and others:
            wanted = _UNITS[unit][0]
            start, end = panel.unit.span()  # without its quotes
            yield Hit(
                start,
                end,
                f'panel "{panel.title}" shows {unit} as {others[0]} (unit "{panel.unit.value}")',
                f'set the unit "{wanted}"',
                (Edit(start, end, wanted),),
            )


def find_percentiles_of_averages(panel: Panel, _facts: Facts) -> Iterator[Hit]:
    """Yields panels called percentiles that show means."""
    if not _SAYS_PERCENTILE.search(panel.title):
        return
    for query in panel.queries:
        quantiles = any(is_quantiles(part) for part in walk(query.tree))
        if not quantiles and _is_mean(query.tree):
            yield query.hit(
                query.tree.position, f'panel "{panel.title}" is called a percentile, but is a mean'
            )


def _is_mean(node: Node) -> bool:
    names = [metric_name(selector) for selector in selectors(node)]
    divided = any(n.endswith("_sum") for n in names) and any(n.endswith("_count") for n in names)
    averages = any(
        (isinstance(part, Aggregate) and part.op == "avg")
        or (isinstance(part, Call) and part.name == "avg_over_time")
        for part in walk(node)
    )
    return divided or averages


def find_fixed_windows(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields rates of a panel over a fixed window, or over `$__interval`."""
    if query.role != "panel":
        return
    for call, window in ranges(query.tree):
        if call.name not in COUNTER_FUNCTIONS - {"increase"}:
            continue
        if not isinstance(window, MatrixSelector):
            continue
        opening = query.text.value.rfind("[", 0, window.position.end)
        brackets = Position(opening, window.position.end)
        if not query.touches_variable(brackets):
            shown = format_duration_ms(window.range_ms)
            yield query.hit(
                brackets, f"{call.name} over a fixed {shown}, whatever the panel's step"
            )
        for at in _INTERVAL.finditer(query.text.value, brackets.start, brackets.end):
            start, end = query.text.span(*at.span())
            yield Hit(
                start,
                end,
                f"{call.name} over {at[0]}, which may be shorter than two scrapes",
                edits=(Edit(start, end, "$__rate_interval"),),
            )


PANEL_CHECKS: tuple[Check[Panel], ...] = (
    Check(UNIT_MISSING, find_missing_units),
    Check(PERCENTILE_OF_AVERAGE, find_percentiles_of_averages),
    Check(WRONG_UNIT, find_wrong_units),
)
QUERY_CHECKS: tuple[Check[Query], ...] = (Check(FIXED_WINDOW, find_fixed_windows),)

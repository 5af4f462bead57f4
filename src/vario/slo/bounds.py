"""Whether a histogram can answer for a latency objective: are there buckets, and where they end."""

from dataclasses import dataclass

from vario.model.series import Matcher
from vario.query.promql.nodes import VectorSelector
from vario.query.promql.parser import parse
from vario.slo.model import LatencyBound, Slo
from vario.slo.promql import join_selector
from vario.store.base import MetricReader


@dataclass(frozen=True, slots=True)
class Fit:
    """The bounds around a target, in the histogram's unit; None where there is none."""

    below: float | None
    above: float | None
    has_buckets: bool
    has_native: bool


def find_fit(reader: MetricReader, bound: LatencyBound, start_ms: int, end_ms: int) -> Fit:
    """Returns how the buckets of a histogram lie around a target."""
    matchers = _matchers(join_selector(f"{bound.metric}_bucket", bound.selector))
    values = reader.find_label_values("le", [matchers], start_ms, end_ms)
    bounds = sorted(float(value) for value in values if value not in ("+Inf", ""))
    native = reader.find_series(
        _matchers(join_selector(bound.metric, bound.selector)), start_ms, end_ms, limit=1
    )
    return Fit(
        max((b for b in bounds if b <= bound.bound), default=None),
        min((b for b in bounds if b >= bound.bound), default=None),
        bool(bounds),
        len(native.labels) > 0,
    )


def _matchers(selector: str) -> list[Matcher]:
    node = parse(selector)
    if not isinstance(node, VectorSelector):
        return []
    return [Matcher("__name__", "=", node.name), *node.matchers]


def check_bounds(reader: MetricReader, slo: Slo, start_ms: int, end_ms: int) -> str:
    """Returns what is doubtful about a latency objective's histogram, empty for nothing."""
    bound = slo.sli.latency
    if bound is None:
        return ""
    fit = find_fit(reader, bound, start_ms, end_ms)
    if bound.buckets == "native":
        return "" if fit.has_native else f"no native histogram {bound.metric} has arrived"
    if not fit.has_buckets and fit.has_native:
        return f"{bound.metric} is a native histogram; write buckets: native"
    if not fit.has_buckets:
        return f"no buckets of {bound.metric} have arrived"
    return "" if bound.bound in (fit.below, fit.above) else _say_straddling(bound, fit)


def _say_straddling(bound: LatencyBound, fit: Fit) -> str:
    around = f"{fit.below or 0:g} and {fit.above:g}" if fit.above else f"{fit.below:g} and +Inf"
    text = f"the target {bound.bound:g} lies within the bucket between {around} of {bound.metric}"
    if bound.buckets == "exact":
        return f"{text}: nothing is measured; move the target, or write buckets: interpolate"
    return f"{text}: what is between is guessed evenly; a bucket that ends there is exact"

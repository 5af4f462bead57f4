"""The kinds of indicators of the short form: which fields each has, and what comes of them."""

from collections.abc import Callable
from typing import cast

from vario.errors import BadData
from vario.model.telemetry import Signal as Signals
from vario.query.filter import parse_filter
from vario.slo import indicators
from vario.slo.fields import Fields, parsed, text_of
from vario.slo.indicators import Range
from vario.slo.model import EventCounts, Signal, Sli
from vario.slo.promql import find_metrics, join_selector, split_selector
from vario.slo.quantity import Quantity, Wanted, parse_quantity
from vario.wire.document import DocumentError, Item

_GAUGE = frozenset({"metric", "below", "above", "between", "unit", "summary"})
_RATIO = frozenset({"good", "bad", "total", "words"})


def read_sli(kind: str, item: Item, slo: str, wanted: Wanted) -> Sli:
    """Returns the indicator of a kind.

    Args:
        kind: one of `KINDS`.
        item: its fields.
        slo: the SLO's name.
        wanted: its objective, which may name a bound.

    Raises:
        DocumentError: a field is missing or makes no sense.
        ValueError: they make no sense together.
    """
    known, required, read = KINDS[kind]
    if item.node.id == "scalar" and not item.is_null and len(required) == 1:
        fields: Fields = {required[0]: item}
    else:
        fields = item.fields(f"sli.{kind}", known)
    for key in required:
        if key not in fields or fields[key].is_null:
            raise item.fail(f'field "{key}" is missing in sli.{kind}')
    return read(kind, fields, slo, wanted)


def _latency(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del kind, slo
    metric = fields["metric"]
    bound = parsed(fields["faster_than"], "faster_than", parse_quantity) if (
        "faster_than" in fields
    ) else wanted.bound  # fmt: skip
    if bound is None:
        raise metric.fail(
            "sli.latency: how fast? Write objective: p95 <= 200 ms, or add faster_than: 200 ms"
        )
    buckets = text_of(fields, "buckets", "exact")
    if buckets not in ("exact", "interpolate", "native"):
        raise fields["buckets"].fail(
            f'buckets "{buckets}": exact (a bucket ends at the target), interpolate (it does not), '
            "or native"
        )
    return _at(
        fields.get("unit", metric),
        "unit" if "unit" in fields else "metric",
        lambda: indicators.latency(
            metric.text("metric"),
            bound,
            unit=text_of(fields, "unit"),
            buckets=buckets,
            noun=text_of(fields, "of"),
        ),
    )


def _errors(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del slo, wanted
    matcher = text_of(fields, "bad", 'code=~"5.."')
    words = text_of(fields, "words", "requests that failed")
    return _at(
        fields["requests"],
        "requests",
        lambda: indicators.error_rate(kind, fields["requests"].text("requests"), matcher, words),
    )


def _ratio(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del slo, wanted
    if "least" in fields:
        least = parsed(fields["least"], "least", parse_quantity)
        share = least.value / 100 if least.unit == "%" else least.value
        return indicators.working_time(
            kind, text_of(fields, "bad"), text_of(fields, "good"), text_of(fields, "total"), share
        )
    words = {"accept_rate": "predictions that were not accepted"}.get(kind, "")
    return indicators.ratio(
        kind,
        bad=text_of(fields, "bad"),
        good=text_of(fields, "good"),
        total=text_of(fields, "total"),
        words=text_of(fields, "words", words),
    )


def _feature_presence(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del slo, wanted
    matcher = f'feature="{fields["feature"].text("feature")}"' if "feature" in fields else ""
    metric, matchers = split_selector(text_of(fields, "missing", "feature_missing_total"))
    feature = text_of(fields, "feature", "a feature")
    return indicators.ratio(
        kind,
        bad=join_selector(metric, matchers, matcher),
        total=text_of(fields, "total", "inference_requests_total"),
        words=f"requests without {feature}",
    )


def _error_ratio(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del slo, wanted
    return indicators.error_ratio(
        kind, fields["query"].text("query"), words=text_of(fields, "words")
    )


def _slices(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del slo, wanted
    query, words = fields["bad"].text("bad"), text_of(fields, "words", "bad time")
    return Sli(kind, "slices", query, "", words, "1", find_metrics(query))


def _freshness(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del kind, slo, wanted
    limit = parsed(fields["max_age"], "max_age", parse_quantity)
    return _at(
        fields["max_age"],
        "max_age",
        lambda: indicators.freshness(fields["metric"].text("metric"), limit),
    )


def _gauge(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del slo, wanted
    defaults = {"drift": "drift_psi", "gpu_utilisation": "gpu_utilization_ratio"}
    bounds: dict[str, Quantity] = {
        key: parsed(fields[key], key, parse_quantity) for key in ("above", "below") if key in fields
    }
    if "between" in fields:
        values = [parsed(one, "between", parse_quantity) for one in fields["between"].items("x")]
        if len(values) != 2:
            raise fields["between"].fail("between: wants two bounds, such as [30%, 95%]")
        bounds = {"above": values[0], "below": values[1]}
    elif kind == "drift" and not bounds:
        bounds = {"below": Quantity(0.2, "")}  # PSI: above 0.2 a population has changed
    query = text_of(fields, "metric", defaults.get(kind, ""))
    if not query:
        raise next(iter(fields.values())).fail(f'field "metric" is missing in sli.{kind}')
    summary = text_of(fields, "summary", "avg" if kind == "gpu_utilisation" else "max")
    if summary not in ("avg", "max", "min"):
        raise fields["summary"].fail(f'summary "{summary}" is none of avg, max, min')
    place = next((fields[k] for k in ("unit", "between", "below", "above") if k in fields), None)
    allowed = Range(bounds.get("above"), bounds.get("below"))

    def make() -> Sli:
        return indicators.gauge(kind, query, allowed, unit=text_of(fields, "unit"), summary=summary)

    return make() if place is None else _at(place, "bounds", make)


def _counted(kind: str, fields: Fields, slo: str, wanted: Wanted) -> Sli:
    del wanted
    for key in ("total", "bad", "good"):
        if key in fields:
            signal = Signals.TRACES if kind == "spans" else Signals.LOGS
            try:
                parse_filter(fields[key].text(key), signal)
            except BadData as error:
                raise fields[key].fail(f"{key}: {error}") from error
    counts = EventCounts(
        cast("Signal", kind),
        text_of(fields, "total"),
        text_of(fields, "bad"),
        text_of(fields, "good"),
    )
    return indicators.counted(slo, counts)


def _at(item: Item, key: str, make: Callable[[], Sli]) -> Sli:
    try:
        return make()
    except ValueError as error:
        if isinstance(error, DocumentError):
            raise
        raise item.fail(f"{key}: {error}") from error


_Read = Callable[[str, Fields, str, Wanted], Sli]

KINDS: dict[str, tuple[frozenset[str], tuple[str, ...], _Read]] = {
    "latency": (
        frozenset({"metric", "faster_than", "unit", "buckets", "of"}), ("metric",), _latency,
    ),
    "errors": (frozenset({"requests", "bad", "words"}), ("requests",), _errors),
    "availability": (_RATIO | {"least"}, ("total",), _ratio),
    "ratio": (_RATIO, ("total",), _ratio),
    "accept_rate": (_RATIO, ("total",), _ratio),
    "error_ratio": (frozenset({"query", "words"}), ("query",), _error_ratio),
    "slices": (frozenset({"bad", "words"}), ("bad",), _slices),
    "feature_presence": (frozenset({"feature", "missing", "total"}), (), _feature_presence),
    "freshness": (frozenset({"metric", "max_age"}), ("metric", "max_age"), _freshness),
    "drift": (_GAUGE, (), _gauge),
    "score_shift": (_GAUGE, ("metric",), _gauge),
    "gpu_utilisation": (_GAUGE, (), _gauge),
    "gauge": (_GAUGE, ("metric",), _gauge),
    "spans": (frozenset({"total", "bad", "good"}), (), _counted),
    "logs": (frozenset({"total", "bad", "good"}), (), _counted),
}  # fmt: skip
"""Fields, those that must be there, and what reads them; with one required field, its value may
stand alone."""

"""Counts, states and timings that a service names by itself."""

import re
from time import time_ns
from typing import Any

from opentelemetry import trace

from vario.sdk.faults import report, say_once
from vario.sdk.pipeline import Pipeline
from vario.sdk.requests import current_request
from vario.sdk.series import Series
from vario.sdk.state import current
from vario.sdk.values import attribute

MOST_BOUND = 8_192
_ID_NAME = re.compile(r"(^|.*[_.])(id|uuid|guid|email|token)", re.IGNORECASE)
_ID_VALUE = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|[0-9a-f]{16}|\d{10,}",
    re.IGNORECASE,
)
_COARSE = frozenset(
    {"model_id", "experiment_id", "variant_id", "shard_id", "gpu_id", "device_id", "zone_id"}
)


def count(name: str, amount: float = 1, /, **labels: Any) -> None:
    """Adds to a counter, such as `vario.count("feature_missing_total", feature="age")`.

    Args:
        name: the counter's name; by convention it ends in `_total`.
        amount: what to add; not negative.
        **labels: coarse labels, each with few values: never an id, which goes to the span
            instead. model_name, model_version and region are added.
    """
    measure("counter", name, amount, labels)


def gauge(name: str, value: float, /, **labels: Any) -> None:
    """Sets a gauge, such as `vario.gauge("gpu_utilization_ratio", 0.25, gpu="0")`.

    Args:
        name: the gauge's name, its unit at the end: `_ratio`, `_bytes`, `_seconds`.
        value: its value now.
        **labels: as for `count`.
    """
    measure("gauge", name, value, labels)


def measure(kind: str, name: str, value: float, labels: dict[str, Any]) -> None:
    """Records a value under the labels of the model that answers, and others.

    Args:
        kind: `counter`, `gauge`, or the name of a set of bounds in `BOUNDS`.
        name: the instrument's name.
        value: what to add, set or record.
        labels: the others.
    """
    pipeline = current()
    if pipeline is None:
        return
    try:
        request = current_request.get()
        common = pipeline.labels if request is None else request.labels
        key = (kind, name, *labels.items(), *map(type, labels.values()))
        series = common.bound.get(key)
        if series is None:
            series = _bind(pipeline, common, kind, name, labels, key)
        series.record(value, time_ns(), pipeline.instruments.requests.exemplar())
    except Exception as error:
        report(f"record {name if type(name) is str else 'a metric'}", error)


BOUNDS: dict[str, tuple[float, ...]] = {
    "tokens": tuple(float(4**power) for power in range(14)),
    "seconds": (
        0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    ),
    "first_token": (
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    ),
    "per_token": (
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5,
    ),
    "wait": (
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    ),
    "size": tuple(float(2**power) for power in range(13)),
}  # fmt: skip
"""Bounds of histograms by what they hold; those of gen_ai are OpenTelemetry's own advice."""
_UNITS = {"tokens": "{token}", "size": "{request}"}


def _bind(
    pipeline: Pipeline, common: Any, kind: str, name: str, labels: dict[str, Any], key: Any
) -> Series:
    """Returns the series of these labels, without the ids among them."""
    ids = {label: value for label, value in labels.items() if is_id(label, value)}
    if ids:
        say_once(
            f"label {', '.join(sorted(ids))} of {name} looks like an id: it would make a series "
            "for each value. It is put on the span instead; labels are coarse"
        )
        trace.get_current_span().set_attributes({k: attribute(v) for k, v in ids.items()})
    instruments = pipeline.instruments
    if kind == "counter":
        instrument = instruments.counter(name)
    elif kind == "gauge":
        instrument = instruments.gauge(name)
    else:
        instrument = instruments.histogram(name, BOUNDS[kind], _UNITS.get(kind, "s"))
    named = {k: label(v) for k, v in labels.items() if k not in ids}
    series = instrument.find({**common.attributes, **named})
    if not ids:
        if len(common.bound) >= MOST_BOUND:
            common.bound.clear()
        common.bound[key] = series
    return series


def is_id(name: str, value: Any) -> bool:
    """Returns whether a label would have a value of its own for each user or request."""
    if name in _COARSE:
        return False
    return bool(_ID_NAME.fullmatch(name) or _ID_VALUE.fullmatch(str(value)))


def label(value: Any) -> str:
    """Returns a value as a label has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Counts and states that a service names by itself."""

from typing import Any

from vario.sdk.faults import report
from vario.sdk.pipeline import Pipeline
from vario.sdk.requests import current_request
from vario.sdk.state import current


def count(name: str, amount: float = 1, /, **labels: Any) -> None:
    """Adds to a counter, such as `vario.count("feature_missing_total", feature="age")`.

    Args:
        name: the counter's name; by convention it ends in `_total`.
        amount: what to add; not negative.
        **labels: coarse labels, each with few values: never an id. model_name, model_version and
            region are added.
    """
    try:
        if pipeline := current():
            pipeline.instruments.counter(name).add(amount, _labels(pipeline, labels))
    except Exception as error:
        report(f"count {name}", error)


def gauge(name: str, value: float, /, **labels: Any) -> None:
    """Sets a gauge, such as `vario.gauge("gpu_utilization_ratio", 0.25, gpu="0")`.

    Args:
        name: the gauge's name, its unit at the end: `_ratio`, `_bytes`, `_seconds`.
        value: its value now.
        **labels: as for `count`.
    """
    try:
        if pipeline := current():
            pipeline.instruments.gauge(name).set(value, _labels(pipeline, labels))
    except Exception as error:
        report(f"set {name}", error)


def _labels(pipeline: Pipeline, labels: dict[str, Any]) -> dict[str, str]:
    return {
        **model_labels(pipeline),
        **{key: _label(value) for key, value in labels.items()},
    }


def model_labels(pipeline: Pipeline) -> dict[str, str]:
    """Returns the labels that every metric has: model_name, model_version and region, if known."""
    settings = pipeline.settings
    state = current_request.get()
    labels = {
        "model_name": state.model_name if state else settings.model_name,
        "model_version": state.model_version if state else settings.model_version,
        "region": settings.region,
    }
    return {key: value for key, value in labels.items() if value}


def _label(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Numbers and subjects in plain words."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from vario.model.investigation import Effect, Symptom

SYMPTOMS: Mapping[Symptom, str] = {
    "latency": "requests became slower",
    "errors": "more requests fail",
    "traffic": "traffic changed",
    "quality": "predictions became worse",
    "cost": "the same work costs more",
    "saturation": "resources are exhausted",
}


def say_number(value: float, unit: str) -> str:
    """Returns a number with its unit, in the size that suits it.

    Example:
        >>> say_number(0.1234, "s"), say_number(0.153, "1"), say_number(2.5, "s")
        ('123 ms', '15%', '2.5 s')
        >>> say_number(float("nan"), "s"), say_number(0.0042, "1")
        ('nothing', '0.42%')
        >>> say_number(1.0, "requests"), say_number(7.94, "requests")
        ('1 request', '7.94 requests')
    """
    if not math.isfinite(value):
        return "nothing"
    if unit == "s":
        if abs(value) >= 60:
            return f"{value / 60:.3g} min"
        for size, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
        return "0 ms"
    if unit == "1":
        return say_share(value)
    text = f"{value:.3g}"
    return f"{text} {unit.removesuffix('s') if text == '1' else unit}".strip()


def say_share(share: float) -> str:
    """Returns a share in percent: two digits that matter, never more than it knows.

    Example:
        >>> say_share(0.712), say_share(0.056), say_share(1.0), say_share(0.0)
        ('71%', '5.6%', '100%', '0%')
    """
    percent = 100 * share
    if percent == 0 or abs(percent) >= 9.95:
        return f"{percent:.0f}%"
    return f"{percent:.2g}%"


def say_time(time_ns: int) -> str:
    """Returns a time of day, with its date left to the page.

    Example:
        >>> say_time(1_750_000_000_000_000_000)
        '15:06:40 UTC'
    """
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%H:%M:%S} UTC"


def say_scope(scope: Mapping[str, str]) -> str:
    """Returns a part of the traffic.

    Example:
        >>> say_scope({"region": "us-east", "attributes.tier": "free"})
        'tier = free and region = us-east'
        >>> say_scope({})
        'all requests'
    """
    if not scope:
        return "all requests"
    parts = (f"{say_field(name)} = {value}" for name, value in sorted(scope.items()))
    return " and ".join(parts)


def say_field(name: str) -> str:
    """Returns the name of a field without the place where it was found."""
    plain = name.removeprefix("attributes.").removeprefix("resource.")
    return "operation" if plain == "name" else plain


def say_span(service: str, name: str) -> str:
    """Returns a span as `service.operation`.

    Example:
        >>> say_span("ml-infer", "predict"), say_span("ml-infer", "ml-infer.predict")
        ('ml-infer.predict', 'ml-infer.predict')
    """
    return name if name.startswith(f"{service}.") else f"{service}.{name}"


def say_effect(effect: Effect) -> str:
    """Returns a measure and how it moved."""
    before, after = (say_number(one, effect.unit) for one in (effect.before, effect.after))
    verb = "rose" if effect.after >= effect.before else "fell"
    return f"{effect.measure} {verb} from {before} to {after}"

"""Quantities with units, and the units that metrics have by their names.

Source of the suffixes: Prometheus' "Metric and label naming" and OpenMetrics; the exceptions are
servers that came before them.
"""

import re
from dataclasses import dataclass

_SCALES: dict[str, tuple[str, float]] = {
    "ns": ("time", 1e-9), "us": ("time", 1e-6), "µs": ("time", 1e-6), "ms": ("time", 1e-3),
    "s": ("time", 1.0), "sec": ("time", 1.0), "m": ("time", 60.0), "min": ("time", 60.0),
    "h": ("time", 3600.0), "d": ("time", 86_400.0),
    "%": ("ratio", 0.01), "ratio": ("ratio", 1.0), "percent": ("ratio", 0.01),
    "B": ("size", 1.0), "KB": ("size", 1e3), "MB": ("size", 1e6), "GB": ("size", 1e9),
    "KiB": ("size", 1024.0), "MiB": ("size", 1048576.0), "GiB": ("size", 1073741824.0),
}  # fmt: skip
"""Dimension, and how many of its base unit (second, 1, byte)."""

_SUFFIXES = (
    ("_seconds", "s"), ("_milliseconds", "ms"), ("_ms", "ms"), ("_microseconds", "us"),
    ("_us", "us"), ("_nanoseconds", "ns"), ("_ratio", "ratio"), ("_percent", "percent"),
    ("_bytes", "B"), ("_perc", "ratio"), ("_utilization", "ratio"),
)  # fmt: skip
_PARTS = ("_bucket", "_count", "_sum", "_total")
_KNOWN = {"DCGM_FI_DEV_GPU_UTIL": "percent", "nv_gpu_utilization": "ratio"}
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-zµ%]*)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit as written; the unit is empty where none was."""

    value: float
    unit: str

    def __str__(self) -> str:
        space = "" if self.unit in ("", "%") else " "
        return f"{self.value:g}{space}{self.unit}"


def parse_quantity(text: str) -> Quantity:
    """Returns a number with its unit.

    Raises:
        ValueError: it is none, or the unit is not known.

    >>> parse_quantity("200 ms")
    Quantity(value=200.0, unit='ms')
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text}" is no quantity; write a number and a unit, such as 200 ms')
    if match[2] and match[2] not in _SCALES:
        raise ValueError(f'unit "{match[2]}" is not known; known: {", ".join(_SCALES)}')
    return Quantity(float(match[1]), match[2])


def unit_of(metric: str) -> str:
    """Returns the unit that a metric's name tells, empty for none.

    >>> unit_of("inference_latency_seconds_bucket")
    's'
    """
    if metric in _KNOWN:
        return _KNOWN[metric]
    for part in _PARTS:
        metric = metric.removesuffix(part)
    return next((unit for suffix, unit in _SUFFIXES if metric.endswith(suffix)), "")


def convert(quantity: Quantity, unit: str, metric: str) -> float:
    """Returns a quantity's number in the unit of a metric.

    Args:
        quantity: what is asked for.
        unit: the metric's unit; empty where it has none.
        metric: its name, for messages.

    Raises:
        ValueError: the quantity has no unit where the metric has one, or one of another kind.

    >>> convert(Quantity(200, "ms"), "s", "latency_seconds")
    0.2
    """
    if not unit:
        if quantity.unit and quantity.unit != "%":
            raise ValueError(
                f"{quantity} is compared with {metric}, whose name tells no unit; "
                "add 'unit:' with the metric's own, such as unit: s"
            )
        return quantity.value / 100 if quantity.unit == "%" else quantity.value
    name = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}.get(unit, unit)
    if not quantity.unit:
        if unit == "ratio" and 0 <= quantity.value <= 1:
            return quantity.value
        raise ValueError(
            f"{quantity} has no unit, and {metric} is in {name}; "
            f"write the unit, such as {quantity.value:g} {'%' if unit == 'ratio' else 'ms'}"
        )
    kind, scale = _SCALES[quantity.unit]
    wanted, base = _SCALES[unit]
    if kind != wanted:
        raise ValueError(f"{quantity} cannot be compared with {metric}, which is in {name}")
    return float(f"{quantity.value * scale / base:.12g}")


def check_unit(declared: str, metric: str) -> str:
    """Returns the unit of a metric: what its name tells, or else what a file declares.

    Raises:
        ValueError: they contradict each other, or the unit is not known.
    """
    told = unit_of(metric)
    if declared and declared not in _SCALES:
        raise ValueError(f'unit "{declared}" is not known; known: {", ".join(_SCALES)}')
    if told and declared and _SCALES[told] != _SCALES[declared]:
        raise ValueError(
            f"a target in {declared} against {metric}, which is in {told} by its name: "
            f"a factor of {_SCALES[declared][1] / _SCALES[told][1]:g} apart"
            if _SCALES[told][0] == _SCALES[declared][0]
            else f"{declared} is no unit of {metric}, which is in {told} by its name"
        )
    return told or declared


_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)\s*(?:<=?|≤|under|below)\s*(.+)", re.I)
_FASTER = re.compile(
    r"(\d+(?:\.\d+)?)\s*%\s*(?:of\s+(?:all\s+)?\w+\s+)?(?:are\s+)?"
    r"(?:faster\s+than|<=?|≤|under|below|within|in)\s*(.+)",
    re.I,
)
_ERRORS = re.compile(r"error(?:s|[_ ]rate)\s*(?:<=?|≤|under|below)\s*(\S+\s*%?)", re.I)
_GOOD = re.compile(r"(?:\w+\s*(?:>=?|≥)\s*)?(\d+(?:\.\d+)?)\s*(%?)", re.I)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an objective asks for: a share that must be good, and a bound where it names one."""

    target: float
    bound: Quantity | None = None


def parse_objective(text: str) -> Wanted:
    """Returns what an objective says in words.

    Raises:
        ValueError: it says nothing that is understood, or no share between 0 and 1.

    >>> parse_objective("p95 <= 200 ms")
    Wanted(target=0.95, bound=Quantity(value=200.0, unit='ms'))
    >>> parse_objective("errors < 1%").target
    0.99
    """
    text = text.strip()
    if match := _PERCENTILE.fullmatch(text) or _FASTER.fullmatch(text):
        return Wanted(_share(float(match[1]) / 100, text), parse_quantity(match[2]))
    if match := _ERRORS.fullmatch(text):
        quantity = parse_quantity(match[1])
        bad = quantity.value / 100 if quantity.unit == "%" else quantity.value
        return Wanted(_share(1 - bad, text))
    if match := _GOOD.fullmatch(text):
        value = float(match[1])
        return Wanted(_share(value / 100 if match[2] else value, text))
    raise ValueError(
        f'objective "{text}" is not understood; write 99.9%, p95 <= 200 ms, '
        "99% of requests faster than 200 ms, or errors < 1%"
    )


def _share(value: float, text: str) -> float:
    value = round(value, 12)
    if not 0 < value < 1:
        hint = f"; write {value:g}%" if 1 < value < 100 else ""
        raise ValueError(f'objective "{text}": a share lies between 0 and 1{hint}')
    return value

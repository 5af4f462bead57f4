"""Functions of instant vectors that look at one value at a time."""

import math
from collections.abc import Callable

import numpy as np

from vario.query.promql.histogram import Histogram
from vario.query.promql.native_histograms import (
    histogram_average,
    histogram_deviation,
    histogram_variance,
)
from vario.query.promql.values import Floats, Vector


def _sign(values: Floats) -> Floats:
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


FLOAT_FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / math.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda values: values * math.pi / 180,
    "sgn": _sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}

HISTOGRAM_FUNCTIONS: dict[str, Callable[[Histogram], float]] = {
    "histogram_avg": histogram_average,
    "histogram_count": lambda h: h.count,
    "histogram_stddev": histogram_deviation,
    "histogram_stdvar": histogram_variance,
    "histogram_sum": lambda h: h.sum,
}


def on_floats(vector: Vector, function: Callable[[Floats], Floats]) -> Vector:
    """Applies a function to the floats of a vector; histograms are left out."""
    present = vector.is_float
    return Vector(
        vector.labels, function(vector.values), present, None, vector.drop_name
    ).without_empty()


def on_histograms(vector: Vector, function: Callable[[Histogram], float]) -> Vector:
    """Applies a function to the histograms of a vector; floats are left out."""
    present = vector.is_histogram & vector.present
    values = np.zeros(present.shape)
    if vector.hists is not None:
        for index in map(tuple, np.argwhere(present).tolist()):
            values[index] = function(vector.hists[index])
    return Vector(vector.labels, values, present, None, vector.drop_name).without_empty()


def clamp(vector: Vector, lowest: Floats, highest: Floats) -> Vector:
    """Returns values held between two bounds, nothing where the bounds cross."""
    crossed = highest < lowest
    vector = on_floats(vector, lambda v: _go_max(lowest, _go_min(highest, v)))
    return Vector(
        vector.labels, vector.values, vector.present & ~crossed, None, vector.drop_name
    ).without_empty()


def _go_min(a: Floats, b: Floats) -> Floats:
    """Go's math.Min: -Inf wins over NaN, which wins over all else."""
    return np.where((a == -np.inf) | (b == -np.inf), -np.inf, np.minimum(a, b))


def _go_max(a: Floats, b: Floats) -> Floats:
    """Go's math.Max: +Inf wins over NaN, which wins over all else."""
    return np.where((a == np.inf) | (b == np.inf), np.inf, np.maximum(a, b))


def round_to(vector: Vector, nearest: Floats) -> Vector:
    """Returns values rounded to a multiple of `nearest`, ties upwards."""
    inverse = 1.0 / nearest
    return on_floats(vector, lambda v: np.floor(v * inverse + 0.5) / inverse)


# Dates, all in UTC


def _on_dates(function: Callable[[Floats], Floats], of_no_date: int) -> Callable[[Floats], Floats]:
    """Makes a function of dates; what is no number gives what Go's int64 of NaN gives there."""

    def dated(values: Floats) -> Floats:
        fits = np.abs(values) < 2.0**63
        return np.where(fits, function(np.where(fits, values, 0.0)), float(of_no_date))

    return dated


def _seconds(values: Floats) -> "np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]":
    return np.trunc(values).astype(np.int64).astype("datetime64[s]")


def _since(values: Floats, unit: str, base: str) -> Floats:
    times = _seconds(values)
    whole = times.astype(f"datetime64[{unit}]") - times.astype(f"datetime64[{base}]")
    return whole.astype(np.int64).astype(np.float64)


def _days_in_month(values: Floats) -> Floats:
    month = _seconds(values).astype("datetime64[M]")
    days = (month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")
    return days.astype(np.int64).astype(np.float64)


def _day_of_week(values: Floats) -> Floats:
    days = _seconds(values).astype("datetime64[D]").astype(np.int64)
    return ((days + 4) % 7).astype(np.float64)


def _year(values: Floats) -> Floats:
    return _seconds(values).astype("datetime64[Y]").astype(np.int64).astype(np.float64) + 1970


DATE_FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "day_of_month": _on_dates(lambda v: _since(v, "D", "M") + 1, 4),
    "day_of_week": _on_dates(_day_of_week, 0),
    "day_of_year": _on_dates(lambda v: _since(v, "D", "Y") + 1, 339),
    "days_in_month": _on_dates(_days_in_month, 31),
    "hour": _on_dates(lambda v: _since(v, "h", "D"), 15),
    "minute": _on_dates(lambda v: _since(v, "m", "h"), 30),
    "month": _on_dates(lambda v: _since(v, "M", "Y") + 1, 12),
    "year": _on_dates(_year, 292_277_026_596),
}

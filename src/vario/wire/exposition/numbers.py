"""Numbers as Prometheus reads and writes them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vario.errors import BadData

DECIMAL = r"[-+]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+"
"""A decimal literal: no underscores, no hexadecimal, no surrounding blanks."""

NUMBER = rf"(?:{DECIMAL}|[-+]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])"
"""A decimal literal, an infinity, or NaN."""

NORMAL_NAN_BITS = 0x7FF8_0000_0000_0001
"""The NaN of an ordinary sample (prometheus/model/value); a stale marker differs from it."""

_INT64 = np.iinfo(np.int64)


def read_values(texts: Sequence[str]) -> NDArray[np.float64]:
    """Returns the floats that `NUMBER` literals stand for, shape (n,).

    Raises:
        BadData: a literal is beyond the range of a float64.
    """
    values = np.array([float(text) for text in texts], dtype=np.float64)
    for i in np.flatnonzero(~np.isfinite(values)).tolist():
        if "n" not in texts[i].lower():
            raise BadData(f"value {texts[i]} is beyond the range of a 64-bit float")
    values.view(np.uint64)[np.isnan(values)] = NORMAL_NAN_BITS
    return values


def seconds_to_ms(seconds: float) -> int:
    """Returns milliseconds for OpenMetrics' float seconds, cut to what 64 bits can hold."""
    return int(min(max(seconds * 1000, _INT64.min + 1), _INT64.max))


def format_bound(value: float) -> str:
    """Returns a bucket bound or quantile in OpenMetrics' canonical form, as Prometheus 3 does.

    >>> [format_bound(v) for v in (1, 0.25, 1e-5, 2500000.0, math.inf)]
    ['1.0', '0.25', '1e-05', '2.5e+06', '+Inf']
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    digits, _, power = np.format_float_scientific(value, trim="-").partition("e")
    exponent = int(power)
    if value == 0 or -4 <= exponent < 6:  # where Go's %g changes over when it is exact
        text = np.format_float_positional(value, trim="-")
        return text if "." in text else f"{text}.0"
    return f"{digits}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"

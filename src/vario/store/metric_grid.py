"""Range functions that the engine evaluates by itself, so that steps are fetched, not samples.

The engine knows nothing of stale markers: range functions drop them before, and the last value of
an instant selector is dropped after, where it is one. It extrapolates over infinities differently
from Prometheus; series that hold any are left to the caller.
"""

from types import MappingProxyType

import numpy as np

from vario.errors import InternalError
from vario.model.series import STALE_NAN_BITS, SeriesSet
from vario.store.base import Grid
from vario.store.engine import Engine
from vario.store.metric_sql import samples_between

_FUNCTIONS = MappingProxyType(
    {
        "rate": "timeSeriesRateToGrid",
        "increase": "timeSeriesIncreaseToGrid",
        "delta": "timeSeriesDeltaToGrid",
        "last": "timeSeriesLastToGrid",
    }
)
_STALE = f"reinterpretAsUInt64(value) = {STALE_NAN_BITS}"
_SETTINGS = {"enable_time_series_aggregate_functions": 1}


def fetch_grid(
    engine: Engine,
    function: str,
    series: SeriesSet,
    *,
    start_ms: int,
    end_ms: int,
    step_ms: int,
    window_ms: int,
) -> Grid:
    """Returns a function's values at `range(start_ms, end_ms + 1, step_ms)`.

    Args:
        engine: where the samples are.
        function: one of `GRID_FUNCTIONS`.
        series: whose samples.
        start_ms: first step.
        end_ms: last step.
        step_ms: distance of steps.
        window_ms: each step looks back over `(t - window_ms, t]`.
    """
    if function not in _FUNCTIONS:
        raise InternalError(f"the engine evaluates no range function {function!r}")
    steps = (end_ms - start_ms) // step_ms + 1
    where = samples_between(series, start_ms - window_ms, end_ms)
    kept = where.sql if function == "last" else f"{where.sql} AND NOT {_STALE}"
    sql = (
        "SELECT id, infinite, arrayMap(x -> ifNull(x, 0.), grid) AS present_values,"
        " arrayMap(x -> toUInt8(isNotNull(x)), grid) AS present"
        f" FROM (SELECT id, {_FUNCTIONS[function]}(fromUnixTimestamp64Milli({start_ms}),"
        f" fromUnixTimestamp64Milli({start_ms + (steps - 1) * step_ms}), '{step_ms}ms',"
        f" '{window_ms}ms')(ts, value) AS grid, max(isInfinite(value)) AS infinite"
        f" FROM metric_samples WHERE {kept} GROUP BY id)"
    )
    body = engine.query_bytes(sql, where.params, fmt="RowBinary", settings=_SETTINGS)
    rows = np.frombuffer(body, dtype=_row_type(steps))
    return _arranged(series, rows, steps, stale_ends=function == "last")


def _row_type(steps: int) -> np.dtype[np.void]:
    """Returns the layout of one row in RowBinary; array lengths are LEB128 numbers."""
    length = 1
    while steps >> (7 * length):
        length += 1
    return np.dtype(
        [
            ("id", "<u8"),
            ("infinite", "u1"),
            ("values_length", "u1", (length,)),
            ("values", "<f8", (steps,)),
            ("present_length", "u1", (length,)),
            ("present", "u1", (steps,)),
        ]
    )


def _arranged(
    series: SeriesSet,
    rows: np.ndarray[tuple[int], np.dtype[np.void]],
    steps: int,
    *,
    stale_ends: bool,
) -> Grid:
    values = np.zeros((len(series), steps))
    present = np.zeros((len(series), steps), dtype=np.bool_)
    order = np.argsort(series.ids)
    places = np.searchsorted(series.ids[order], rows["id"])
    known = places < len(order)
    known[known] = series.ids[order[places[known]]] == rows["id"][known]
    target = order[places[known]]
    values[target] = rows["values"][known]
    present[target] = rows["present"][known] != 0
    if stale_ends:
        present &= values.view(np.uint64) != np.uint64(STALE_NAN_BITS)
        return Grid(values, present, np.ones(len(series), dtype=np.bool_))
    exact = np.ones(len(series), dtype=np.bool_)
    exact[target] = rows["infinite"][known] == 0
    return Grid(values, present, exact)

"""Range functions that the engine evaluates by itself, so that steps are fetched, not samples.

The engine knows nothing of stale markers: range functions drop them before, and the last value of
an instant selector is dropped after, where it is one. It extrapolates over infinities differently
from Prometheus; series that hold any are left to the caller.
"""

from collections.abc import Iterable
from types import MappingProxyType

import numpy as np

from vario.errors import InternalError
from vario.model.series import STALE_NAN_BITS, SeriesSet
from vario.store.base import Grid
from vario.store.engine import Engine
from vario.store.metric_sql import samples_between
from vario.store.native_format import GridBlock, read_grids

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
        "SELECT id, max(isInfinite(value)) AS infinite,"
        f" {_FUNCTIONS[function]}(fromUnixTimestamp64Milli({start_ms}),"
        f" fromUnixTimestamp64Milli({start_ms + (steps - 1) * step_ms}), '{step_ms}ms',"
        f" '{window_ms}ms')(ts, value) AS grid"
        f" FROM metric_samples WHERE {kept} GROUP BY id"
    )
    body = engine.query_bytes(sql, where.params, fmt="Native", settings=_SETTINGS)
    return _arranged(series, read_grids(body, steps), steps, stale_ends=function == "last")


def _arranged(
    series: SeriesSet, blocks: Iterable[GridBlock], steps: int, *, stale_ends: bool
) -> Grid:
    values = np.zeros((len(series), steps))
    present = np.zeros((len(series), steps), dtype=np.bool_)
    exact = np.ones(len(series), dtype=np.bool_)
    order = np.argsort(series.ids)
    ordered = series.ids[order]
    for block in blocks:
        places = np.minimum(np.searchsorted(ordered, block.ids), len(order) - 1)
        known = ordered[places] == block.ids
        target = order[places[known]]
        values[target] = block.values[known]
        present[target] = block.present[known]
        exact[target] = ~block.infinite[known]
    if stale_ends:
        present &= values.view(np.uint64) != np.uint64(STALE_NAN_BITS)
        exact[:] = True
    return Grid(values, present, exact)

"""Every function of Prometheus 3: argument types, result type, experimental or not.

Source: promql/parser/functions.go. `variadic` n > 0 makes the last n arguments optional, -1 lets
the last one repeat.
"""

from dataclasses import dataclass

from vario.query.promql.nodes import ValueType


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and gives."""

    name: str
    args: tuple[ValueType, ...]
    returns: ValueType = "vector"
    variadic: int = 0
    experimental: bool = False


def _table() -> dict[str, Signature]:
    table: dict[str, Signature] = {}

    def add(
        names: str,
        *args: ValueType,
        returns: ValueType = "vector",
        variadic: int = 0,
        new: bool = False,
    ) -> None:
        for name in names.split():
            table[name] = Signature(name, args, returns, variadic, new)

    add(
        "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg "
        "histogram_count histogram_sum histogram_stddev histogram_stdvar ln log10 log2 rad sgn "
        "sin sinh sort sort_desc sqrt tan tanh timestamp",
        "vector",
    )
    add(
        "absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate "
        "last_over_time max_over_time min_over_time present_over_time rate resets "
        "stddev_over_time stdvar_over_time sum_over_time",
        "matrix",
    )
    add(
        "first_over_time mad_over_time ts_of_first_over_time ts_of_last_over_time "
        "ts_of_max_over_time ts_of_min_over_time",
        "matrix",
        new=True,
    )
    add("clamp", "vector", "scalar", "scalar")
    add("clamp_max clamp_min", "vector", "scalar")
    add(
        "day_of_month day_of_week day_of_year days_in_month hour minute month year",
        "vector",
        variadic=1,
    )
    add("double_exponential_smoothing", "matrix", "scalar", "scalar", new=True)
    add("histogram_fraction", "scalar", "scalar", "vector")
    add("histogram_quantile", "scalar", "vector")
    add("histogram_quantiles", "vector", "string", "scalar", variadic=-1, new=True)
    add("info", "vector", "vector", variadic=1, new=True)
    add("label_join", "vector", "string", "string", "string", variadic=-1)
    add("label_replace", "vector", "string", "string", "string", "string")
    add("pi time", returns="scalar")
    add("start end range step", returns="scalar", new=True)
    add("max_of min_of", "scalar", "scalar", returns="scalar", new=True)
    add("predict_linear", "matrix", "scalar")
    add("quantile_over_time", "scalar", "matrix")
    add("round", "vector", "scalar", variadic=1)
    add("scalar", "vector", returns="scalar")
    add("sort_by_label sort_by_label_desc", "vector", "string", variadic=-1, new=True)
    add("vector", "scalar")
    return table


FUNCTIONS = _table()

EXPERIMENTAL_AGGREGATORS = frozenset(("limitk", "limit_ratio"))
PARAMETER_AGGREGATORS = frozenset(
    ("topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio")
)

"""A batch of features as columns by name, in whatever form it came."""

from collections.abc import Iterable, Mapping
from typing import Any, cast


class Repeated:
    """Stands for a column whose name another one has too: which of them is meant is unknown."""

    def __init__(self, column: Any) -> None:
        self._size = size_of(column) or 0

    def __len__(self) -> int:
        return self._size


def columns_of(features: Any, names: Iterable[str] | None = None) -> dict[str, Any] | None:
    """Returns a batch as columns by name; None where it is one prediction's features.

    Args:
        features: a pandas or polars frame, an Arrow table or record batch, a two-dimensional array
            (with `names`), a structured array, or a mapping of names to arrays.
        names: of the columns of a two-dimensional array; those that it has none for are `f0`,
            `f1` and so on, by their place.

    Raises:
        TypeError: it is none of these.
    """
    if type(features) is dict or isinstance(features, Mapping):
        given = cast(Mapping[Any, Any], features)
        return _named((name, as_array(given[name])) for name in given) if _is_batch(given) else None
    columns = getattr(features, "column_names", None)
    if columns is not None:  # Arrow
        return _named((name, as_array(features.column(i))) for i, name in enumerate(columns))
    if getattr(features, "columns", None) is not None:  # pandas, polars
        own = features.iter_columns if hasattr(features, "iter_columns") else None
        taken = zip(features.columns, own(), strict=True) if own else features.items()
        return _named((name, as_array(column)) for name, column in taken)
    fields = getattr(getattr(features, "dtype", None), "names", None)
    if fields:
        return {name: features[name] for name in fields}
    if getattr(features, "ndim", 0) == 2 and not hasattr(features, "toarray"):
        given_names = [] if names is None else [str(name) for name in names]
        count = int(features.shape[1])
        wide = [*given_names[:count], *(f"f{i}" for i in range(len(given_names), count))]
        return _named((name, features[:, i]) for i, name in enumerate(wide))
    raise TypeError(f"features are a mapping, a frame, a table or an array, not {type(features)}")


def row_of(features: Any, names: Iterable[str] | None = None) -> Any:
    """Returns one prediction's features as a mapping where they come otherwise.

    A row of a pandas frame is one, and so is a one-dimensional array with `names`; anything else
    comes back as it is.
    """
    if isinstance(features, Mapping) or getattr(features, "ndim", None) != 1:
        return cast(Any, features)
    if hasattr(features, "to_dict"):
        return features.to_dict()
    if names is not None and hasattr(features, "tolist"):
        return dict(zip(map(str, names), features.tolist(), strict=False))
    return features


def size_of(column: Any) -> int | None:
    """Returns how many values a column holds, None where it is no column."""
    if isinstance(column, str | bytes | Mapping) or getattr(column, "ndim", 1) != 1:
        return None
    try:
        return len(column)
    except TypeError:
        return None


def _is_batch(given: Mapping[Any, Any]) -> bool:
    """Returns whether values are columns: the first looks so, and no other is a plain scalar.

    One prediction may have an array among its features; it has numbers and texts beside it.
    """
    first = next(iter(given.values()), None)
    if getattr(first, "ndim", None) not in (1, 2) and not _is_frame_column(first):
        return False
    found = [_is_column(value) for value in given.values()]
    return any(found) and not any(map(_is_scalar, given.values()))


def _is_column(value: Any) -> bool:
    return getattr(value, "ndim", None) == 1 or _is_frame_column(value)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bytes | bool | int | float)


def _is_frame_column(column: Any) -> bool:
    is_one = hasattr(column, "to_numpy") or hasattr(column, "to_pylist")
    return is_one and getattr(column, "ndim", 1) == 1


def _named(columns: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, column in columns:
        found[str(name)] = Repeated(column) if str(name) in found else column
    return found


def as_array(column: Any) -> Any:
    """Returns a column as an array where that loses nothing, else as a list."""
    if hasattr(column, "to_pylist"):  # Arrow: nulls become None
        if getattr(column, "null_count", 0) == 0:
            try:
                return column.to_numpy()
            except Exception:  # a type without a NumPy one
                return column.to_pylist()
        return column.to_pylist()
    if hasattr(column, "to_list") and getattr(column, "null_count", None) is not None:  # polars
        nulls = column.null_count()
        return column.to_list() if nulls else column.to_numpy()
    if hasattr(column, "to_numpy"):  # pandas
        column = column.to_numpy()
    if getattr(column, "ndim", 1) == 2 and column.shape[1] == 1:  # a model's output, often
        return column[:, 0]
    return column

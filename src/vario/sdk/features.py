"""Features of predictions become metrics: never rows, and no more of them as traffic grows.

On the request's own time a prediction is one `append`; it is folded in the background. A batch
(columns of a data frame, an Arrow table, arrays) is folded at once, column by column.

| metric | of |
|---|---|
| `feature_value` | numbers, a histogram that merges exactly |
| `feature_category_total` | texts and booleans, by category |
| `feature_distinct` | how many different texts have no category of their own; see `distinct.py` |
| `feature_missing_total` | None, NaN, or a feature of this model that was not given, by `reason` |
| `feature_invalid_total` | what cannot be used, by `reason`: `infinite`, `wrong_type`, `ragged` |
"""

import math
import re
import sys
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

from vario.sdk.distinct import encode
from vario.sdk.faults import report, say_once

MOST_WAITING = 8_192
"""Predictions that wait to be folded; what comes beyond is folded by the request that brings it."""

MOST_CATEGORIES = 100
OTHER = "__other__"
"""Stands for rare categories beyond `MOST_CATEGORIES`, and for what looks like an id."""

_LONGEST_CATEGORY = 64
_ID = re.compile(r".*@.*|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9a-f]{16,}|\d{7,}", re.IGNORECASE)

Labels = tuple[tuple[str, str], ...]


class FeatureRecorder:
    """Takes features under labels and folds them into the series of a meter's instruments."""

    def __init__(self, meter: Any) -> None:
        self._values = meter.create_sketch(
            "feature_value", description="Values of a model's features and outputs."
        )
        self._categories = meter.create_counter(
            "feature_category_total", description="Values of categorical features."
        )
        self._distinct = meter.create_sketch(
            "feature_distinct", description="Hashes of texts without a category of their own."
        )
        self._missing = meter.create_counter(
            "feature_missing_total", description="Predictions without a value of a feature."
        )
        self._invalid = meter.create_counter(
            "feature_invalid_total", description="Values of features that cannot be used."
        )
        self._waiting: deque[tuple[Labels, Mapping[str, Any]]] = deque()
        self._known: dict[Labels, dict[str, None]] = {}
        self._named: dict[tuple[Labels, str], set[str]] = {}

    def record(self, labels: Labels, features: Mapping[str, Any]) -> None:
        """Takes the features of one prediction, which the caller leaves as they are."""
        self._waiting.append((labels, features))
        if len(self._waiting) > MOST_WAITING:
            self.fold()

    def fold(self) -> None:
        """Works off what waits, many predictions of a model at a time."""
        waiting, pop = self._waiting, self._waiting.popleft
        taken: list[tuple[Labels, Mapping[str, Any]]] = []
        for _ in range(len(waiting)):
            try:
                taken.append(pop())
            except IndexError:  # another thread was faster
                break
        taken.sort(key=lambda one: one[0])
        for labels, group in groupby(taken, key=lambda one: one[0]):
            try:
                self._fold(labels, [features for _, features in group])
            except Exception as error:
                report("fold features", error)

    def _fold(self, labels: Labels, rows: Sequence[Mapping[str, Any]]) -> None:
        known = self._known.setdefault(labels, {})
        for row in rows:
            if row.keys() != known.keys():
                known.update(dict.fromkeys(str(name) for name in row))
        for name in known:
            self._fold_values(labels, name, [row.get(name, _ABSENT) for row in rows])

    def record_batch(self, labels: Labels, columns: Mapping[str, Any]) -> int:
        """Takes many predictions at once, column by column.

        Returns:
            How many predictions there were.
        """
        known = self._known.setdefault(labels, {})
        sizes = Counter(len(column) for column in columns.values())
        rows = sizes.most_common(1)[0][0] if sizes else 0
        for name, column in columns.items():
            known[name] = None
            if len(column) != rows:
                say_once(f"feature {name} of a batch has {len(column)} values, others have {rows}")
                self._count(self._invalid, labels, name, "ragged", rows)
                continue
            self._fold_column(labels, name, column)
        for name in known.keys() - columns.keys():
            self._count(self._missing, labels, name, "absent", rows)
        return rows

    def _fold_column(self, labels: Labels, name: str, column: Any) -> None:
        numpy = sys.modules.get("numpy")
        array = column
        kind = getattr(getattr(column, "dtype", None), "kind", None)
        if numpy is None or kind not in ("f", "i", "u"):
            self._fold_values(
                labels, name, column.tolist() if hasattr(column, "tolist") else column
            )
            return
        if kind == "f" and not _is_finite(numpy, array):
            finite = numpy.isfinite(array)
            if not finite.all():  # a sum may also be too large for a float
                gone = int(numpy.isnan(array).sum())
                self._count(self._missing, labels, name, "nan", gone)
                self._count(
                    self._invalid, labels, name, "infinite", len(array) - gone - int(finite.sum())
                )
                array = array[finite]
        self._series(self._values, labels, name).add_values(array)

    def _fold_values(self, labels: Labels, name: str, values: Sequence[Any]) -> None:
        # A sum is finite only if everything in it is.
        if _FLOATS.issuperset(map(type, values)) and math.isfinite(sum(values)):
            self._series(self._values, labels, name).add_values(values)
            return
        tally = _Tally()
        for value in values:
            tally.add(value)
        if tally.numbers:
            self._series(self._values, labels, name).add_values(tally.numbers)
        for category, count in self._merged(labels, name, tally.texts).items():
            found = {**dict(labels), "feature": name, "category": category}
            self._categories.find(found).record(count, 0, None)
        for reason, count in tally.missing.items():
            self._count(self._missing, labels, name, reason, count)
        for reason, count in tally.invalid.items():
            self._count(self._invalid, labels, name, reason, count)

    def _merged(self, labels: Labels, name: str, texts: Counter[str]) -> Counter[str]:
        """Returns counts by category, with rare ones and ids as one."""
        if not texts:
            return texts
        named = self._named.setdefault((labels, name), set())
        merged: Counter[str] = Counter()
        folded: list[float] = []
        for text, count in texts.items():
            if text not in named:
                if len(text) > _LONGEST_CATEGORY or _ID.fullmatch(text):
                    say_once(
                        f"feature {name} has values that look like ids or free text: they are "
                        f"counted as {OTHER}"
                    )
                    merged[OTHER] += count
                    folded.append(encode(text))
                    continue
                if len(named) >= MOST_CATEGORIES:
                    merged[OTHER] += count
                    folded.append(encode(text))
                    continue
                named.add(text)
            merged[text] += count
        if folded:
            self._series(self._distinct, labels, name).add_values(folded)
        return merged

    def _count(self, instrument: Any, labels: Labels, name: str, reason: str, count: int) -> None:
        if count:
            found = {**dict(labels), "feature": name, "reason": reason}
            instrument.find(found).record(count, 0, None)

    def _series(self, instrument: Any, labels: Labels, name: str) -> Any:
        return instrument.find({**dict(labels), "feature": name})


def _is_finite(numpy: Any, array: Any) -> bool:
    """Returns whether a sum is finite: only if everything in it is, and in one look."""
    with numpy.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(float(array.sum()))


_ABSENT = object()
_FLOATS = frozenset((float,))


class _Tally:
    """Values of one feature, sorted by what can be made of them."""

    __slots__ = ("invalid", "missing", "numbers", "texts")

    def __init__(self) -> None:
        self.numbers: list[float] = []
        self.texts: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()
        self.invalid: Counter[str] = Counter()

    def add(self, value: Any) -> None:
        kind = type(value)
        if kind is float or kind is int:
            self._add_number(value)
        elif kind is str:
            self.texts[value] += 1
        elif value is None or value is _ABSENT:
            self.missing["none" if value is None else "absent"] += 1
        elif isinstance(value, bool):
            self.texts["true" if value else "false"] += 1
        elif isinstance(value, str):
            self.texts[str(value)] += 1
        elif isinstance(value, int | float):
            self._add_number(value)
        elif getattr(value, "ndim", 1) == 0:  # a scalar of NumPy, or an array without dimensions
            self.add(value.item())
        else:
            self.invalid["wrong_type"] += 1

    def _add_number(self, value: float) -> None:
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if math.isfinite(value):
            self.numbers.append(value)
        elif math.isnan(value):
            self.missing["nan"] += 1
        else:
            self.invalid["infinite"] += 1


def columns_of(features: Any, names: Iterable[str] | None = None) -> dict[str, Any] | None:
    """Returns a batch as columns by name; None where it is one prediction's features.

    Args:
        features: a pandas or polars frame, an Arrow table or record batch, a two-dimensional array
            (with `names`), a structured array, or a mapping of names to arrays.
        names: of the columns of a two-dimensional array.
    """
    if type(features) is dict or isinstance(features, Mapping):
        given = cast(Mapping[str, Any], features)
        first = next(iter(given.values()), None)
        if getattr(first, "ndim", None) == 1 or _is_frame_column(first):
            return {str(name): as_array(column) for name, column in given.items()}
        return None
    if getattr(features, "column_names", None) is not None:  # Arrow
        return {name: as_array(features.column(name)) for name in features.column_names}
    if getattr(features, "columns", None) is not None:  # pandas, polars
        return {str(name): as_array(features[name]) for name in features.columns}
    fields = getattr(getattr(features, "dtype", None), "names", None)
    if fields:
        return {name: features[name] for name in fields}
    if getattr(features, "ndim", 0) == 2:
        wide = list(names) if names is not None else [f"f{i}" for i in range(features.shape[1])]
        return {name: features[:, i] for i, name in enumerate(wide)}
    raise TypeError(f"features are a mapping, a frame, a table or an array, not {type(features)}")


def _is_frame_column(column: Any) -> bool:
    return hasattr(column, "to_numpy") or hasattr(column, "to_pylist")


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
        return column.to_numpy()
    return column

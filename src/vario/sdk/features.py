"""Features of predictions become metrics: never rows, and no more of them as traffic grows.

On the request's own time a prediction is one `append`; it is folded in the background. A batch
(columns of a data frame, an Arrow table, arrays) is folded at once, column by column.

| metric | of |
|---|---|
| `feature_value` | numbers, a histogram that merges exactly |
| `feature_category_total` | texts and booleans, by category |
| `feature_distinct` | how many different texts have no category of their own; see `distinct.py` |
| `feature_missing_total` | None, NaN, or a feature of this model that was not given, by `reason` |
| `feature_invalid_total` | what cannot be used, by `reason`: `infinite`, `wrong_type`, `ragged`,
  `repeated`, `too_many` |
"""

import math
import re
import sys
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from vario.sdk.columns import Repeated, size_of
from vario.sdk.distinct import encode
from vario.sdk.faults import report, say_once

MOST_WAITING = 8_192
"""Predictions that wait to be folded; what comes beyond is folded by the request that brings it."""

MOST_FEATURES = 1_000
"""Names of features under the same labels; others are counted as `too_many` of `OTHER`."""

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
        taken = list(rows)
        for i, row in enumerate(rows):
            if row.keys() != known.keys():
                taken[i] = {str(name): value for name, value in row.items()}
                self._learn(labels, known, taken[i], 1)
        for name in list(known):  # another thread may learn of more
            self._fold_values(labels, name, [row.get(name, _ABSENT) for row in taken])

    def _learn(
        self, labels: Labels, known: dict[str, None], names: Mapping[str, Any], rows: int
    ) -> None:
        for name in names:
            if name not in known:
                if len(known) < MOST_FEATURES:
                    known[name] = None
                else:
                    self._count(self._invalid, labels, OTHER, "too_many", rows)
                    say_once(f"a model has over {MOST_FEATURES} features: some are not kept")

    def record_batch(self, labels: Labels, columns: Mapping[str, Any]) -> int:
        """Takes many predictions at once, column by column.

        Returns:
            How many predictions there were.
        """
        known = self._known.setdefault(labels, {})
        sizes = Counter(s for s in map(size_of, columns.values()) if s is not None)
        rows = sizes.most_common(1)[0][0] if sizes else int(bool(columns))
        self._learn(labels, known, columns, rows)
        for name in list(known):
            if name not in columns:
                self._count(self._missing, labels, name, "absent", rows)
            elif wrong := _fault_of(name, columns[name], rows):
                self._count(self._invalid, labels, name, wrong, rows)
            else:
                try:
                    self._fold_column(labels, name, columns[name])
                except Exception as error:
                    self._count(self._invalid, labels, name, "wrong_type", rows)
                    report("fold a column of features", error)
        return rows

    def refuse(self, labels: Labels, error: Exception) -> None:
        """Counts a prediction whose features could not be read at all."""
        say_once(f"a prediction's features cannot be used: {error}")
        self._count(self._invalid, labels, OTHER, "wrong_type", 1)

    def _fold_column(self, labels: Labels, name: str, column: Any) -> None:
        numpy = sys.modules.get("numpy")
        array = column
        kind = _kind_of(column)
        if kind in _TIMES:
            self._count(self._invalid, labels, name, "wrong_type", len(column))
            return
        if numpy is None or kind not in ("f", "i", "u") or hasattr(column, "mask"):
            self._fold_values(
                labels, name, column.tolist() if hasattr(column, "tolist") else column
            )
            return
        # Halves are too coarse for a logarithm, and what is longer than a float may be beyond it.
        if kind == "f" and column.dtype.itemsize not in (4, 8):
            with numpy.errstate(over="ignore"):
                array = column.astype(numpy.float64)
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


def _fault_of(name: str, column: Any, rows: int) -> str:
    """Returns why a column of a batch cannot be used, empty where it can."""
    if isinstance(column, Repeated):
        say_once(f"a batch has several columns called {name}: none of them is used")
        return "repeated"
    size = size_of(column)
    if size is None:
        return "wrong_type"
    if size != rows:
        say_once(f"feature {name} of a batch has {size} values, others have {rows}")
        return "ragged"
    return ""


def _kind_of(value: Any) -> str:
    """Returns the letter of NumPy's for what kind of values these are, empty if they are not."""
    return getattr(getattr(value, "dtype", None), "kind", "")


_ABSENT = object()
_TIMES = ("M", "m")
"""Dates and durations are no numbers, though NumPy makes whole ones of them."""
_GAPS = frozenset(("NAType", "NaTType", "MaskedConstant"))
"""What pandas and NumPy put in place of values that are missing."""
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
        elif isinstance(value, Decimal):
            self._add_number(float(value) if value.is_finite() or value.is_infinite() else math.nan)
        elif kind.__name__ in _GAPS:
            self.missing["none"] += 1
        elif getattr(value, "ndim", 1) == 0 and _kind_of(value) not in _TIMES:
            self.add(value.item())  # a scalar of NumPy, or an array without dimensions
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

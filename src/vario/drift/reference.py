"""References: what a model's inputs and outputs look like when all is well, in fixed bins."""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from vario.drift.bins import Floats, count_categories, count_values, quantile_edges
from vario.errors import BadData

Kind = Literal["numeric", "categorical"]
Column = Sequence[Any] | np.ndarray[Any, np.dtype[Any]]

Part = tuple[str, str]
"""A segment and one value of it, such as `("region", "eu-west")`."""

DEFAULT_BINS = 10
MOST_CATEGORIES = 100
"""Of a feature with more categories the most frequent ones have a bin each, the rest is one."""
FORMAT = "vario-reference/1"


def _no_counts() -> Floats:
    return np.zeros(0)


@dataclass(frozen=True, slots=True)
class FeatureReference:
    """One feature (or a model's output) as the reference has it.

    Attributes:
        name: the feature's name.
        kind: numeric or categorical.
        counts: values in each bin, shape (b,); for categories, the last is all others.
        missing: rows without the feature.
        edges: inner edges of the bins of a numeric feature, shape (b - 1,), else empty.
        positions: mean of the values in each bin of a numeric feature, shape (b,), else empty.
        categories: names of the first b - 1 bins of a categorical feature, else empty.
        spread: standard deviation of a numeric feature, in its own unit; 0 otherwise.
        lowest: the least value of a numeric feature; nan where it is unknown.
        highest: the greatest one, likewise. Parts have the range of the whole.
        accepted: of a score, how many values of each bin came true, shape (b,); empty if unknown.
        rejected: how many did not, likewise.
    """

    name: str
    kind: Kind
    counts: Floats
    missing: float
    edges: Floats
    positions: Floats
    categories: tuple[str, ...] = ()
    spread: float = 0.0
    lowest: float = math.nan
    highest: float = math.nan
    accepted: Floats = field(default_factory=_no_counts)
    rejected: Floats = field(default_factory=_no_counts)

    @property
    def present(self) -> float:
        """How many rows have a value."""
        return float(self.counts.sum())

    @property
    def rows(self) -> float:
        """How many rows there are, with the feature and without."""
        return self.present + self.missing

    @property
    def labels(self) -> tuple[str, ...]:
        """What each bin is called: an interval, or a category."""
        if self.kind == "categorical":
            return (*self.categories, "(other)")
        bounds = ["-inf", *(f"{edge:g}" for edge in self.edges.tolist()), "inf"]
        return tuple(f"({low}, {high}]" for low, high in itertools.pairwise(bounds))


def _no_parts() -> "Mapping[Part, Mapping[str, FeatureReference]]":
    return {}


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model is compared with.

    Attributes:
        name: how it is asked for, such as `v23`.
        model_name: the model it describes.
        model_version: the version it was made of; empty where it is training data.
        source: where the rows come from, in words.
        created_ns: when it was made, nanoseconds since the epoch.
        features: by name.
        parts: the same features in the same bins within one value of a segment, by
            (segment, value): what a region is compared with.
    """

    name: str
    model_name: str
    model_version: str
    source: str
    created_ns: int
    features: Mapping[str, FeatureReference]
    parts: Mapping[Part, Mapping[str, FeatureReference]] = field(default_factory=_no_parts)

    def find(self, feature: str, segments: Sequence[Part]) -> tuple[FeatureReference, bool]:
        """Returns what a feature of some part of the traffic is compared with.

        Args:
            feature: its name.
            segments: the part, empty for all traffic.

        Returns:
            The feature, and whether it is that very part's own: otherwise it is the whole's, whose
            distribution need not be the part's (a region has its own countries).
        """
        if not segments:
            return self.features[feature], True
        own = self.parts.get(segments[0], {}).get(feature) if len(segments) == 1 else None
        return (self.features[feature], False) if own is None else (own, True)


def make_feature(name: str, column: Column, bins: int = DEFAULT_BINS) -> FeatureReference:
    """Returns a column's reference.

    Numbers make a numeric feature; anything else, booleans too, a categorical one. None, nan and
    infinities count as missing.

    Args:
        name: the feature's name.
        column: its values, one a row.
        bins: how many bins a numeric feature has at most.

    Raises:
        BadData: the column holds no value at all.
    """
    numbers, texts, missing = split_column(column)
    if numbers is not None:
        if not len(numbers):
            raise BadData(f"feature {name!r} has no value in {missing:g} rows: leave it out")
        edges = quantile_edges(numbers, bins)
        counts = count_values(numbers, edges)
        unit = np.abs(numbers).max() or 1.0  # sums and squares of any float then stay finite
        scaled, found = numbers / unit, np.searchsorted(edges, numbers, side="left")
        positions = np.bincount(found, weights=scaled, minlength=len(counts)) / counts * unit
        spread = float(scaled.std() * unit)
        lowest, highest = float(numbers.min()), float(numbers.max())
        return FeatureReference(
            name, "numeric", counts, missing, edges, positions, (), spread, lowest, highest
        )
    if not texts:
        raise BadData(f"feature {name!r} has no value in {missing:g} rows: leave it out")
    frequent = sorted(texts, key=lambda category: (-texts[category], category))
    categories = tuple(sorted(frequent[:MOST_CATEGORIES]))
    nothing = np.zeros(0)
    counts = count_categories(texts, categories)
    return FeatureReference(name, "categorical", counts, missing, nothing, nothing, categories)


def make_parts(
    features: Mapping[str, FeatureReference], columns: Mapping[str, Column], by: str
) -> dict[Part, dict[str, FeatureReference]]:
    """Returns features within each value of a column, in the bins that they have as a whole.

    A value under which a feature has no row at all has no reference of that feature.

    Args:
        features: what `make_feature` made of the columns.
        columns: all columns, of one length.
        by: the column whose values divide the rows.
    """
    values = np.array([str(value) for value in columns[by]])
    parts: dict[Part, dict[str, FeatureReference]] = {}
    for value in sorted(set(values.tolist())):
        at = np.flatnonzero(values == value)
        found = {
            name: count_column(feature, np.asarray(columns[name], dtype=object)[at])
            for name, feature in features.items()
        }
        parts[by, value] = {
            name: replace(features[name], counts=counts, missing=missing)
            for name, (counts, missing) in found.items()
            if counts.sum() > 0
        }
    return parts


def with_outcomes(feature: FeatureReference, scores: Column, labels: Column) -> FeatureReference:
    """Returns a score's reference that knows which of its values came true.

    Args:
        feature: a numeric one.
        scores: the model's output, one a row.
        labels: what came of it: booleans, 0 and 1; a row without a label tells nothing.

    Raises:
        BadData: the output is no number, or a label is something else.
    """
    if feature.kind != "numeric":
        raise BadData(f"{feature.name!r} is no number: only a score can be calibrated by labels")
    truth = [None if is_gap(label) else _is_true(label) for label in _listed(labels)]
    rows = np.asarray(scores, dtype=object)
    accepted, rejected = (
        count_column(feature, rows[[one is wanted for one in truth]])[0] for wanted in (True, False)
    )
    return replace(feature, accepted=accepted, rejected=rejected)


def label_outcomes(
    features: Mapping[str, FeatureReference],
    parts: Mapping[Part, Mapping[str, FeatureReference]],
    columns: Mapping[str, Column],
    output: str,
    label: str,
) -> tuple[dict[str, FeatureReference], dict[Part, dict[str, FeatureReference]]]:
    """Returns features and parts whose output knows what came of it, see `with_outcomes`.

    Args:
        features: what `make_feature` made of the columns.
        parts: what `make_parts` did.
        columns: all columns, of one length.
        output: the model's output.
        label: the column with what came of it.
    """
    labelled = {**features}
    labelled[output] = with_outcomes(features[output], columns[output], columns[label])
    divided = {part: dict(own) for part, own in parts.items()}
    for (by, value), own in divided.items():
        if output in own:
            at = np.flatnonzero(np.array([str(one) for one in columns[by]]) == value)
            rows, truth = (np.asarray(columns[name], dtype=object)[at] for name in (output, label))
            own[output] = with_outcomes(own[output], rows, truth)
    return labelled, divided


def _listed(column: Column) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def _is_true(label: Any) -> bool:
    """Returns a label as a boolean.

    Raises:
        BadData: it is none.
    """
    found = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}.get(
        str(label).strip().lower()
    )
    if found is None:
        raise BadData(f"a label is true, false, 1 or 0, not {label!r}")
    return found


def count_column(feature: FeatureReference, column: Column) -> tuple[Floats, float]:
    """Returns raw values in a reference's bins, and how many there are none of.

    A value of the wrong kind counts as missing.
    """
    if feature.kind == "categorical":
        texts = [str(value) for value in column if not is_gap(value)]
        counted: dict[str, float] = {}
        for text in texts:
            counted[text] = counted.get(text, 0.0) + 1
        return count_categories(counted, feature.categories), float(len(column) - len(texts))
    finite = _finite_numbers(column)
    return count_values(finite, feature.edges), float(len(column) - len(finite))


def count_out_of_range(feature: FeatureReference, column: Column) -> float:
    """Returns how many raw values lie beyond the reference's lowest and highest; nan if unknown."""
    if feature.kind == "categorical" or not math.isfinite(feature.lowest + feature.highest):
        return math.nan
    finite = _finite_numbers(column)
    return float(((finite < feature.lowest) | (finite > feature.highest)).sum())


def _finite_numbers(column: Column) -> Floats:
    numbers = [
        float(value)
        for value in column
        if isinstance(value, int | float | np.number) and not isinstance(value, bool)
    ]
    return np.array([value for value in numbers if math.isfinite(value)], dtype=np.float64)


def split_column(column: Column) -> tuple[Floats | None, dict[str, float], float]:
    """Returns a column's finite numbers (None: it is categorical), its categories, its gaps."""
    array = np.asarray(column)
    if array.dtype.kind in "iuf":
        numbers = array.astype(np.float64)
        finite = np.isfinite(numbers)
        return numbers[finite], {}, float((~finite).sum())
    values = [value for value in array.tolist() if not is_gap(value)]
    missing = float(len(array) - len(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.float64), {}, missing
    texts: dict[str, float] = {}
    for value in values:
        text = str(value)
        texts[text] = texts.get(text, 0.0) + 1
    return None, texts, missing


def is_gap(value: Any) -> bool:
    """Returns whether a value stands for none: None, nan or an infinity."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def dump_reference(reference: Reference) -> str:
    """Returns a reference as JSON text, `load_reference`'s input."""

    def feature(f: FeatureReference) -> dict[str, Any]:
        numeric = {
            "edges": f.edges.tolist(),
            "positions": f.positions.tolist(),
            "spread": f.spread,
            "lowest": f.lowest if math.isfinite(f.lowest) else None,
            "highest": f.highest if math.isfinite(f.highest) else None,
        }
        own = numeric if f.kind == "numeric" else {"categories": list(f.categories)}
        return {"kind": f.kind, **counts(f), **own}

    def counts(f: FeatureReference) -> dict[str, Any]:
        told = {"accepted": f.accepted.tolist(), "rejected": f.rejected.tolist()}
        return {
            "counts": f.counts.tolist(),
            "missing": f.missing,
            **(told if len(f.accepted) else {}),
        }

    return json.dumps(
        {
            "format": FORMAT,
            "name": reference.name,
            "model_name": reference.model_name,
            "model_version": reference.model_version,
            "source": reference.source,
            "created_ns": reference.created_ns,
            "features": {name: feature(f) for name, f in sorted(reference.features.items())},
            "parts": [
                {
                    "segment": segment,
                    "value": value,
                    "features": {name: counts(f) for name, f in sorted(features.items())},
                }
                for (segment, value), features in sorted(reference.parts.items())
            ],
        },
        ensure_ascii=False,
        allow_nan=False,
        indent=1,
    )


def load_reference(text: str, source: str) -> Reference:
    """Reads a reference from the JSON text that `dump_reference` made.

    Args:
        text: the JSON.
        source: where it comes from, for errors.

    Raises:
        BadData: it is not JSON, of another format, or a feature in it makes no sense.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadData(f"{source} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadData(f"{source} is no reference: its `format` should be {FORMAT!r}")
    try:
        features = {
            name: _load_feature(name, feature, source)
            for name, feature in document["features"].items()
        }
        return Reference(
            name=str(document["name"]),
            model_name=str(document["model_name"]),
            model_version=str(document["model_version"]),
            source=str(document["source"]),
            created_ns=int(document["created_ns"]),
            features=features,
            parts={
                (str(part["segment"]), str(part["value"])): {
                    name: _fitting(
                        replace(
                            features[name],
                            counts=np.array(own["counts"], dtype=np.float64),
                            missing=float(own["missing"]),
                            accepted=_counts(own.get("accepted")),
                            rejected=_counts(own.get("rejected")),
                        ),
                        source,
                    )
                    for name, own in part["features"].items()
                }
                for part in document.get("parts", [])
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadData(f"{source} is a broken reference: {error!r}; make it anew") from error


def _load_feature(name: str, feature: Mapping[str, Any], source: str) -> FeatureReference:
    loaded = FeatureReference(
        name=name,
        kind=feature["kind"],
        counts=np.array(feature["counts"], dtype=np.float64),
        missing=float(feature["missing"]),
        edges=np.array(feature.get("edges", []), dtype=np.float64),
        positions=np.array(feature.get("positions", []), dtype=np.float64),
        categories=tuple(feature.get("categories", [])),
        spread=float(feature.get("spread", 0.0)),
        lowest=_number(feature.get("lowest")),
        highest=_number(feature.get("highest")),
        accepted=_counts(feature.get("accepted")),
        rejected=_counts(feature.get("rejected")),
    )
    return _fitting(loaded, source)


def _number(value: Any) -> float:
    """Returns a number that may be unknown; references of earlier versions have no range."""
    return math.nan if value is None else float(value)


def _counts(values: Any) -> Floats:
    """Returns counts that a reference may have or not."""
    return np.array(values or [], dtype=np.float64)


def _fitting(feature: FeatureReference, source: str) -> FeatureReference:
    """Returns a feature whose counts fit its bins.

    Raises:
        BadData: they do not.
    """
    inner = feature.edges if feature.kind == "numeric" else feature.categories
    fits = feature.kind in ("numeric", "categorical") and len(feature.counts) == len(inner) + 1
    outcomes = len(feature.accepted), len(feature.rejected)
    fits &= outcomes in ((0, 0), (len(feature.counts), len(feature.counts)))
    if not fits or feature.counts.min() < 0 or feature.missing < 0 or not feature.present:
        raise BadData(
            f"{source}: feature {feature.name!r} of the reference does not fit its own bins"
        )
    return feature

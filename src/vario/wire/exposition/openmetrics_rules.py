"""What OpenMetrics 1.0 asks of the content, beyond its grammar.

The rules follow the specification's sections "Metric Types", "Data Model" and "Text Format": a
family's lines stand together, metadata first; suffixes, labels, values and exemplars fit the type;
a histogram's buckets are ordered, cumulative and end in `+Inf`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from vario.errors import BadData
from vario.model.series import Labels
from vario.wire.exposition.model import MetricType
from vario.wire.exposition.series import decode_exemplar_labels, decode_series, unescape

TYPES: dict[str, MetricType] = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "gaugehistogram": "gaugehistogram",
    "summary": "summary",
    "info": "info",
    "stateset": "stateset",
    "unknown": "unknown",
}

SUFFIXES: dict[MetricType, tuple[str, ...]] = {
    "counter": ("_total", "_created"),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "summary": ("", "_count", "_sum", "_created"),
    "info": ("_info",),
    "stateset": ("",),
    "unknown": ("",),
}

_NEVER_NAN = {"_total", "_count", "_sum", "_bucket", "_gcount", "_gsum"}
_NEVER_NEGATIVE = {"_total", "_count", "_sum", "_bucket", "_gcount"}
_WITH_EXEMPLARS = {
    ("counter", "_total"),
    ("histogram", "_bucket"),
    ("gaugehistogram", "_bucket"),
}
_BOUND_LABELS = {"histogram": "le", "gaugehistogram": "le", "summary": "quantile"}
MAX_EXEMPLAR_CHARACTERS = 128


class Row(NamedTuple):
    """One line, as the groups of the grammar; what a line does not have is empty."""

    series: str
    value: str
    time: str
    exemplar_labels: str
    exemplar_value: str
    exemplar_time: str
    kind: str
    name: str
    text: str
    eof: str
    bad: str


@dataclass(slots=True)
class _Sample:
    suffix: str
    labels: Labels
    value: float
    time: float | None


@dataclass(slots=True)
class _Family:
    """A family while its lines go by."""

    name: str
    type: MetricType = "unknown"
    unit: str = ""
    said: set[str] = field(default_factory=set[str])
    samples: list[_Sample] = field(default_factory=list[_Sample])

    def suffix_of(self, sample_name: str) -> str | None:
        """Returns the suffix with which a sample belongs to this family, None if it does not."""
        if not sample_name.startswith(self.name):
            return None
        suffix = sample_name[len(self.name) :]
        return suffix if suffix in SUFFIXES[self.type] else None


def check_rows(rows: Sequence[Row]) -> None:
    """Returns if the lines keep the specification's rules.

    Args:
        rows: all lines, each valid by the grammar.

    Raises:
        BadData: a rule is broken; the message names the metric.
    """
    taken: set[str] = set()
    family: _Family | None = None
    for row in rows:
        if row.kind:
            name = unescape(row.name.strip('"'))
            if family is None or name != family.name:
                _finish(family, taken)
                family = _Family(name)
            _describe(family, row)
        elif row.series:
            own = decode_series(row.series, openmetrics=True)
            name = own["__name__"]
            suffix = family.suffix_of(name) if family else None
            if family is None or suffix is None:
                _finish(family, taken)
                family, suffix = _Family(name), ""
            _check_sample(family, suffix, row, own)
            time = float(row.time) if row.time else None
            family.samples.append(_Sample(suffix, own, float(row.value), time))
    _finish(family, taken)


def _describe(family: _Family, row: Row) -> None:
    if family.samples:
        raise BadData(f"{row.kind} of {family.name} comes after its samples")
    if row.kind in family.said:
        raise BadData(f"{row.kind} of {family.name} comes twice")
    family.said.add(row.kind)
    if row.kind == "TYPE":
        family.type = TYPES[row.text]
    elif row.kind == "UNIT":
        family.unit = row.text


def _check_sample(family: _Family, suffix: str, row: Row, labels: Labels) -> None:
    name, value = row.series, float(row.value)
    if row.series.endswith(",}") or row.exemplar_labels.endswith(",}"):
        raise BadData(f"{name}: a comma stands before the closing brace")
    if suffix in _NEVER_NAN and math.isnan(value):
        raise BadData(f"{name} is {family.type}'s {suffix} and cannot be NaN")
    if suffix in _NEVER_NEGATIVE and value < 0:
        raise BadData(f"{name} is {family.type}'s {suffix} and cannot be negative")
    if family.type == "info" and value != 1:
        raise BadData(f"{name} is an info and must be 1")
    if family.type == "stateset" and value not in (0, 1):
        raise BadData(f"{name} is a state and must be 0 or 1")
    if family.type == "stateset" and family.name not in labels:
        raise BadData(f"{name} is a state without the label {family.name}")
    if suffix == "_bucket":
        _check_number_label(name, labels.get("le"), low=-math.inf, high=math.inf)
    if family.type == "summary" and suffix == "":
        _check_number_label(name, labels.get("quantile"), low=0.0, high=1.0)
        if value < 0:
            raise BadData(f"{name} is a quantile of a summary and cannot be negative")
    if row.exemplar_labels:
        _check_exemplar(family, suffix, row)


def _check_number_label(name: str, text: str | None, *, low: float, high: float) -> None:
    """The label of a bucket or quantile: a number in range; infinities only as `+Inf`, `-Inf`."""
    if text is None:
        raise BadData(f"{name} lacks its le or quantile label")
    try:
        number = float(text)
    except ValueError:
        raise BadData(f"{name}: {text!r} is not a number") from None
    if not low <= number <= high or (math.isinf(number) and text not in ("+Inf", "-Inf")):
        raise BadData(f"{name}: {text!r} is not a number from {low} to {high}")


def _check_exemplar(family: _Family, suffix: str, row: Row) -> None:
    if (family.type, suffix) not in _WITH_EXEMPLARS:
        raise BadData(f"{row.series}: only counters and buckets have exemplars")
    pairs = decode_exemplar_labels(row.exemplar_labels).items()
    length = sum(len(key) + len(value) for key, value in pairs)
    if length > MAX_EXEMPLAR_CHARACTERS:
        raise BadData(
            f"{row.series}: the exemplar's labels have {length} characters,"
            f" at most {MAX_EXEMPLAR_CHARACTERS}"
        )


def _finish(family: _Family | None, taken: set[str]) -> None:
    """Checks a family whose lines are over; `taken` collects the sample names it reserves."""
    if family is None:
        return
    names = {family.name + suffix for suffix in SUFFIXES[family.type]} | {family.name}
    if clash := names & taken:
        raise BadData(f"metric {family.name} clashes with another over {min(clash)}")
    taken |= names
    if family.unit and family.type in ("info", "stateset"):
        raise BadData(f"metric {family.name} is {family.type} and cannot have a unit")
    for group in _grouped(family):
        if family.type in ("histogram", "gaugehistogram"):
            _check_histogram(family.name, group)


def _group_key(family: _Family, labels: Labels) -> tuple[tuple[str, str], ...]:
    """The labels that tell one metric of the family from the next."""
    if family.type == "info":
        return ()
    own = {"__name__", family.name if family.type == "stateset" else _BOUND_LABELS.get(family.type)}
    return tuple(sorted((k, v) for k, v in labels.items() if k not in own))


def _grouped(family: _Family) -> list[list[_Sample]]:
    """Returns the family's samples by metric and timestamp.

    Raises:
        BadData: a metric's samples do not stand together, or its timestamps are mixed or go back.
    """
    groups: list[list[_Sample]] = []
    seen: set[tuple[tuple[str, str], ...]] = set()
    last: tuple[tuple[str, str], ...] | None = None
    for sample in family.samples:
        key = _group_key(family, sample.labels)
        if key != last:
            if key in seen:
                raise BadData(
                    f"the samples of {family.name} with {dict(key)} do not stand together"
                )
            seen.add(key)
            groups.append([sample])
        else:
            before = groups[-1][-1]
            _check_order(family, before, sample)
            if sample.time == before.time:
                groups[-1].append(sample)
            else:
                groups.append([sample])
        last = key
    for group in groups:
        _check_unique(family, group)
    return groups


def _check_order(family: _Family, before: _Sample, sample: _Sample) -> None:
    if (sample.time is None) != (before.time is None):
        raise BadData(f"some samples of {family.name} have timestamps and some have none")
    if family.type == "info" or sample.time is None or before.time is None:
        return
    if sample.time < before.time:
        raise BadData(f"timestamps of {family.name} go back from {before.time} to {sample.time}")


def _check_unique(family: _Family, group: Sequence[_Sample]) -> None:
    if group[0].time is not None:
        return  # equal timestamps may be different ones that were cut
    keys = {tuple(sorted(sample.labels.items())) for sample in group}
    if len(keys) != len(group):
        raise BadData(f"metric {family.name} has the same series twice")


def _check_histogram(name: str, group: Sequence[_Sample]) -> None:
    """Checks one histogram: buckets ascending and cumulative to +Inf, count and sum in accord."""
    values = {sample.suffix: sample.value for sample in group if sample.suffix != "_bucket"}
    buckets = [(float(s.labels["le"]), s.value) for s in group if s.suffix == "_bucket"]
    bounds = [bound for bound, _ in buckets]
    counts = [count for _, count in buckets]
    if not buckets or bounds[-1] != math.inf:
        raise BadData(f"histogram {name} lacks the bucket +Inf")
    if any(b <= a for a, b in pairwise(bounds)):
        raise BadData(f"the buckets of histogram {name} are out of order")
    if any(b < a for a, b in pairwise(counts)):
        raise BadData(f"the buckets of histogram {name} are not cumulative")
    count = values.get("_count", values.get("_gcount"))
    has_sum = "_sum" in values or "_gsum" in values
    if count is not None and count != counts[-1]:
        raise BadData(f"the count {count} of histogram {name} is not its +Inf bucket {counts[-1]}")
    if has_sum != (count is not None):
        raise BadData(f"histogram {name} has one of count and sum without the other")
    negative = bounds[0] < 0
    if negative and "_sum" in values:
        raise BadData(f"histogram {name} has negative buckets and cannot have a sum")
    if not negative and values.get("_gsum", 0.0) < 0:
        raise BadData(f"the sum of {name} is negative but no bucket is")

"""Which labels have more values than their metric can bear, and which values are kept."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from vario.errors import BadData

OVERFLOW = "__overflow__"
"""What stands for every value past the budget."""

ID_PATTERN = (
    r"^(?:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|[0-9a-fA-F]{16,}|[0-9A-HJKMNP-TV-Z]{26}|[^@\s]+@[^@\s]+\.[A-Za-z]+|.{0,16}?\d{7,}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|\[[a-z_0-9]+:[0-9a-f]{16}\])$"
)
"""Values that are ids on sight, in RE2 and in Python alike: uuid, hexadecimal of 16 digits or more,
ULID, e-mail, text that ends in a number of 7 digits or more, timestamps, hashes of the guard."""
_ID = re.compile(ID_PATTERN)

# Labels that say who speaks or where in a histogram: folding them would mix what must stay apart.
NEVER = frozenset({
    "__name__", "job", "instance", "le", "quantile", "service_version", "region",
    "otel_metric_overflow",
})  # fmt: skip
# Ids of machines, pods and devices: as many as there are of those, however they look.
_INFRASTRUCTURE = re.compile(
    r"(?i)(?:.*_)?(?:pod|node|host|container|machine|image|device|disk|gpu|cluster|namespace|replica"
    r"|worker|process|exported_instance)(?:_?(?:u?u?id|name|ip|hash|digest))?|uuid|modelname|pci_bus_id"
)
_SUFFIXES = ("", "_bucket", "_count", "_sum")


def is_id(value: str) -> bool:
    """Says whether a label's value is an id of one thing, of which there is no end.

    Example:
        >>> is_id("4bf92f3577b34da6"), is_id("eu-west-1"), is_id("user-20481234")
        (True, False, True)
    """
    return _ID.match(value) is not None


@dataclass(frozen=True, slots=True)
class LabelUse:
    """How many values a label of a metric had lately.

    Attributes:
        metric: the metric's name, without what tells the series of a histogram apart.
        label: the label's name.
        values: number of values.
        ids: number of those that are ids on sight.
        samples: some of the values.
        services: who sends them (`job`).
    """

    metric: str
    label: str
    values: int
    ids: int
    samples: tuple[str, ...]
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """A label whose values past the budget are folded.

    Attributes:
        metric: as in `LabelUse`; likewise `label`, `services`.
        budget: how many values were allowed.
        reason: `ids` if the values are ids on sight, `values` if they are only many.
        values: how many there were when it began.
        samples: some of them, personal data taken out.
        since_ns: when it began, nanoseconds since the epoch.
        kept: values that go on as they are.
        known: hashes of values that had a series of their own before.
        restored: whether it began in an earlier life of the process.
    """

    metric: str
    label: str
    budget: int
    reason: str
    values: int
    samples: tuple[str, ...]
    services: tuple[str, ...]
    since_ns: int
    kept: frozenset[str]
    known: frozenset[int] = field(default=frozenset(), compare=False)
    restored: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    limit: int | None
    metric: str
    label: str


class Budgets:
    """How many values each label may have."""

    def __init__(self, values: int, ids: int, rules: Sequence[str]) -> None:
        """Reads rules.

        Args:
            values: budget of a label.
            ids: budget of a label whose values are ids on sight.
            rules: `LIMIT|allow [metric=GLOB] [label=GLOB]`, the first that fits wins.

        Raises:
            BadData: a rule is not understood.
        """
        self._values = values
        self._ids = ids
        self._rules = [_parse(rule) for rule in rules]

    def judge(self, use: LabelUse) -> tuple[str, int] | None:
        """Returns the reason to fold and the budget that is exceeded, None if all is well."""
        if use.label in NEVER or use.metric == "target_info":
            return None
        for rule in self._rules:
            if fnmatchcase(use.metric, rule.metric) and fnmatchcase(use.label, rule.label):
                over = rule.limit is not None and use.values > rule.limit
                return ("values", rule.limit or 0) if over else None
        if use.ids > self._ids and not _INFRASTRUCTURE.fullmatch(use.label):
            return "ids", self._ids
        return ("values", self._values) if use.values > self._values else None


def _parse(text: str) -> _Rule:
    limit, *conditions = text.split()
    pairs = {name: glob for name, _, glob in (c.partition("=") for c in conditions)}
    if not (limit == "allow" or limit.isdecimal()) or not set(pairs) <= {"metric", "label"}:
        raise BadData(
            f"cardinality rule {text!r} is not understood: write a number of values or 'allow', "
            "then metric=GLOB, label=GLOB or both, such as '5000 metric=http_* label=route'"
        )
    number = None if limit == "allow" else int(limit)
    return _Rule(number, pairs.get("metric", "*"), pairs.get("label", "*"))


class Folds:
    """The folds in force, by the names of the series that they are about."""

    def __init__(self) -> None:
        self._all: tuple[Fold, ...] = ()
        self._by_series: Mapping[str, tuple[Fold, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._all)

    def __iter__(self) -> Iterator[Fold]:
        return iter(self._all)

    def add(self, folds: Iterable[Fold]) -> None:
        """Puts folds in force, in place of earlier ones of the same metric and label."""
        merged = {(fold.metric, fold.label): fold for fold in (*self._all, *folds)}
        by_series: dict[str, tuple[Fold, ...]] = {}
        for fold in merged.values():
            for suffix in _SUFFIXES:
                name = fold.metric + suffix
                by_series[name] = (*by_series.get(name, ()), fold)
        self._by_series = by_series
        self._all = tuple(merged.values())

    def may_be_of(self, stem: str) -> bool:
        """Says whether a metric whose name begins so may have a fold."""
        return any(fold.metric.startswith(stem) for fold in self._all)

    def of(self, series: str) -> tuple[Fold, ...]:
        """Returns the folds for series of this name."""
        return self._by_series.get(series, ())


def family_of(name: str, names: Mapping[str, int]) -> str:
    """Returns the metric that a series belongs to, given the names of all series.

    Example:
        >>> family_of("x_count", {"x_bucket": 3, "x_count": 1}), family_of("y_count", {})
        ('x', 'y_count')
    """
    for suffix in _SUFFIXES[1:]:
        if name.endswith(suffix):
            base = name.removesuffix(suffix)
            if f"{base}_bucket" in names or (f"{base}_count" in names and f"{base}_sum" in names):
                return base
    return name

"""What the guards did, as the API, the doctor and the terminal show it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vario.guard.advice import advise_fold, advise_found
from vario.guard.guard import FoldState
from vario.guard.ledger import Found


@dataclass(frozen=True, slots=True)
class GuardReport:
    """Everything that was found, folded, or folded by an SDK before it came here.

    Attributes:
        personal_data: whether personal data is looked for; likewise `cardinality`.
        found: the most frequent first.
        folds: in the order in which they began.
        overflows: metrics whose own SDK folded attributes, with the services.
    """

    personal_data: bool = False
    cardinality: bool = False
    found: Sequence[Found] = ()
    folds: Sequence[FoldState] = ()
    overflows: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to mend: where, what was seen, what to do."""

    name: str
    service: str
    message: str
    remedy: str


def remark(report: GuardReport) -> Iterator[Remark]:
    """Yields what the doctor says of a report, one remark a detector and field, and a fold."""
    for entry in report.found:
        if entry.mode in {"redact", "drop"}:
            done = "redacted" if entry.mode == "redact" else "dropped"
            yield Remark(
                "personal data",
                entry.service,
                f"{entry.detector} in {entry.field} ({entry.signal}), {entry.count} times, {done}",
                advise_found(entry.detector, entry.field),
            )
    for state in report.folds:
        fold = state.fold
        kind = "ids" if fold.reason == "ids" else "values"
        yield Remark(
            "cardinality",
            ", ".join(fold.services),
            f"{fold.label} of {fold.metric} has {fold.values} {kind}, over its budget of "
            f"{fold.budget}; new values are folded to __overflow__",
            advise_fold(fold),
        )
    for metric, services in report.overflows.items():
        yield Remark(
            "sdk overflow",
            ", ".join(services),
            f"the SDK itself folded attributes of {metric} (otel.metric.overflow): what is lost "
            "there cannot be told apart here",
            "take attributes without bound off the metric, or raise the limit of its view",
        )

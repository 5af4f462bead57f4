"""Whom it hurts, as a finding with the counts behind it."""

from collections.abc import Mapping

from vario.investigate.case import Case
from vario.investigate.effect import DESIGN_EFFECT, failing
from vario.investigate.evidence import Notebook
from vario.investigate.where import Where, join
from vario.investigate.words import say_scope, say_share
from vario.model.filter import Compare, Field, Filter
from vario.model.investigation import Effect, Evidence, Finding, Symptom

BAD: Mapping[Symptom, str] = {"errors": "fail", "latency": "are slow"}
_MEASURE: Mapping[Symptom, str] = {"errors": "error rate", "latency": "share of slow requests"}


def tell_slice(
    notebook: Notebook, case: Case, where: Where | None, earlier: Filter
) -> Finding | None:
    """Returns the part of the traffic that is hurt; None where it is everybody.

    Args:
        notebook: asks for the counts.
        case: what is wrong.
        where: what the scan found.
        earlier: the requests that the slice's are compared with, before the onset.
    """
    if where is None or where.slice is None:
        return None
    part = where.slice
    others = " and ".join(say_scope(other) for other in part.same_as[:2])
    same = f"; so does {others}: nothing here tells them apart" if others else ""
    effect, evidence = _count(notebook, case, earlier)
    rates = ""
    if effect is not None:
        rates = (
            f": {say_share(effect.before)} of its requests {BAD[case.symptom]} before, "
            f"{say_share(effect.after)} since"
        )
    return Finding(
        kind="slice",
        subject=dict(part.where),
        statement=f"{say_scope(part.where)} holds {say_share(part.share)} of the damage"
        f"{rates}{same}.",
        effect=effect,
        explained=part.share,
        confidence=round(min(0.9, 0.5 + 0.4 * part.share) * (1 - min(part.p, 0.3)), 3),
        onset_ns=case.onset_ns,
        evidence=evidence,
        cause="where",
        next_step=f"Compare requests of {say_scope(part.where)} with the rest.",
    )


def _count(
    notebook: Notebook, case: Case, earlier: Filter
) -> tuple[Effect | None, tuple[Evidence, ...]]:
    """Returns the share of bad requests before and since; None where metrics show the symptom."""
    if case.symptom not in BAD:
        return None, ()
    evidence: list[Evidence] = []
    shares: list[float] = []
    variance = 0.0
    slow = Compare(Field("intrinsic", "duration"), ">", case.slow_ns)
    for word, requests, window in (
        ("before", earlier, case.baseline),
        ("since", case.slice, case.window),
    ):
        bad = failing(requests) if case.symptom == "errors" else join(requests, slow)
        some = notebook.count(f"requests that {BAD[case.symptom]} {word}", bad, window)
        every = notebook.count(f"requests {word}", requests, window)
        evidence += [some, every]
        shares.append(some.value / max(every.value, 1.0))
        variance += DESIGN_EFFECT * shares[-1] * (1 - shares[-1]) / max(every.value, 1.0)
    moved, spread = shares[1] - shares[0], 1.96 * variance**0.5
    measure = _MEASURE[case.symptom]
    effect = Effect(measure, "1", shares[0], shares[1], moved - spread, moved + spread)
    return effect, tuple(evidence)

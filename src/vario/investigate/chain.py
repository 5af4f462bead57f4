"""What happened inside the requests: from the operation that takes longer to how it is served.

The path goes down from the request, each time to the operation below whose time on the critical
path grew most, as long as most of the growth lies there. Attributes whose values shifted and that
explain the growth say how those requests are served differently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vario.investigate.case import Case
from vario.investigate.effect import DESIGN_EFFECT
from vario.investigate.evidence import DURATION, Notebook, link_traces
from vario.investigate.mediators import Shifted
from vario.investigate.paths import Moved, Operation, RequestPath
from vario.investigate.where import join
from vario.investigate.words import say_number, say_scope, say_share, say_span
from vario.model.filter import And, Compare, Field, Filter
from vario.model.investigation import Effect, Evidence, Finding, RuledOut

DESCEND = 0.5
"""So much of an operation's growth must lie in one below it to go on there."""
MIN_EXPLAINED = 0.2
MOST_EXAMPLES = 5
_CAUSES: Sequence[tuple[str, str]] = (
    ("cache", "cache"), ("batch", "batching"), ("missing", "feature"), ("feature", "feature"),
    ("queue", "capacity"), ("flight", "capacity"), ("retr", "retries"), ("cold", "capacity"),
    ("throttl", "capacity"), ("fallback", "fallback"),
)  # fmt: skip
_STEPS: Mapping[str, str] = {
    "cache": "Raise the cache's capacity or time to live{where}, warm it up with the most frequent "
    "keys, and alert on the share of misses.",
    "batching": "Set the batch size{where} back to what it was before, and alert on its mean.",
    "capacity": "Add capacity{where}, or shed load before queues grow.",
    "retries": "Find out why the first attempt fails{where}, and bound the number of retries.",
    "upstream": "Look at {subject}{where} itself, and at the network to it; fail over, or shorten "
    "the timeout, until it answers as before.",
    "code": "Compare what {subject}{where} does now with what it did before: its release, its "
    "inputs, its configuration.",
}


@dataclass(frozen=True, slots=True)
class Inside:
    """What was found inside the slice's requests, before and since."""

    before: Sequence[RequestPath]
    after: Sequence[RequestPath]
    moved: Sequence[Moved]
    shifted: Sequence[Shifted]


def dominant_path(moved: Sequence[Moved], *, failing: bool) -> list[Moved]:
    """Returns the operations from the request down to where most of the growth lies."""
    known = {one.operation: one for one in moved}
    roots = [one for one in moved if one.parent is None or one.parent not in known]
    if not roots:
        return []
    if failing:
        return _path_to(max(moved, key=_failures), known)
    # Requests of several routes are one beginning: what they share lies below all of them.
    path = [max(roots, key=lambda one: one.inclusive_delta_s)]
    above = {one.operation for one in roots}
    growth_s = sum(one.inclusive_delta_s for one in roots)
    while True:
        below = [one for one in moved if one.parent in above and one not in path]
        if not below:
            return path
        deeper = max(below, key=lambda one: one.inclusive_delta_s)
        if deeper.inclusive_delta_s < DESCEND * max(growth_s, 1e-9):
            return path
        path.append(deeper)
        above, growth_s = {deeper.operation}, deeper.inclusive_delta_s


def _failures(one: Moved) -> float:
    return one.failed_after - one.failed_before


def _path_to(last: Moved, known: Mapping[Operation, Moved]) -> list[Moved]:
    path = [last]
    while (parent := path[0].parent) is not None:
        above = known.get(parent)
        if above is None or above in path:
            break
        path.insert(0, above)
    return path


def own_step(path: Sequence[Moved], service: str) -> Moved | None:
    """Returns the deepest step of the service's own code on a path, the request itself last."""
    outgoing = ("Client", "Producer")
    own = [one for one in path if one.operation[0] == service and one.kind not in outgoing]
    return own[-1] if own else None


def find_inside(notebook: Notebook, case: Case, inside: Inside) -> list[Finding | RuledOut]:
    """Returns findings about operations and how they are served, and what is ruled out."""
    failing = case.symptom == "errors"
    path = dominant_path(inside.moved, failing=failing)
    found: list[Finding | RuledOut] = []
    if path:
        operation = _tell_operation(notebook, case, inside, path, failing=failing)
        if operation is not None:
            found.append(operation)
    for one in inside.shifted:
        if one.also_outside:
            found.append(_rule_out(case, one))
        elif one.explained >= MIN_EXPLAINED:
            found.append(_tell_mediator(notebook, case, inside, path, one))
    return found


def _tell_operation(
    notebook: Notebook, case: Case, inside: Inside, path: Sequence[Moved], *, failing: bool
) -> Finding | None:
    last = path[-1]
    share = _failed_share(last, inside.moved) if failing else _inclusive_share(last, inside.moved)
    if share < MIN_EXPLAINED:
        return None
    service, name = last.operation
    elsewhere = service != case.service
    spans = _spans_of(case, last.operation)
    if failing:
        effect, evidence = _failing_calls(notebook, case, spans)
    else:
        effect, evidence = _call_times(notebook, case, spans)
    where = f" where {say_scope(case.scope)}" if case.scope else ""
    calls = ""
    if last.calls_after > 1.3 * last.calls_before + 0.01 and not failing:
        calls = (
            f"; it is called {last.calls_after:.2g} times a request, not {last.calls_before:.2g}"
        )
    what = "of the failures begin in it" if failing else "of the added time is spent in it"
    who = f" (called by {say_span(*(own_step(path, case.service) or path[0]).operation)})"
    statement = (
        f"{say_share(min(share, 1.0))} {what}: {say_span(service, name)}"
        f"{who if elsewhere else ''}, {_say(effect)}{where}{calls}."
    )
    cause = "upstream" if elsewhere else "code"
    subject = {"span": say_span(service, name), **_subject_scope(case.scope)}
    if elsewhere:
        subject = {"upstream": service, **subject}
    spread = (last.share_high - last.share_low) / 2
    return Finding(
        kind="dependency" if elsewhere else "operation",
        subject=subject,
        statement=statement,
        effect=effect,
        explained=min(max(share, 0.0), 1.0),
        explained_low=max(0.0, share - spread),
        explained_high=min(1.0, share + spread),
        confidence=min(0.9, 0.35 + 0.5 * min(share, 1.0)) if elsewhere else 0.45 * min(share, 1.0),
        onset_ns=case.onset_ns,
        evidence=evidence,
        trace_ids=_examples(inside, last.operation, failing=failing),
        cause=cause,
        next_step=_next_step(cause, say_span(service, name), case.scope),
    )


def _tell_mediator(
    notebook: Notebook, case: Case, inside: Inside, path: Sequence[Moved], one: Shifted
) -> Finding:
    own = own_step(path, case.service)
    field = Field("attributes", one.name)
    carried = _carriers(inside, one.name)
    span = own.operation if own and own.operation in carried else one.operation
    spans = _spans_of(case, one.operation)
    effect, evidence = _shares(notebook, case, spans, field, one)
    explained = min(max(one.explained, 0.0), 1.0)
    contrast = ""
    if np.isfinite(one.control_before) and np.isfinite(one.control_after):
        shares = (say_share(one.control_before), say_share(one.control_after))
        contrast = "; elsewhere it went from {} to {}".format(*shares)
    where = f" where {say_scope(case.scope)}" if case.scope else ""
    moved = next((m for m in inside.moved if m.operation == span), None)
    slower = ""
    if moved is not None and case.symptom == "latency":
        slower = (
            f"; a request spends {say_number(moved.inclusive_after_s, 's')} in it, not "
            f"{say_number(moved.inclusive_before_s, 's')}"
        )
    cause = _cause_of(one.name)
    return Finding(
        kind="mediator",
        subject={"span": say_span(*span), one.name: one.value, **_subject_scope(case.scope)},
        statement=(
            f"{one.name} = {one.value} rose from {say_share(effect.before)} to "
            f"{say_share(effect.after)} of {say_span(*span)}{where}{contrast}{slower}."
        ),
        effect=effect,
        explained=explained,
        confidence=_believe_mediator(one, explained),
        onset_ns=case.onset_ns,
        evidence=evidence,
        trace_ids=_examples_with(inside, one),
        cause=cause,
        next_step=_next_step(cause, say_span(*span), case.scope),
        supports=(f"it moved {one.z:.0f} standard errors",),
    )


def _believe_mediator(one: Shifted, explained: float) -> float:
    """Returns how far to believe that a shifted attribute is how it came about."""
    controlled = np.isfinite(one.control_after)
    return (0.3 + 0.6 * min(1.0, explained / 0.45)) * (1.0 if controlled else 0.85)


def _rule_out(case: Case, one: Shifted) -> RuledOut:
    return RuledOut(
        subject={one.name: one.value},
        reason=(
            f"it became as much more frequent where requests are well: from "
            f"{say_share(one.control_before)} to {say_share(one.control_after)} outside "
            f"{say_scope(case.scope)}"
        ),
    )


def _inclusive_share(last: Moved, moved: Sequence[Moved]) -> float:
    whole = sum(one.after_s - one.before_s for one in moved)
    return last.inclusive_delta_s / whole if whole > 1e-9 else 0.0


def _failed_share(last: Moved, moved: Sequence[Moved]) -> float:
    whole = sum(max(_failures(one), 0.0) for one in moved)
    return max(_failures(last), 0.0) / whole if whole > 1e-9 else 0.0


def _spans_of(case: Case, operation: Operation) -> Filter:
    """Returns the spans of an operation, within the scope where its own spans can tell it."""
    service, name = operation
    spans = And((
        Compare(Field("intrinsic", "service.name"), "=", service),
        Compare(Field("intrinsic", "name"), "=", name),
    ))  # fmt: skip
    region = case.scope.get("region")
    version = case.scope.get("model_version") if service == case.service else None
    if region:
        spans = join(spans, Compare(Field("intrinsic", "region"), "=", region))
    if version:
        spans = join(spans, Compare(Field("intrinsic", "model_version"), "=", version))
    return spans


def _call_times(
    notebook: Notebook, case: Case, spans: Filter
) -> tuple[Effect, tuple[Evidence, ...]]:
    shown = tuple(
        notebook.select(f"mean duration of a call {word}", "avg", DURATION, spans, window)
        for word, window in (("before", case.baseline), ("since", case.window))
    )
    before, after = (one.value for one in shown)
    return Effect("duration of a call", "s", before, after, after - before, after - before), shown


def _failing_calls(
    notebook: Notebook, case: Case, spans: Filter
) -> tuple[Effect, tuple[Evidence, ...]]:
    bad = join(spans, Compare(Field("intrinsic", "error"), "=", True))
    return _ratio(notebook, case, bad, spans, "calls that fail")


def _shares(
    notebook: Notebook, case: Case, spans: Filter, field: Field, one: Shifted
) -> tuple[Effect, tuple[Evidence, ...]]:
    return _ratio(
        notebook, case, join(spans, value_filter(field, one.value)), spans,
        f"calls with {one.name} = {one.value}",
    )  # fmt: skip


def value_filter(field: Field, value: str) -> Filter:
    """Returns the condition that a field has a value, or lies in a range such as `>= 8`."""
    for op in (">=", "<"):
        if value.startswith(f"{op} "):
            return Compare(field, op, float(value.removeprefix(f"{op} ")))
    return Compare(field, "=", value)


def _ratio(
    notebook: Notebook, case: Case, part: Filter, whole: Filter, title: str
) -> tuple[Effect, tuple[Evidence, ...]]:
    evidence: list[Evidence] = []
    shares: list[float] = []
    variance = 0.0
    for word, window in (("before", case.baseline), ("since", case.window)):
        some = notebook.count(f"{title} {word}", part, window)
        every = notebook.count(f"calls {word}", whole, window)
        evidence += [some, every]
        shares.append(some.value / max(every.value, 1.0))
        variance += DESIGN_EFFECT * shares[-1] * (1 - shares[-1]) / max(every.value, 1.0)
    moved, spread = shares[1] - shares[0], 1.96 * variance**0.5
    effect = Effect(title, "1", shares[0], shares[1], moved - spread, moved + spread)
    return effect, tuple(evidence)


def _say(effect: Effect) -> str:
    before, after = (say_number(one, effect.unit) for one in (effect.before, effect.after))
    return f"{effect.measure} {before} before and {after} since"


def _subject_scope(scope: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("attributes.").removeprefix("resource."): value
        for name, value in scope.items()
    }


def _cause_of(name: str) -> str:
    return next((cause for part, cause in _CAUSES if part in name.lower()), "code")


def _next_step(cause: str, subject: str, scope: Mapping[str, str]) -> str:
    where = f" where {say_scope(scope)}" if scope else ""
    return _STEPS.get(cause, _STEPS["code"]).format(where=where, subject=subject)


def _carriers(inside: Inside, name: str) -> set[Operation]:
    return {
        operation
        for path in (*inside.before[:50], *inside.after[:50])
        for operation, step in path.steps.items()
        if name in step.attributes
    }


def _examples(inside: Inside, operation: Operation, *, failing: bool) -> tuple[str, ...]:
    def weight(path: RequestPath) -> float:
        step = path.steps.get(operation)
        if step is None:
            return -1.0
        return float(step.failed) if failing else step.inclusive_s

    ordered = sorted(inside.after, key=lambda path: (-weight(path), path.trace_id))
    return tuple(path.trace_id for path in ordered if weight(path) > 0)[:MOST_EXAMPLES]


def _examples_with(inside: Inside, one: Shifted) -> tuple[str, ...]:
    def has(path: RequestPath) -> bool:
        step = path.steps.get(one.operation)
        return step is not None and step.attributes.get(one.name) == one.value

    ordered = sorted(inside.after, key=lambda path: (-path.duration_s, path.trace_id))
    return tuple(path.trace_id for path in ordered if has(path))[:MOST_EXAMPLES]


def slice_link(case: Case) -> str:
    """Returns the page of the slice's requests."""
    return link_traces(case.slice)

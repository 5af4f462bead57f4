"""Upstreams that became slow or fail: which one, called from where, and healthy elsewhere or not.

An upstream is seen from both ends: by the client spans that name it (`peer.service`,
`server.address`, ...), and by the entry spans of another service in the traces of the slice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vario.investigate.case import Case, Clue
from vario.investigate.evidence import DURATION, Notebook
from vario.investigate.frame import (
    Frame,
    believe,
    frame_of,
    join,
    judge_time,
    make_effect,
    outside,
    percent,
    say_scope,
    scope_filter,
)
from vario.investigate.own_share import find_own_shares
from vario.investigate.peek import narrow
from vario.investigate.rates import (
    FALSE_DISCOVERIES,
    Change,
    Floats,
    adjust,
    compare_rates,
    compare_shares,
    find_start,
)
from vario.investigate.reader import Reader
from vario.model.filter import MATCH_ALL, Compare, Field, Filter
from vario.model.investigation import Evidence, Finding, RuledOut
from vario.model.telemetry import Signal
from vario.store.base import Cube, SpanTable

PEER_FIELDS = (
    "peer.service", "upstream", "rpc.service", "server.address", "net.peer.name", "http.host",
    "db.namespace", "db.system.name", "db.system", "messaging.destination.name",
)  # fmt: skip
"""Attributes of client spans that say who is called, the most telling first."""
MOST_UPSTREAMS = 8
_SAMPLED_TRACES = 300
_LEAST_CALLS = 20
_MORE_CALLS = 1.25
_LEAST_RISE = 0.02
"""Of all calls, so many more must be slow or fail."""

_CLIENT = Compare(Field("intrinsic", "kind"), "=", "Client")
_ENTRY = Compare(Field("intrinsic", "entry"), "=", True)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Something that is called: its name, the spans that are calls of it, who calls it."""

    name: str
    calls: Filter
    by_client: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """An upstream whose calls became slow or fail in the slice.

    Attributes:
        measure: `slow` or `failed`.
        calls: all of its calls in the slice; `bad` those that count as such.
        slow_s: above it a call counts as slow.
        elsewhere: how its calls changed outside the slice, None where there are none.
        load: how the calls for a second changed.
        began_ns: first step of it, 0 where that is not clear.
        excess: calls more than before that were bad.
        cube: its calls in the slice by step.
    """

    upstream: Upstream
    measure: str
    calls: Filter
    bad: Filter
    slow_s: float
    change: Change
    elsewhere: Change | None
    load: Change
    began_ns: int
    excess: float
    cube: Cube

    @property
    def is_loaded(self) -> bool:
        """Whether it is called so much more that it may suffer from its callers."""
        return self.load.ratio_low >= _MORE_CALLS


def probe_dependencies(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns the upstreams that became slow or fail where the requests suffer."""
    sample = reader.store.sample_traces(case.slice, case.window, limit=_SAMPLED_TRACES)
    calls = find_calls(sample)
    upstreams = [*_find_peers(reader, case), *_find_callees(case, calls)]
    frame = frame_of(case)
    found = [
        trouble
        for upstream in upstreams[:MOST_UPSTREAMS]
        for trouble in _examine(reader, case, frame, upstream)
    ]
    adjusted = adjust([one.change.p for one in found])
    own = _read(reader, case.slice, frame, case.slow_ns)
    damage = _damage(own, case, frame)
    cubes = {one.upstream.name: one.cube for one in found} | {case.service: own}
    shares = find_own_shares(case, frame, cubes, calls)
    book = Notebook(reader)
    clues: list[Clue] = []
    named: set[str] = set()
    pairs = sorted(zip(found, adjusted, strict=True), key=lambda pair: -pair[0].excess)
    troubled = {
        one.upstream.name for one, q in pairs if q <= FALSE_DISCOVERIES and _is_large(one.change)
    }
    for trouble, q in pairs:
        name = trouble.upstream.name
        if name in named or name not in troubled or q > FALSE_DISCOVERIES:
            continue
        if not _is_large(trouble.change):
            continue
        named.add(name)
        deeper = sorted(calls.get(name, set()) & troubled)
        told = _tell(reader, book, case, trouble, (q, damage), deeper)
        clues.append(_add_own_share(told, case, shares.get(name)) if calls.get(name) else told)
    clues.extend(_clear(upstreams, troubled, case))
    return clues


def find_calls(sample: SpanTable) -> dict[str, set[str]]:
    """Returns which services call which, by spans whose parent is in another service."""
    service_of = {
        (int(trace), span): service
        for trace, span, service in zip(sample.trace, sample.span_id, sample.service, strict=True)
    }
    calls: dict[str, set[str]] = {}
    for trace, parent, service in zip(sample.trace, sample.parent_id, sample.service, strict=True):
        caller = service_of.get((int(trace), parent)) if parent else None
        if caller is not None and caller != service:
            calls.setdefault(caller, set()).add(service)
    return calls


def _find_peers(reader: Reader, case: Case) -> list[Upstream]:
    """Lists who is called by client spans, by the attribute that most of them have."""
    calls = narrow(reader, case, _CLIENT)
    if calls is None:
        return []
    where = join(calls, scope_filter(case, Signal.TRACES))
    profiles = {
        one.field.name: one
        for one in reader.store.profile_fields(Signal.TRACES, where, case.window, rows=4_000)
        if one.field.scope == "attributes" and one.distinct <= 50
    }
    known = [profiles[name] for name in PEER_FIELDS if name in profiles]
    if not known:
        return []
    best = max(known, key=lambda one: round(one.share, 1))
    return [
        Upstream(value, join(calls, Compare(best.field, "=", value)), by_client=True)
        for value in best.values
    ]


def _find_callees(case: Case, calls: Mapping[str, set[str]]) -> list[Upstream]:
    """Lists the services that the case's service calls, directly or through others."""
    reached: list[str] = []
    waiting = [case.service] if case.service else sorted(calls)
    while waiting:
        for service in sorted(calls.get(waiting.pop(0), ())):
            if service not in reached and service != case.service:
                reached.append(service)
                waiting.append(service)
    return [
        Upstream(
            service,
            join(Compare(Field("intrinsic", "service.name"), "=", service), _ENTRY),
            by_client=False,
        )
        for service in reached
    ]


def _examine(reader: Reader, case: Case, frame: Frame, upstream: Upstream) -> list[Trouble]:
    """Returns how an upstream's slow and failed calls changed in the slice, as two measures."""
    scope = scope_filter(case, Signal.TRACES)
    within = join(upstream.calls, scope)
    usual_s = reader.store.aggregate(Signal.TRACES, "p95", DURATION, within, case.baseline)
    if not np.isfinite(usual_s):
        # It is no part of the scope by its own attributes: one for all regions, for instance.
        scope, within = MATCH_ALL, upstream.calls
        usual_s = reader.store.aggregate(Signal.TRACES, "p95", DURATION, within, case.baseline)
    if not np.isfinite(usual_s):
        return []
    slow_ns = max(1_000_000, round(1.5 * usual_s * 1e3) * 1_000_000)
    rest = outside(scope)
    cube = _read(reader, within, frame, slow_ns)
    others = _read(reader, join(upstream.calls, rest), frame, slow_ns) if rest else None
    found: list[Trouble] = []
    for measure in ("slow", "failed"):
        before, after = frame.tallies(*_counts(cube, measure))
        if min(before.over, after.over) < _LEAST_CALLS:
            continue
        elsewhere = None
        if others is not None:
            tallies = frame.tallies(*_counts(others, measure))
            if min(tallies[0].over, tallies[1].over) >= _LEAST_CALLS:
                elsewhere = compare_shares(*tallies)
        change = compare_shares(before, after)
        counts, calls = _counts(cube, measure)
        seconds = np.full(frame.steps, frame.step_ns / 1e9)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(calls > 0, counts / calls, np.nan)
        start = find_start(share, frame.boundary(case.onset_ns))
        bad = (
            Compare(DURATION, ">", slow_ns)
            if measure == "slow"
            else Compare(Field("intrinsic", "error"), "=", True)
        )
        found.append(
            Trouble(
                upstream=upstream,
                measure=measure,
                calls=within,
                bad=join(within, bad),
                slow_s=slow_ns / 1e9,
                change=change,
                elsewhere=elsewhere,
                load=compare_rates(*frame.tallies(calls, seconds)),
                began_ns=0 if start is None else frame.start_of(start),
                excess=max(0.0, (change.after - change.before) * after.over),
                cube=cube,
            )
        )
    return found


def _read(reader: Reader, where: Filter, frame: Frame, slow_ns: int) -> Cube:
    return reader.store.read_cube(
        Signal.TRACES, where, frame.span, step_ns=frame.step_ns, by=(), slow_ns=slow_ns
    )


def _counts(cube: Cube, measure: str) -> tuple[Floats, Floats]:
    """Returns the bad calls and all calls, each of shape (steps,)."""
    bad = cube.slow if measure == "slow" else cube.errors
    return bad.sum(axis=0), cube.count.sum(axis=0)


def _damage(cube: Cube, case: Case, frame: Frame) -> float:
    """Returns how many requests of the slice were bad beyond what is usual."""
    measure = "failed" if case.symptom == "errors" else "slow"
    before, after = frame.tallies(*_counts(cube, measure))
    if not before.over:
        return 0.0
    return max(0.0, after.total - before.total / before.over * after.over)


def _is_large(change: Change) -> bool:
    return change.low >= _LEAST_RISE and change.ratio_low >= 1.5


def _tell(
    reader: Reader,
    book: Notebook,
    case: Case,
    trouble: Trouble,
    weight: tuple[float, float],
    deeper: Sequence[str],
) -> Finding:
    (q, damage), change = weight, trouble.change
    name = trouble.upstream.name
    also = trouble.elsewhere is not None and trouble.elsewhere.low > 0.5 * change.low
    control = 0.75 if trouble.elsewhere is None else 0.25 if also else 1.0
    explained = min(1.0, trouble.excess / damage) if damage >= 5 else None
    confidence = believe(
        q=q, timing=judge_time(case, trouble.began_ns), control=control, explained=explained
    )
    what = "fail" if trouble.measure == "failed" else f"take longer than {trouble.slow_s:.3g} s"
    well = (
        f"; elsewhere {percent(trouble.elsewhere.after)}" if trouble.elsewhere and not also else ""
    )
    examples = reader.store.find_traces(trouble.bad, case.window, limit=3, order="slowest")
    region = {key: value for key, value in case.scope.items() if key.endswith("region")}
    return Finding(
        kind="dependency",
        subject={"upstream": name, **region},
        statement=(
            f"{percent(change.after)} of the calls to {name}{say_scope(case)} {what}, before"
            f" {percent(change.before)}{well}."
        ),
        effect=make_effect(
            f"share of calls that {'fail' if trouble.measure == 'failed' else 'are slow'}", "1",
            change.before, change.after, (change.low, change.high),
        ),
        explained=explained,
        confidence=round(
            confidence * (0.6 if deeper else 1.0) * (0.65 if trouble.is_loaded else 1.0), 3
        ),
        onset_ns=trouble.began_ns,
        evidence=_cite(book, case, trouble),
        trace_ids=tuple(one.trace_id for one in examples),
        supports=(f"its calls elsewhere are well{well}",) if well else (),
        contradicts=_doubt(trouble, deeper, also=also),
        cause="upstream",
        next_step=(
            f"Ask the owner of {name}{say_scope(case)}; meanwhile fail over to another region, or "
            "set a shorter timeout with one retry."
        ),
    )  # fmt: skip


def _add_own_share(finding: Finding, case: Case, share: float | None) -> Finding:
    """Returns the finding with what a service that calls others has in excess by itself."""
    if share is None or 0.2 < share < 0.5:
        return finding
    excess = "failures" if case.symptom == "errors" else "time"
    text = f"{percent(share)} of the added {excess} of {case.service} is its own, not its callees'"
    if share >= 0.5:
        return replace(finding, supports=(*finding.supports, text))
    return replace(finding, contradicts=(*finding.contradicts, f"only {text}"))


def _doubt(trouble: Trouble, deeper: Sequence[str], *, also: bool) -> tuple[str, ...]:
    doubts = [f"it waits for {one} in turn" for one in deeper]
    if also:
        doubts.append("its calls elsewhere suffer as well")
    if trouble.is_loaded:
        times = f"{trouble.load.ratio:.2g} times as often"
        doubts.append(f"it is called {times}: the load may slow it")
    return tuple(doubts)


def _cite(book: Notebook, case: Case, trouble: Trouble) -> tuple[Evidence, ...]:
    return tuple(
        evidence
        for when, part in (("before", case.baseline), ("since then", case.window))
        for evidence in (
            book.count(f"such calls {when}", trouble.bad, part),
            book.select(f"p95 of its calls {when}", "p95", DURATION, trouble.calls, part),
        )
    )


def _clear(upstreams: Sequence[Upstream], troubled: set[str], case: Case) -> list[Clue]:
    return [
        RuledOut({"upstream": name}, f"its calls{say_scope(case)} are as fast and safe as before")
        for name in dict.fromkeys(one.name for one in upstreams[:MOST_UPSTREAMS])
        if name not in troubled
    ]

"""Batches that became smaller, and what that costs: utilisation, replicas, money for 1,000 requests.

A batch's size is an attribute of the span that makes it (`batch_size`). Of a path whose batches
shrank there are many short spans where there were few, for the same requests.
"""  # noqa: E501

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vario.investigate.case import Case, Clue
from vario.investigate.evidence import DURATION, Notebook
from vario.investigate.frame import Frame, believe, frame_of, join, judge_time, make_effect
from vario.investigate.meters import COST, GPU_BUSY, REPLICAS, Meter, choose, list_metrics
from vario.investigate.peek import narrow
from vario.investigate.prices import count_gpus, hours_of, price_of, spending
from vario.investigate.rates import (
    FALSE_DISCOVERIES,
    Change,
    Floats,
    adjust,
    compare_rates,
    find_start,
)
from vario.investigate.reader import Reader
from vario.investigate.roles import choose_dimensions
from vario.investigate.words import say_number, say_share
from vario.model.filter import Compare, Exists, Field, Filter
from vario.model.investigation import Evidence, Finding
from vario.model.telemetry import Signal
from vario.query.filter_text import format_field

SIZES = ("batch_size", "batch.size", "inference.batch_size", "model.batch_size")
SERVICE = Field("intrinsic", "service.name")
_LEAST_SHRINK = 1.5
"""So many times as many batches for the same requests, by the lower bound."""
_LEAST_BATCHES = 20


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A path whose batches became smaller.

    Attributes:
        where: fields and values that name it.
        change: of the batches for each request.
        began_ns: first step of it, 0 where that is not clear.
        requests: how many times as many requests it serves as before.
        size: the largest size that was usual before.
        each: whether each request has a span with its batch's size, or each batch has one.
    """

    where: tuple[tuple[Field, str], ...]
    change: Change
    began_ns: int
    requests: float
    size: int
    each: bool


@dataclass(frozen=True, slots=True)
class Waste:
    """What is used: sentences and their evidence, and how many times as much a request costs."""

    words: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    cost_ratio: float | None
    replicas_ratio: float | None


def probe_batching(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns the path whose batches shrank most, with what it wastes."""
    found = _find_size(reader, case)
    if found is None:
        return ()
    size, sized = found
    frame = frame_of(case)
    groups = _read_groups(reader, case, frame, size, sized)
    known = [one for group in groups if (one := _test(frame, group)) is not None]
    adjusted = adjust([one.change.p for one in known])
    shrunk = [
        (one, q)
        for one, q in zip(known, adjusted, strict=True)
        if q <= FALSE_DISCOVERIES and one.change.ratio_low >= _LEAST_SHRINK
    ]
    if not shrunk:
        return ()
    # The narrowest description of what shrank most: of equal ones the one with fewest fields.
    best, q = max(shrunk, key=lambda pair: (round(pair[0].change.ratio, 1), -len(pair[0].where)))
    calm = any(one.change.ratio_high < _LEAST_SHRINK for one in known)
    return [_tell(reader, case, (size, sized), best, (q, calm))]


def _find_size(reader: Reader, case: Case) -> tuple[Field, Filter] | None:
    """Returns the attribute that says a batch's size, and the filter of the spans that have it."""
    for name in SIZES:
        field = Field("attributes", name)
        sized = narrow(reader, case, Exists(field))
        if sized is not None:
            return field, sized
    return None


@dataclass(frozen=True, slots=True)
class _Group:
    """Spans of batches by size and step, and what they belong to; `counts`: (sizes, steps)."""

    where: tuple[tuple[Field, str], ...]
    sizes: Floats
    counts: Floats

    def read(self, *, each: bool) -> tuple[Floats, Floats]:
        """Returns batches and the requests in them by step.

        With `each` every request has a span with the size of the batch that it was in; else every
        batch has one span.
        """
        if each:
            return (self.counts / self.sizes[:, None]).sum(axis=0), self.counts.sum(axis=0)
        return self.counts.sum(axis=0), (self.counts * self.sizes[:, None]).sum(axis=0)


def _read_groups(
    reader: Reader, case: Case, frame: Frame, size: Field, sized: Filter
) -> list[_Group]:
    """Returns batches by service, and by service and each one field that divides them further."""
    profiles = reader.store.profile_fields(Signal.TRACES, sized, case.window, rows=3_000)
    fields = [
        field for field in choose_dimensions(profiles, 5) if field != Field("intrinsic", "name")
    ]
    cube = reader.store.read_cube(
        Signal.TRACES, sized, frame.span, step_ns=frame.step_ns, by=(SERVICE, size, *fields)
    )
    rows: dict[tuple[tuple[Field, str], ...], list[int]] = {}
    for row, (service, _, *values) in enumerate(cube.keys):
        own = ((SERVICE, service),)
        rows.setdefault(own, []).append(row)
        for field, value in zip(fields, values, strict=True):
            if value:
                rows.setdefault((*own, (field, value)), []).append(row)
    found: list[_Group] = []
    for where, members in sorted(rows.items(), key=lambda item: repr(item[0])):
        sizes = np.array([_number(cube.keys[row][1]) for row in members])
        used = np.isfinite(sizes) & (sizes > 0)
        found.append(_Group(where, sizes[used], cube.count[members][used]))
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _test(frame: Frame, group: _Group) -> Shrunk | None:
    """Returns how a group's batches changed, by the reading under which requests stay the same."""
    readings = [_read(frame, group, each=each) for each in (False, True)]
    known = [one for one in readings if one is not None]
    return min(known, key=lambda one: abs(math.log(max(one.requests, 1e-9))), default=None)


def _read(frame: Frame, group: _Group, *, each: bool) -> Shrunk | None:
    batches, requests = group.read(each=each)
    before, after = frame.tallies(batches, requests)
    if min(before.total, after.total) < _LEAST_BATCHES:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        for_each = np.where(requests > 0, batches / requests, np.nan)
    start = find_start(for_each, int(np.flatnonzero(frame.after)[0]))
    seconds = frame.before.sum(), frame.after.sum()
    usual = group.sizes[group.counts[:, frame.before].sum(axis=1) > 0]
    return Shrunk(
        where=group.where,
        change=compare_rates(before, after),
        began_ns=0 if start is None else frame.start_of(start),
        requests=(after.over / seconds[1]) / max(before.over / seconds[0], 1e-9),
        size=int(usual.max()) if len(usual) else 0,
        each=each,
    )


def _tell(
    reader: Reader,
    case: Case,
    read: tuple[Field, Filter],
    one: Shrunk,
    weight: tuple[float, bool],
) -> Finding:
    (size, sized), change = read, one.change
    book = Notebook(reader)
    where = join(sized, *(Compare(field, "=", value) for field, value in one.where))
    evidence = _cite(book, case, where, size)
    old, new = evidence[0].value, evidence[len(evidence) // 2].value
    waste = find_waste(reader, book, case, where, None if one.each else size)
    steady = 0.75 < one.requests < 1.33
    explained = None
    if waste.cost_ratio is not None and waste.cost_ratio > 1.1:
        explained = min(1.0, math.log(change.ratio) / math.log(waste.cost_ratio))
    named = {_name(field): value for field, value in one.where}
    path = ", ".join(value for field, value in one.where if field != SERVICE) or named["service"]
    told = "as many requests as before" if steady else f"{one.requests:.2g} times as many requests"
    sure = weight[1] or (steady and waste.replicas_ratio is not None and waste.replicas_ratio > 1.2)
    foreign = case.service and named["service"] != case.service
    confidence = believe(
        q=weight[0],
        timing=judge_time(case, one.began_ns),
        control=1.0 if sure else 0.75,
        explained=explained if case.symptom == "cost" else None,
    )
    small = join(where, Compare(size, "<=", max(1.0, new)))
    examples = reader.store.find_traces(small, case.window, limit=3, order="newest")
    return Finding(
        kind="configuration",
        subject={"batch_size": f"{new:.2g}", **named},
        statement=(
            f"Batches of {path} hold {say_number(new, 'requests')}, before {old:.3g}:"
            f" {change.ratio:.2g} times as many of them for {told}."
        ),
        effect=make_effect("requests per batch", "requests", old, new, _bounds(change, old)),
        explained=explained,
        confidence=round(confidence * (0.85 if foreign else 1.0), 3),
        onset_ns=one.began_ns,
        evidence=(*evidence, *waste.evidence),
        trace_ids=tuple(trace.trace_id for trace in examples),
        supports=waste.words,
        cause="batching",
        next_step=(
            f"Set batch_size={one.size} for {path} again; alert where the GPU is used below 0.3"
            " for 30 minutes while replicas are more than usual."
        ),
    )


def _name(field: Field) -> str:
    return "service" if field == SERVICE else format_field(field).removeprefix("attributes.")


def _bounds(change: Change, old: float) -> tuple[float, float]:
    """Returns the bounds of the change of the mean size, from those of its inverse's ratio."""
    return old / change.ratio_high - old, old / change.ratio_low - old


def _cite(book: Notebook, case: Case, where: Filter, size: Field) -> list[Evidence]:
    parts = (("before", case.baseline), ("since then", case.window))
    return [
        one
        for when, part in parts
        for one in (
            book.select(f"mean batch size {when}", "avg", size, where, part, unit="requests"),
            book.count(f"spans {when}", where, part),
            book.select(f"mean time of one {when}", "avg", DURATION, where, part),
        )
    ]


def find_waste(
    reader: Reader, book: Notebook, case: Case, where: Filter, size: Field | None
) -> Waste:
    """Returns utilisation, replicas and cost before and since, as far as metrics tell.

    Args:
        reader: what is read.
        book: where evidence is written down.
        case: the times that are compared.
        where: the spans of the batches.
        size: the attribute that says how many requests each has; None where each is of one.
    """
    names = list_metrics(reader, case)
    words: list[str] = []
    evidence: list[Evidence] = []
    busy = choose(reader, case, names, GPU_BUSY)
    if busy:
        pair = _both(book, case, "GPU utilisation", "avg", busy, "avg_over_time")
        scale = 100.0 if max(one.value for one in pair) > 1.5 else 1.0
        words.append(
            f"the GPUs are used {say_share(pair[1].value / scale)},"
            f" before {say_share(pair[0].value / scale)}"
        )
        evidence += pair
    replicas_ratio = None
    scaled = choose(reader, case, names, REPLICAS)
    if scaled:
        pair = _both(book, case, "replicas", "sum", scaled, "avg_over_time")
        replicas_ratio = pair[1].value / max(pair[0].value, 1e-9)
        if abs(replicas_ratio - 1) > 0.1:
            words.append(f"{pair[1].value:.0f} replicas run, before {pair[0].value:.0f}")
        evidence += pair
    cost_ratio = None
    spent = _spent(reader, book, case, names, (scaled, busy))
    if spent is not None:
        pair, currency = spent
        served = [
            book.select(
                f"requests in batches {when}",
                "sum" if size else "count",
                size,
                where,
                part,
                unit="requests",
            )
            for when, part in (("before", case.baseline), ("since then", case.window))
        ]
        for_each = [
            1000 * one.value / max(of.value, 1.0) for one, of in zip(pair, served, strict=True)
        ]
        cost_ratio = for_each[1] / max(for_each[0], 1e-12)
        words.append(
            f"1,000 predictions cost {for_each[1]:.3g} {currency}, before {for_each[0]:.3g}"
        )
        evidence += [*pair, *served]
    return Waste(tuple(words), tuple(evidence), cost_ratio or replicas_ratio, replicas_ratio)


def _spent(
    reader: Reader,
    book: Notebook,
    case: Case,
    names: Sequence[str],
    counted: tuple[Meter | None, Meter | None],
) -> tuple[list[Evidence], str] | None:
    """Returns the money before and since, and its currency: as a metric counts it, else by price.

    `counted` are what tells of replicas and of GPUs; only the service's own have its price.
    """
    if paid := choose(reader, case, names, COST):
        title = f"{paid.name} in the time"
        return _both(book, case, title, "sum", paid, "increase"), _currency(paid.name)
    replicas, busy = (one if one is not None and one.where else None for one in counted)
    price, pair = price_of(reader.costs, case.service), list[Evidence]()
    for when, part in (("before", case.baseline), ("since then", case.window)):
        query = spending(
            price,
            f"sum({replicas.over('avg_over_time', part)})" if replicas else "",
            count_gpus(busy.selector, f"{part.duration_ns // 10**6}ms") if busy else "",
            hours_of(part),
        )
        if not query:
            return None
        currency = reader.costs.currency
        pair.append(book.ask(f"spent {when}", "promql", query, part, unit=currency))
    return pair, reader.costs.currency


def _currency(name: str) -> str:
    return next((code for code in ("USD", "EUR", "GBP") if code.lower() in name), "units")


def _both(
    book: Notebook, case: Case, title: str, outer: str, meter: Meter, function: str
) -> list[Evidence]:
    """Returns a metric in the baseline and in the window, as one number each."""
    return [
        book.ask(
            f"{title} {when}", "promql", f"{outer}({meter.over(function, part)})", part, unit=""
        )
        for when, part in (("before", case.baseline), ("since then", case.window))
    ]

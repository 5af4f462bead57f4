"""Whom it hurts: the part of the traffic that got worse, by all attributes that say where from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vario.investigate.attribution import Attribution, Slice, attribute
from vario.investigate.leaves import LeafTable
from vario.investigate.reader import Reader
from vario.investigate.roles import choose_dimensions
from vario.investigate.timeline import Sign, Timeline
from vario.model.filter import And, Compare, Field, Filter, Not
from vario.model.telemetry import Signal
from vario.query.filter_text import format_field
from vario.store.base import Cube

PROFILE_ROWS = 20_000
MOST_LEAVES = 4_000
MOST_REQUESTS = 400_000
"""Requests whose attributes are read; of more, a part of each step's time is."""
MIN_SHARE = 0.5
"""A slice with a smaller share of the damage is not whom it hurts, but one part of it."""


ERROR_FLOOR = 0.005
LEAST_PLACEBOS = 10
CLEAR_Z = 6.0
"""Standard deviations of counting noise from which a slice is named without placebo windows."""
LEAST_BEFORE = 20
"""Requests before the onset below which a value counts as new."""


@dataclass(frozen=True, slots=True)
class Where:
    """Whom it hurts.

    Attributes:
        attribution: what the scan said.
        scope: names of fields and values of the strongest slice; empty where it is everybody.
        earlier: the part of `scope` that had requests before: a release's version had none.
        slice: the scan's words for it; None where it is everybody.
        dimensions: fields by the names that `scope` uses.
    """

    attribution: Attribution
    scope: Mapping[str, str]
    earlier: Mapping[str, str]
    slice: Slice | None
    dimensions: Mapping[str, Field]


def find_where(reader: Reader, requests: Filter, timeline: Timeline, sign: Sign) -> Where | None:
    """Returns whom it hurts, None where there is nothing to cut the traffic by."""
    profiles = reader.store.profile_fields(
        Signal.TRACES, requests, timeline.history, rows=PROFILE_ROWS
    )
    fields = choose_dimensions(profiles)
    if not fields:
        return None
    cube = reader.store.read_cube(
        Signal.TRACES,
        requests,
        timeline.history,
        step_ns=timeline.step_ns,
        by=fields,
        slow_ns=timeline.slow_ns,
        limit=MOST_LEAVES,
        share=share_read(timeline),
    )
    return cut(cube, fields, sign)


def share_read(timeline: Timeline) -> float:
    """Returns the share of the requests that are cut by their attributes: all of not too many."""
    return min(1.0, max(MOST_REQUESTS / max(float(timeline.count.sum()), 1.0), 0.02))


def cut(cube: Cube, fields: Sequence[Field], sign: Sign) -> Where:
    """Returns whom it hurts, by a cube over some fields."""
    names = [format_field(field) for field in fields]
    table = make_table(cube, names, sign)
    before, after = columns_of(sign, table.total.shape[1])
    found = _without_floor(attribute(table, before, after), sign)
    best = found.causes[0] if found.causes else _clear(found)
    scope = dict(best.where) if best is not None and best.share >= MIN_SHARE else {}
    return Where(
        attribution=found,
        scope=scope,
        earlier={n: v for n, v in scope.items() if _was_there(table, before, n, v)},
        slice=best if scope else None,
        dimensions=dict(zip(names, fields, strict=True)),
    )


def _clear(found: Attribution) -> Slice | None:
    """Returns the best candidate where too little is known of the past for placebo windows."""
    if found.placebos >= LEAST_PLACEBOS - 1 or not found.candidates:
        return None
    best = found.candidates[0]
    return best if best.z >= CLEAR_Z and best.share >= 0.6 else None


def _floor(sign: Sign) -> float:
    """Returns a rate that is added to every leaf, before and since.

    Where a dozen errors make up the whole baseline, leaves without any would else seem to have
    risen beyond measure, and the scan would name them instead of the slice that they lie in.
    """
    return ERROR_FLOOR if sign.symptom == "errors" else 0.0


def _without_floor(found: Attribution, sign: Sign) -> Attribution:
    """Returns the same with rates as they were."""
    floor = _floor(sign)

    def lower(part: Slice) -> Slice:
        return replace(
            part,
            before=part.before - floor,
            after=part.after - floor,
            expected=part.expected - floor * part.requests_after,
            observed=part.observed - floor * part.requests_after,
        )

    change = replace(
        found.change, before=found.change.before - floor, after=found.change.after - floor
    )
    return replace(
        found,
        change=change,
        causes=tuple(lower(one) for one in found.causes),
        candidates=tuple(lower(one) for one in found.candidates),
    )


def _was_there(table: LeafTable, before: np.ndarray, name: str, value: str) -> bool:
    dim = table.dims.index(name)
    rows = table.codes[:, dim] == table.values[dim].index(value)
    return float(table.total[rows][:, before].sum()) >= LEAST_BEFORE


def columns_of(sign: Sign, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the steps before the onset and those since, without those that may be either."""
    onset = sign.onset
    first = min(onset.high + 1, max(onset.start, onset.end - 2))
    before = np.arange(0, max(onset.low, 1), dtype=np.int64)
    after = np.arange(first, min(onset.end, steps), dtype=np.int64)
    # Placebo windows are as long as the one that is asked about: of an incident that has lasted
    # longer than the past is known, only so many steps are looked at, spread over all of it.
    most = max(2, len(before) - LEAST_PLACEBOS)
    if len(after) > most:
        after = after[np.linspace(0, len(after) - 1, most).round().astype(np.int64)]
    return before, after


def make_table(cube: Cube, names: Sequence[str], sign: Sign) -> LeafTable:
    """Returns a cube as a table of leaves: bad requests of all of them."""
    values: list[tuple[str, ...]] = []
    codes = np.zeros((len(cube.keys), len(names)), dtype=np.int64)
    for dim in range(len(names)):
        column = [key[dim] for key in cube.keys]
        known = tuple(sorted(set(column)))
        values.append(known)
        place = {value: at for at, value in enumerate(known)}
        codes[:, dim] = [place[value] for value in column]
    return LeafTable(
        dims=tuple(names),
        values=tuple(values),
        codes=codes,
        amount=(cube.errors if sign.symptom == "errors" else cube.slow) + _floor(sign) * cube.count,
        total=cube.count,
        measure="ratio",
    )


def scope_filter(scope: Mapping[str, str], fields: Mapping[str, Field]) -> Filter:
    """Returns the condition that a request lies in a scope."""
    return And(tuple(Compare(fields[name], "=", value) for name, value in sorted(scope.items())))


def join(*filters: Filter) -> Filter:
    """Returns the condition that all hold, flat, so that its text can be read."""
    parts: list[Filter] = []
    for one in filters:
        parts.extend(one.operands if isinstance(one, And) else (one,))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def outside(requests: Filter, scope: Filter) -> Filter:
    """Returns the condition that a request lies outside a scope."""
    inner = scope.operands[0] if isinstance(scope, And) and len(scope.operands) == 1 else scope
    return join(requests, Not(inner))

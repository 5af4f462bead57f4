"""Where requests spend their time: exclusive time on the critical path, by operation.

The critical path of a request goes back from its end: through the child that ended last, then from
that child's start on through the child that ended last before it. What no child covers is the
span's own. Exclusive times of a request add up to its duration, so that the change of their means
adds up to the change of the mean duration, and says where it went.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vario.store.base import SpanTable

Floats = NDArray[np.float64]
Operation = tuple[str, str]
"""`service.name` and the span's name."""


@dataclass(frozen=True, slots=True)
class Step:
    """An operation within one request.

    Attributes:
        exclusive_s: time on the critical path that is its own.
        inclusive_s: time on the critical path, children included.
        calls: how often it was called, on the critical path or off it.
        parent: the operation that called it first, None for the request itself.
        attributes: of its first call.
        failed: calls that failed while none of the calls below them did.
        kind: of its first call.
    """

    exclusive_s: float
    inclusive_s: float
    calls: int
    parent: Operation | None
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    failed: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class RequestPath:
    """One request as its service saw it."""

    trace_id: str
    start_ns: int
    duration_s: float
    error: bool
    entry: Operation
    steps: dict[Operation, Step]


@dataclass(slots=True)
class _Sum:
    exclusive_ns: int = 0
    inclusive_ns: int = 0
    calls: int = 0
    failed: int = 0
    first: int = -1
    parent: Operation | None = None


def read_paths(table: SpanTable, service: str) -> list[RequestPath]:
    """Returns the requests that a service answered within some traces, in order of the table."""
    bounds = np.flatnonzero(np.diff(table.trace, prepend=-1, append=-1))
    found: list[RequestPath] = []
    for first, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        found.extend(_of_trace(table, range(first, end), service))
    return found


def _of_trace(table: SpanTable, rows: Sequence[int], service: str) -> list[RequestPath]:
    place = {table.span_id[row]: row for row in rows}
    children: dict[int, list[int]] = {}
    for row in rows:
        parent = place.get(table.parent_id[row])
        if parent is not None and parent != row:
            children.setdefault(parent, []).append(row)
    return [
        _walk(table, row, children)
        for row in rows
        if table.service[row] == service
        and (table.kind[row] in ("Server", "Consumer") or not table.parent_id[row])
    ]


def _walk(table: SpanTable, entry: int, children: dict[int, list[int]]) -> RequestPath:
    """Returns the path of the request whose entry span is at a row."""
    start_ns = int(table.start_ns[entry])
    end_ns = start_ns + int(table.duration_ns[entry])
    sums: dict[Operation, _Sum] = {}
    _count(table, entry, children, sums)
    # (row, from, to) of spans whose part of the critical path is still to be divided.
    left = [(entry, start_ns, end_ns)]
    seen = 0
    while left and seen < 100_000:
        seen += 1
        row, low_ns, high_ns = left.pop()
        own = sums[table.service[row], table.name[row]]
        own.inclusive_ns += high_ns - low_ns
        cursor_ns = high_ns
        for child in sorted(children.get(row, ()), key=lambda one: -_end(table, one)):
            child_end = min(_end(table, child), cursor_ns)
            child_start = max(int(table.start_ns[child]), low_ns)
            if child_end <= child_start:
                continue
            own.exclusive_ns += cursor_ns - child_end
            left.append((child, child_start, child_end))
            cursor_ns = child_start
        own.exclusive_ns += max(0, cursor_ns - low_ns)
    steps = {
        operation: Step(
            exclusive_s=one.exclusive_ns / 1e9,
            inclusive_s=one.inclusive_ns / 1e9,
            calls=one.calls,
            parent=one.parent,
            attributes=dict(table.attributes[one.first]),
            failed=one.failed,
            kind=table.kind[one.first],
        )
        for operation, one in sums.items()
    }
    return RequestPath(
        trace_id=table.trace_ids[int(table.trace[entry])],
        start_ns=start_ns,
        duration_s=int(table.duration_ns[entry]) / 1e9,
        error=bool(table.error[entry]),
        entry=(table.service[entry], table.name[entry]),
        steps=steps,
    )


def _count(
    table: SpanTable, entry: int, children: dict[int, list[int]], sums: dict[Operation, _Sum]
) -> None:
    """Counts the calls of each operation below an entry span, and where failures begin."""
    left: list[tuple[int, Operation | None]] = [(entry, None)]
    while left:
        row, parent = left.pop()
        operation = (table.service[row], table.name[row])
        own = sums.setdefault(operation, _Sum())
        own.calls += 1
        if own.first < 0:
            own.first, own.parent = row, parent
        below = children.get(row, ())
        if table.error[row] and not any(table.error[one] for one in below):
            own.failed += 1
        left.extend((one, operation) for one in reversed(below))


def _end(table: SpanTable, row: int) -> int:
    return int(table.start_ns[row]) + int(table.duration_ns[row])


@dataclass(frozen=True, slots=True)
class Moved:
    """How an operation changed between two samples of requests; means over all requests.

    Attributes:
        operation: which.
        before_s: exclusive time a request; `after_s` likewise.
        share: of the change of the requests' mean duration, with 95 % bounds.
        calls_before: calls a request; `calls_after` likewise.
        inclusive_before_s: with what it calls; `inclusive_after_s` likewise.
        failed_before: failures that began in it, a request; `failed_after` likewise.
        parent: the operation that calls it, None for the request itself.
        kind: of its spans.
    """

    operation: Operation
    before_s: float
    after_s: float
    share: float
    share_low: float
    share_high: float
    calls_before: float
    calls_after: float
    inclusive_before_s: float
    inclusive_after_s: float
    failed_before: float
    failed_after: float
    parent: Operation | None
    kind: str

    @property
    def inclusive_delta_s(self) -> float:
        """Returns how much longer a request spends in it and below it."""
        return self.inclusive_after_s - self.inclusive_before_s


def compare_paths(before: Sequence[RequestPath], after: Sequence[RequestPath]) -> list[Moved]:
    """Returns how every operation changed, the one with the largest share first.

    Shares add up to 1 over all operations, where the mean duration changed at all.
    """
    if not before or not after:
        return []
    change_s = _mean([one.duration_s for one in after]) - _mean([one.duration_s for one in before])
    operations = sorted({o for path in (*before, *after) for o in path.steps})
    found = [_compare(operation, before, after, change_s) for operation in operations]
    return sorted(found, key=lambda one: -one.share)


def _compare(
    operation: Operation,
    before: Sequence[RequestPath],
    after: Sequence[RequestPath],
    change_s: float,
) -> Moved:
    old = [path.steps.get(operation) for path in before]
    new = [path.steps.get(operation) for path in after]
    own_old = np.array([one.exclusive_s if one else 0.0 for one in old])
    own_new = np.array([one.exclusive_s if one else 0.0 for one in new])
    delta_s = float(own_new.mean() - own_old.mean())
    spread_s = 1.96 * float(np.sqrt(own_old.var() / len(old) + own_new.var() / len(new)))
    scale = change_s if abs(change_s) > 1e-9 else float("inf")
    shares = sorted(((delta_s - spread_s) / scale, (delta_s + spread_s) / scale))
    first = next(one for one in (*new, *old) if one is not None)
    return Moved(
        operation=operation,
        before_s=float(own_old.mean()),
        after_s=float(own_new.mean()),
        share=delta_s / scale,
        share_low=shares[0],
        share_high=shares[1],
        calls_before=_mean([one.calls if one else 0 for one in old]),
        calls_after=_mean([one.calls if one else 0 for one in new]),
        inclusive_before_s=_mean([one.inclusive_s if one else 0.0 for one in old]),
        inclusive_after_s=_mean([one.inclusive_s if one else 0.0 for one in new]),
        failed_before=_mean([one.failed if one else 0 for one in old]),
        failed_after=_mean([one.failed if one else 0 for one in new]),
        parent=first.parent,
        kind=first.kind,
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0

"""What a request of a service is made of, and who stands around it: from sampled traces."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from vario.investigate.paths import Operation, read_paths
from vario.store.base import SpanTable


@dataclass(frozen=True, slots=True)
class Part:
    """An operation on the way of a request.

    Attributes:
        service: who does it.
        span: its name.
        self_s: its own time on the critical path of a request, on average over all requests.
        share: of the requests' duration, 0 to 1; those of all parts add up to 1.
        calls: how often a request calls it.
        failed: share of the requests in which it failed by itself.
    """

    service: str
    span: str
    self_s: float
    share: float
    calls: float
    failed: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A service that calls, or is called.

    Attributes:
        service: its name.
        calls: calls for each request of the service in the middle.
        mean_s: how long a call takes, on average.
        failed: share of the calls that failed.
    """

    service: str
    calls: float
    mean_s: float
    failed: float


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Parts by their own time, callers and called services by how often; over some requests."""

    requests: int
    mean_s: float
    parts: tuple[Part, ...]
    callers: tuple[Neighbour, ...]
    called: tuple[Neighbour, ...]


def break_down(table: SpanTable, service: str) -> Breakdown:
    """Returns where the requests of a service in some traces spent their time."""
    requests = read_paths(table, service)
    count = len(requests)
    if not count:
        return Breakdown(0, 0.0, (), (), ())
    total_s = sum(request.duration_s for request in requests)
    own: defaultdict[Operation, float] = defaultdict(float)
    calls: Counter[Operation] = Counter()
    failed: Counter[Operation] = Counter()
    for request in requests:
        for operation, step in request.steps.items():
            own[operation] += step.exclusive_s
            calls[operation] += step.calls
            failed[operation] += step.failed > 0
    parts = [
        Part(
            *operation,
            self_s=own[operation] / count,
            share=own[operation] / total_s if total_s else 0.0,
            calls=calls[operation] / count,
            failed=failed[operation] / count,
        )
        for operation in own
    ]
    callers, called = _neighbours(table, service)
    return Breakdown(
        requests=count,
        mean_s=total_s / count,
        parts=tuple(sorted(parts, key=lambda part: (-part.self_s, part.service, part.span))),
        callers=_show(callers, count),
        called=_show(called, count),
    )


@dataclass(slots=True)
class _Calls:
    count: int = 0
    duration_s: float = 0.0
    failed: int = 0

    def add(self, table: SpanTable, row: int) -> None:
        self.count += 1
        self.duration_s += float(table.duration_ns[row]) / 1e9
        self.failed += bool(table.error[row])


def _neighbours(table: SpanTable, service: str) -> tuple[dict[str, _Calls], dict[str, _Calls]]:
    """Returns the calls into the service by who makes them, and out of it by who answers."""
    place = {(int(table.trace[row]), span_id): row for row, span_id in enumerate(table.span_id)}
    callers: defaultdict[str, _Calls] = defaultdict(_Calls)
    called: defaultdict[str, _Calls] = defaultdict(_Calls)
    for row, parent_id in enumerate(table.parent_id):
        parent = place.get((int(table.trace[row]), parent_id))
        if parent is None or table.service[parent] == table.service[row]:
            continue
        if table.service[row] == service:
            callers[table.service[parent]].add(table, row)
        elif table.service[parent] == service:
            called[table.service[row]].add(table, row)
    return callers, called


def _show(calls: dict[str, _Calls], requests: int) -> tuple[Neighbour, ...]:
    found = [
        Neighbour(name, one.count / requests, one.duration_s / one.count, one.failed / one.count)
        for name, one in calls.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.calls, one.service)))

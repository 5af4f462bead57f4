"""Which operations have spans of a kind: a look at a few moments instead of a read of everything.

The table of spans is ordered by service and name, so that a filter with both reads those spans
alone: of ten million spans a tenth, where an attribute would have to be read of each.
"""

from vario.investigate.case import Case
from vario.investigate.frame import join
from vario.investigate.reader import Reader
from vario.model.filter import MATCH_ALL, And, Compare, Field, Filter, Or
from vario.model.telemetry import Signal, TimeRange

LOOKED_AT = 150_000
"""Spans that are looked at, in three moments together."""
MOST_OPERATIONS = 16
_SERVICE, _NAME = Field("intrinsic", "service.name"), Field("intrinsic", "name")
_LEAST_NS = 20 * 10**9


def narrow(reader: Reader, case: Case, where: Filter) -> Filter | None:
    """Returns `where` limited to the operations that have such spans, None where there are none.

    Args:
        reader: what is read.
        case: its baseline and window say which moments are looked at.
        where: the spans that are meant.
    """
    found: set[tuple[str, str]] = set()
    for moment in _moments(reader, case):
        cube = reader.store.read_cube(
            Signal.TRACES, where, moment, step_ns=max(1, moment.duration_ns), by=(_SERVICE, _NAME)
        )
        found.update((service, name) for service, name in cube.keys)
    if not found:
        return None
    if len(found) > MOST_OPERATIONS:
        return where
    operations: list[Filter] = [
        And((Compare(_SERVICE, "=", service), Compare(_NAME, "=", name)))
        for service, name in sorted(found)
    ]
    return join(operations[0] if len(operations) == 1 else Or(tuple(operations)), where)


def _moments(reader: Reader, case: Case) -> list[TimeRange]:
    """Returns the start and the end of the baseline, and the end of the window; all, of little."""
    total = reader.store.count_spans(MATCH_ALL, case.history)
    if total <= LOOKED_AT:
        return [case.history]
    length_ns = max(_LEAST_NS, case.history.duration_ns * LOOKED_AT // total // 3)
    before, after = case.baseline, case.window
    return [
        TimeRange(before.start_ns, min(before.start_ns + length_ns, before.end_ns)),
        TimeRange(max(before.end_ns - length_ns, before.start_ns), before.end_ns),
        TimeRange(max(after.end_ns - length_ns, after.start_ns), after.end_ns),
    ]

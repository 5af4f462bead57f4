"""What spent an SLO's budget, by the values of a label and by time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vario.errors import BadData
from vario.model.series import Matcher
from vario.query.promql.engine import PromQL
from vario.slo.model import Slo
from vario.slo.promql import BY
from vario.slo.status import count_events, find_steps, lived_share
from vario.store.base import MetricReader

Floats = NDArray[np.float64]

LABELS = (
    *("region", "user_region", "zone", "model_version", "version", "model_name", "endpoint"),
    *("operation", "route", "method", "instance"),
)
"""Labels by which people ask, in this order; `find_choices` keeps those that there are."""
COLUMNS = 60
"""More steps than this are added up: one cannot tell more apart on a screen."""
ROWS = 8
"""Values beyond these are added up."""
OTHERS = "all others"


@dataclass(frozen=True, slots=True)
class SpentBy:
    """One value of the label: its events, its share of the whole budget, and that of each step."""

    value: str
    bad: float
    total: float
    spent: float
    cells: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Spent:
    """What spent the budget.

    Attributes:
        by: the label, empty for everything together.
        choices: labels that can be asked for.
        start_s: when the first step begins: the one that was measured first.
        step_s: length of a step.
        rows: by value, the most spent first; a cell is None where nothing was measured.
    """

    by: str
    choices: tuple[str, ...]
    start_s: int
    step_s: int
    rows: tuple[SpentBy, ...]


def find_choices(store: MetricReader, slo: Slo, start_s: float, now_s: int) -> tuple[str, ...]:
    """Returns the labels by which an SLO's events can be told apart.

    Raises:
        VarioError: the store cannot be read.
    """
    own = tuple(dict.fromkeys((*slo.by, *((slo.breakdown,) if slo.breakdown else ()))))
    if slo.is_recorded or BY not in slo.sli.bad or not slo.sli.metrics:
        return slo.by or own
    start_ms, end_ms = int(start_s * 1000), now_s * 1000
    names = [
        set(store.find_label_names([[Matcher("__name__", "=", metric)]], start_ms, end_ms))
        for metric in slo.sli.metrics
    ]
    known = set[str].intersection(*names)
    return tuple(dict.fromkeys((*own, *(label for label in LABELS if label in known))))


def find_spent(
    store: MetricReader, slo: Slo, now_s: int, by: str | None = None, *, interval_s: int = 30
) -> Spent:
    """Returns what spent an SLO's budget by the values of a label.

    Args:
        store: what was measured and recorded.
        slo: the SLO.
        now_s: the time, in seconds since the epoch.
        by: a label; the first that there is where None; empty for everything together.
        interval_s: how often what it records is evaluated.

    Raises:
        BadData: its events cannot be told apart by this label.
        VarioError: the store cannot be read.
    """
    start_s = slo.period.start_s(now_s)
    choices = find_choices(store, slo, start_s, now_s)
    label = by if by is not None else next(iter(choices), "")
    if label and label not in choices:
        told = ", ".join(choices) or "none"
        raise BadData(f'by: the events of "{slo.name}" have no label {label!r}; there is: {told}')
    times, step_s = find_steps(start_s, now_s)
    if slo.sli.mode == "unsupported":
        return Spent(label, choices, now_s, step_s, ())
    split = None if slo.is_recorded or BY not in slo.sli.bad else (label,) if label else ()
    counts = count_events(PromQL(store), slo, times, step_s, interval_s, split)
    measured = counts.total.sum(axis=0) > 0
    if not measured.any():
        return Spent(label, choices, now_s, step_s, ())
    lived = lived_share(slo, now_s, times, step_s, measured)
    whole = float(counts.total.sum()) * slo.budget / lived
    first = int(np.argmax(measured))
    joined = -(-(len(times) - first) // COLUMNS)
    values = [dict(labels).get(label, "") if label else "" for labels in counts.labels]
    rows = [
        _row(value, counts.bad[own], counts.total[own], whole, first, joined)
        for value in sorted(set(values))
        for own in [np.array([one == value for one in values])]
    ]
    rows.sort(key=lambda row: (-row.bad, row.value))
    if len(rows) > ROWS:
        rest = {row.value for row in rows[ROWS - 1 :]}
        own = np.array([one in rest for one in values])
        others = _row(OTHERS, counts.bad[own], counts.total[own], whole, first, joined)
        rows = [*rows[: ROWS - 1], others]
    columns = -(-(len(times) - first) // joined)
    return Spent(label, choices, now_s - columns * joined * step_s, joined * step_s, tuple(rows))


def _row(value: str, bad: Floats, total: Floats, whole: float, first: int, joined: int) -> SpentBy:
    """Returns one row, its steps added up by `joined`, the last of which ends now."""
    bads, totals = (_join(one.sum(axis=0)[first:], joined) for one in (bad, total))
    cells = tuple(
        float(spent) if seen > 0 else None
        for spent, seen in zip((bads / whole).tolist(), totals.tolist(), strict=True)
    )
    spent = float(bads.sum())
    return SpentBy(value, spent, float(totals.sum()), spent / whole, cells)


def _join(steps: Floats, joined: int) -> Floats:
    """Returns sums of `joined` steps each, counted from the last."""
    missing = -len(steps) % joined
    return np.concatenate((np.zeros(missing), steps)).reshape(-1, joined).sum(axis=1)

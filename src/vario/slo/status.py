"""Where an SLO stands at a time: what is left, how fast it burns, what spent it, what was measured.

A function of a reader, an SLO and a time: any moment of the past gives what it gave then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vario.errors import VarioError
from vario.model.series import Labels
from vario.query.promql.engine import PromQL
from vario.query.promql.matching import LabelSet, label_set
from vario.slo.fields import duration_s
from vario.slo.model import Slo
from vario.slo.promql import BY, render
from vario.slo.windows import BurnWindow

Floats = NDArray[np.float64]
State = Literal["ok", "burning", "exhausted", "unmeasured"]

HOUR_S = 3600
TOP_SPENDERS = 20


@dataclass(frozen=True, slots=True)
class BurnRate:
    """An alert's windows now: how fast they burn, None where they are not measured."""

    window: BurnWindow
    long: float | None
    short: float | None

    @property
    def is_burning(self) -> bool:
        """Whether both windows are over the factor."""
        factor = self.window.factor
        return bool(self.long and self.short and self.long > factor and self.short > factor)


@dataclass(frozen=True, slots=True)
class Spender:
    """A group, in an hour, and the share of the whole budget that it spent."""

    labels: Labels
    start_s: int
    bad: float
    total: float
    spent: float


@dataclass(frozen=True, slots=True)
class Group:
    """One group of an SLO that is kept apart by labels; its share of bad events, what is left."""

    labels: Labels
    bad: float
    total: float
    left: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """Where an SLO stands.

    Attributes:
        state: the worst that holds of its groups.
        left: share of the budget that is left, of the group with the least; below 0 where more
            was spent than there was; None where nothing was measured.
        bad: bad events in the period so far; `total` all of them.
        coverage: share of the period (of its business hours) in which anything was measured.
        is_fresh: whether it is measured now.
        start_s: when the period began; `now_s` when it was looked at.
        times_s: ends of the steps of the burn-down, shape (n,), ascending.
        burn_down: what was left at each, shape (n,), NaN before the first measurement.
        burns: the alerts' windows.
        groups: those that are kept apart; one without labels else.
        spenders: what spent most of the budget, by group (or breakdown) and hour.
        faults: why something could not be measured.
    """

    slo: Slo
    state: State
    left: float | None
    bad: float
    total: float
    coverage: float
    is_fresh: bool
    start_s: float
    now_s: float
    times_s: NDArray[np.int64]
    burn_down: Floats
    burns: tuple[BurnRate, ...] = ()
    groups: tuple[Group, ...] = ()
    spenders: tuple[Spender, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Bad and all events of each group at each step: shape (groups, steps)."""

    labels: tuple[LabelSet, ...]
    bad: Floats
    total: Floats


Rates = Mapping[str, Mapping[int, float]]
"""By SLO: the share of bad events in each window (seconds), of the group with the most."""


def find_rates(promql: PromQL, now_s: int) -> Rates:
    """Returns what the rules of all SLOs recorded last of their windows."""
    query = 'max by (slo, window) ({__name__=~"slo:sli_error:ratio_rate.+"})'
    rates: dict[str, dict[int, float]] = {}
    for series in promql.instant(query, now_s * 1000).series:
        labels = dict(series.labels)
        if labels.get("slo") and labels.get("window"):
            own = rates.setdefault(labels["slo"], {})
            own[duration_s(labels["window"])] = float(series.values[-1])
    return rates


def evaluate_status(
    promql: PromQL, slo: Slo, now_s: int, rates: Rates, *, interval_s: int = 30
) -> Status:
    """Returns where an SLO stands.

    Args:
        promql: over what was measured, and what the SLO's rules recorded.
        slo: the SLO.
        now_s: the time, in seconds since the epoch.
        rates: what `find_rates` found at that time.
        interval_s: how often its rules are evaluated.
    """
    start_s = slo.period.start_s(now_s)
    times, step_s = find_steps(start_s, now_s)
    count = len(times)
    faults: list[str] = []
    counts = Counts((), np.zeros((0, count)), np.zeros((0, count)))
    burns: tuple[BurnRate, ...] = ()
    if slo.sli.mode == "unsupported":
        faults.append(slo.sli.reason)
    else:
        try:
            counts = count_events(promql, slo, times, step_s, interval_s)
            burns = _burn_rates(slo, rates.get(slo.name, {}))
        except VarioError as error:
            faults.append(str(error))
    measured = counts.total.sum(axis=0) > 0
    lived = lived_share(slo, now_s, times, step_s, measured)
    groups = _groups(slo, counts, lived)
    lefts = [group.left for group in groups if group.left is not None]
    left = min(lefts, default=None)
    is_fresh = any(burn.short is not None for burn in burns)
    return Status(
        slo,
        _state(left, burns, is_measured=bool(measured.any())),
        left,
        float(counts.bad.sum()),
        float(counts.total.sum()),
        _coverage(slo, times, step_s, measured),
        is_fresh,
        start_s,
        now_s,
        times,
        _burn_down(slo, counts, lived),
        burns,
        groups,
        _spenders(slo, counts, times, step_s, lived),
        tuple(faults),
    )


def find_steps(start_s: float, now_s: int) -> tuple[NDArray[np.int64], int]:
    """Returns the ends of a period's steps, ascending and up to now, and their length."""
    step_s = HOUR_S if now_s - start_s > 2 * 86_400 else 300
    count = max(1, int((now_s - start_s) // step_s))
    return now_s - step_s * np.arange(count - 1, -1, -1, dtype=np.int64), step_s


def _state(left: float | None, burns: Sequence[BurnRate], *, is_measured: bool) -> State:
    if left is None or not is_measured:
        return "unmeasured"
    if any(burn.is_burning for burn in burns):
        return "burning"
    return "exhausted" if left <= 0 else "ok"


def count_events(
    promql: PromQL,
    slo: Slo,
    times: NDArray[np.int64],
    step_s: int,
    interval_s: int,
    by: tuple[str, ...] | None = None,
) -> Counts:
    """Returns the events of every step, from what was measured, or from what was recorded.

    Args:
        promql: over what was measured.
        slo: the SLO.
        times: ends of the steps, in seconds since the epoch.
        step_s: their length.
        interval_s: how often what it records is evaluated.
        by: labels to split by; its own where None, and always where it is recorded.
    """
    if by is None:
        by = slo.by or ((slo.breakdown,) if slo.breakdown and BY in slo.sli.bad else ())
    if slo.is_recorded:
        exprs = [
            f'sum without (period) (sum_over_time(slo:sli_{kind}:rate5m{{slo="{slo.name}"}}'
            f"[{step_s}s])) * {interval_s}"
            for kind in ("bad", "total")
        ]
    else:
        bad = render(slo.sli.bad, step_s, by)
        total = render(slo.sli.total, step_s, by) if slo.sli.total else f"({bad}) * 0 + 1"
        exprs = [f"({expr}) * {step_s}" for expr in (bad, total)]
    found = [_range(promql, expr, times, step_s) for expr in exprs]
    labels = tuple(sorted({*found[0], *found[1]}))
    zeros = np.zeros(len(times))
    bad, total = (
        np.array([one.get(key, zeros) for key in labels]).reshape(len(labels), len(times))
        for one in found
    )
    return Counts(labels, np.minimum(bad, total), total)


def _range(
    promql: PromQL, expr: str, times: NDArray[np.int64], step_s: int
) -> dict[LabelSet, Floats]:
    """Returns an expression's values at the steps by group, 0 where there is none."""
    first_ms = int(times[0]) * 1000
    result = promql.range(expr, first_ms, int(times[-1]) * 1000, step_s * 1000)
    found: dict[LabelSet, Floats] = {}
    for series in result.series:
        own = {"__name__", "slo", "service"}
        key = label_set({k: v for k, v in series.labels if k not in own})
        values = np.zeros(len(times))
        values[(series.ts_ms - first_ms) // (step_s * 1000)] = np.nan_to_num(series.values)
        found[key] = np.maximum(values, 0.0)
    return found


def lived_share(
    slo: Slo, now_s: int, times: NDArray[np.int64], step_s: int, measured: NDArray[np.bool_]
) -> float:
    """Returns the share of the period since its first measurement, at most 1.

    The budget is that of a whole period at this traffic; see `rules.py`.
    """
    if not measured.any():
        return 1.0
    first_s = int(times[int(np.argmax(measured))]) - step_s
    return min(1.0, (now_s - first_s) / slo.period.nominal_s)


def _groups(slo: Slo, counts: Counts, lived: float) -> tuple[Group, ...]:
    """Returns the groups that are kept apart; a breakdown's are added up."""
    if not slo.by:
        bad, total = float(counts.bad.sum()), float(counts.total.sum())
        return (Group({}, bad, total, _left(slo, bad, total, lived)),)
    sums = zip(counts.labels, counts.bad.sum(axis=1), counts.total.sum(axis=1), strict=True)
    return tuple(
        Group(dict(labels), float(bad), float(total), _left(slo, float(bad), float(total), lived))
        for labels, bad, total in sums
    )


def _left(slo: Slo, bad: float, total: float, lived: float) -> float | None:
    return 1 - bad / total / slo.budget * lived if total > 0 else None


def _burn_down(slo: Slo, counts: Counts, lived: float) -> Floats:
    """Returns what was left at each step of the budget that there is now."""
    bad = np.cumsum(counts.bad.sum(axis=0))
    total = np.cumsum(counts.total.sum(axis=0))
    whole = total[-1] if len(total) else 0.0
    left = np.full(len(total), np.nan)
    if whole > 0:
        left[total > 0] = (1 - bad / (whole * slo.budget) * lived)[total > 0]
    return left


def _spenders(
    slo: Slo, counts: Counts, times: NDArray[np.int64], step_s: int, lived: float
) -> tuple[Spender, ...]:
    whole = counts.total.sum() * slo.budget / lived
    if whole <= 0:
        return ()
    order = np.argsort(counts.bad, axis=None, kind="stable")[::-1][:TOP_SPENDERS]
    rows, columns = np.unravel_index(order, counts.bad.shape)
    return tuple(
        Spender(
            dict(counts.labels[row]),
            int(times[column]) - step_s,
            float(counts.bad[row, column]),
            float(counts.total[row, column]),
            float(counts.bad[row, column] / whole),
        )
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if counts.bad[row, column] > 0
    )


def _coverage(
    slo: Slo, times: NDArray[np.int64], step_s: int, measured: NDArray[np.bool_]
) -> float:
    if slo.hours is None:
        return float(measured.mean())
    hours = slo.hours
    weights = np.array([hours.open_seconds(t - step_s, t) for t in times.tolist()])
    return float((weights * measured).sum() / weights.sum()) if weights.sum() else 0.0


def _burn_rates(slo: Slo, shares: Mapping[int, float]) -> tuple[BurnRate, ...]:
    """Returns the windows' burn rates, of the group that burns fastest."""
    burns = {window_s: share / slo.budget for window_s, share in shares.items()}
    return tuple(BurnRate(w, burns.get(w.long_s), burns.get(w.short_s)) for w in slo.windows)

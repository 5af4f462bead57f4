"""Endpoints of SLOs: what is left, how fast it burns, what spent it."""

import math
import re
from pathlib import Path
from typing import Annotated

from fastapi import Path as PathParam
from fastapi import Query

from vario.api.context import Context, CurrentContext
from vario.api.params import parse_window
from vario.api.slo_cache import evaluate_all
from vario.api.slo_models import (
    BurnPointOut,
    BurnRateOut,
    SloDetailOut,
    SloGroupOut,
    SloOut,
    SlosOut,
    SloSpentOut,
    SpenderOut,
    SpentByOut,
)
from vario.errors import NotFound
from vario.query.promql.engine import PromQL
from vario.slo.bounds import check_bounds
from vario.slo.hours import DAYS, Hours
from vario.slo.model import Slo, SloSet
from vario.slo.rules import make_groups
from vario.slo.spent import find_spent
from vario.slo.status import Status, evaluate_status, find_rates
from vario.slo.words import say_rule

_BOUNDS_MS = 6 * 3_600_000
"""How far back buckets are looked for."""
_MAX_RUNBOOK_BYTES = 200_000

At = Annotated[str, Query(description="the time that it is looked at, as elsewhere", max_length=64)]


def find_slos(context: CurrentContext, at: At = "now") -> SlosOut:
    """Every SLO and where it stands, in the order of their files; "now" is the last evaluation."""
    slos = context.slos()
    now_s = _time_s(context, at)
    if at == "now":
        found = context.slo_cache.statuses(context.store, slos, now_s)
    else:
        found = evaluate_all(context.store, slos, now_s)
    return SlosOut(
        slos=[_show(status) for status in found],
        warnings=[str(warning) for warning in slos.warnings],
    )


def get_slo(
    context: CurrentContext, slo_id: Annotated[str, PathParam(max_length=200)], at: At = "now"
) -> SloDetailOut:
    """One SLO: its burn-down, its burn rates, what spent the budget by group and hour."""
    slos = context.slos()
    slo = _named(slos, slo_id)
    now_s = _time_s(context, at)
    promql = PromQL(context.store)
    rates = find_rates(promql, now_s)
    status = evaluate_status(promql, slo, now_s, rates, interval_s=slos.interval_s)
    doubt = check_bounds(context.store, slo, now_s * 1000 - _BOUNDS_MS, now_s * 1000)
    own = [str(warning) for warning in slos.warnings if warning.slo == slo.name]
    recorded = {
        rule.record: rule.expr
        for group in make_groups(slo, now_s=now_s, interval_s=slos.interval_s)
        for rule in group.rules
        if rule.record
    }
    return SloDetailOut(
        slo=_show(status),
        description=slo.description,
        file=slo.place.file,
        line=slo.place.line,
        hours=say_hours(slo.hours),
        period_start=status.start_s,
        now=status.now_s,
        burn_down=[
            BurnPointOut(time=time, budget_left=None if math.isnan(left) else left)
            for time, left in zip(status.times_s.tolist(), status.burn_down.tolist(), strict=True)
        ],
        spenders=[
            SpenderOut(
                labels=dict(one.labels),
                start=one.start_s,
                bad=one.bad,
                total=one.total,
                budget_spent=one.spent,
            )
            for one in status.spenders
        ],
        warnings=[*own, *([doubt] if doubt else []), *status.faults],
        queries=recorded,
        runbook=read_runbook(slo),
    )


def get_spent(
    context: CurrentContext,
    slo_id: Annotated[str, PathParam(max_length=200)],
    by: Annotated[
        str | None,
        Query(description="a label; empty for everything together", max_length=200),
    ] = None,
    at: At = "now",
) -> SloSpentOut:
    """What spent an SLO's budget, by a label's values and by time, from its first measurement."""
    slos = context.slos()
    slo = _named(slos, slo_id)
    now_s = _time_s(context, at)
    found = find_spent(context.store, slo, now_s, by, interval_s=slos.interval_s)
    return SloSpentOut(
        by=found.by,
        choices=list(found.choices),
        start=found.start_s,
        step=found.step_s,
        groups=[
            SpentByOut(
                value=row.value,
                bad=row.bad,
                total=row.total,
                budget_spent=row.spent,
                cells=list(row.cells),
            )
            for row in found.rows
        ],
    )


def _named(slos: SloSet, slo_id: str) -> Slo:
    slo = next((one for one in slos.slos if one.name == slo_id), None)
    if slo is None:
        raise NotFound(f'no SLO "{slo_id}" is loaded; GET /api/slos lists those that are')
    return slo


def _time_s(context: Context, at: str) -> int:
    now_ns = context.clock.now_ns()
    if at == "now":
        return now_ns // 10**9
    return parse_window("0", at, now_ns).end_ns // 10**9


def _show(status: Status) -> SloOut:
    slo = status.slo
    return SloOut(
        id=slo.name,
        service=slo.service,
        title=slo.title or slo.name,
        owner=slo.owner,
        state=status.state,
        objective=slo.target,
        sli=slo.sli.words,
        kind=slo.sli.kind,
        period=slo.period.words,
        budget_left=status.left,
        bad=status.bad,
        total=status.total,
        coverage=status.coverage,
        measured_now=status.is_fresh,
        burn_rates=[
            BurnRateOut(
                severity=burn.window.severity,
                long_window=burn.window.long_s,
                short_window=burn.window.short_s,
                threshold=burn.window.factor,
                long=burn.long,
                short=burn.short,
                burning=burn.is_burning,
                rule=say_rule(slo, burn.window),
            )
            for burn in status.burns
        ],
        groups=[
            SloGroupOut(
                labels=dict(group.labels), bad=group.bad, total=group.total, budget_left=group.left
            )
            for group in status.groups
        ],
    )


def say_hours(hours: Hours | None) -> str:
    """Returns business hours in words, empty for always.

    >>> say_hours(Hours("Europe/Zurich"))
    'mon tue wed thu fri 09:00-17:00 Europe/Zurich'
    """
    if hours is None:
        return ""
    days = " ".join(DAYS[day] for day in hours.days)
    spans = " ".join(f"{_clock(start)}-{_clock(end)}" for start, end in hours.spans)
    closed = f", {len(hours.holidays)} holidays" if hours.holidays else ""
    return f"{days} {spans} {hours.zone}{closed}"


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"


def read_runbook(slo: Slo) -> str:
    """Returns a runbook's URL, or its text where it is a file beside the SLO's.

    A file that is not within the folder of the SLO's file is not read.
    """
    if not slo.runbook or re.match(r"[a-z]+://", slo.runbook):
        return slo.runbook
    folder = Path(slo.place.file).parent.resolve()
    path = (folder / slo.runbook).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        return slo.runbook
    return path.read_text(encoding="utf-8", errors="replace")[:_MAX_RUNBOOK_BYTES]

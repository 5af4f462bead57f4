"""Endpoints of the overview: services, their models, their traffic."""

from typing import Annotated

from fastapi import Path, Query

from vario.api.context import CurrentContext
from vario.api.models import ServicesOut, TrafficOut
from vario.api.params import StepNs, Window
from vario.api.shapes import show_series, show_service, to_seconds
from vario.query.steps import align
from vario.store.base import GroupBy


def find_services(context: CurrentContext, window: Window, step_ns: StepNs) -> ServicesOut:
    """One row for each service and model that answered requests in the window."""
    aligned = align(window, step_ns)
    found = context.store.find_services(aligned, step_ns=step_ns)
    return ServicesOut(
        start=to_seconds(aligned.start_ns),
        end=to_seconds(aligned.end_ns),
        step=to_seconds(step_ns),
        services=[show_service(summary, aligned) for summary in found],
    )


def get_traffic(
    context: CurrentContext,
    window: Window,
    step_ns: StepNs,
    service: Annotated[str, Path(max_length=500)],
    model: Annotated[
        str | None, Query(description="absent: all models; empty: none named", max_length=500)
    ] = None,
    by: GroupBy = "none",
) -> TrafficOut:
    """A service's requests, errors and latency percentiles over time, whole or by group."""
    aligned = align(window, step_ns)
    series = context.store.get_traffic(service, model, aligned, step_ns=step_ns, by=by)
    return TrafficOut(
        service=service,
        model=model,
        start=to_seconds(aligned.start_ns),
        end=to_seconds(aligned.end_ns),
        step=to_seconds(step_ns),
        by=by,
        series=[show_series(one) for one in series],
    )

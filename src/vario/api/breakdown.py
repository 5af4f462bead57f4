"""Where a service's requests spend their time, and who stands around it, over HTTP."""

from typing import Annotated

from fastapi import Path, Query

from vario.api.breakdown_models import BreakdownOut, BreakdownPartOut, NeighbourOut
from vario.api.context import CurrentContext
from vario.api.params import Window
from vario.investigate.breakdown import Neighbour, break_down
from vario.model.filter import And, Compare, Field

_TRACES = 400


def get_breakdown(
    context: CurrentContext,
    window: Window,
    service: Annotated[str, Path(max_length=500)],
    model: Annotated[str | None, Query(max_length=500)] = None,
) -> BreakdownOut:
    """The operations of a request by their own time, callers and called services."""
    wanted = [
        Compare(Field("intrinsic", "service.name"), "=", service),
        Compare(Field("intrinsic", "entry"), "=", True),
    ]
    if model is not None:
        wanted.append(Compare(Field("intrinsic", "model_name"), "=", model))
    table = context.store.sample_traces(And(tuple(wanted)), window, limit=_TRACES)
    found = break_down(table, service)
    return BreakdownOut(
        service=service,
        requests=found.requests,
        mean=found.mean_s,
        parts=[
            BreakdownPartOut(
                service=part.service,
                span=part.span,
                self_time=part.self_s,
                share=part.share,
                calls=part.calls,
                failed=part.failed,
            )
            for part in found.parts
        ],
        callers=[_show(one) for one in found.callers],
        called=[_show(one) for one in found.called],
    )


def _show(one: Neighbour) -> NeighbourOut:
    return NeighbourOut(service=one.service, calls=one.calls, mean=one.mean_s, failed=one.failed)

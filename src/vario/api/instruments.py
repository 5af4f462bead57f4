"""Saturation, quality and cost of every service over HTTP: the overview's other instruments."""

from collections.abc import Mapping

from vario.api.context import Context, CurrentContext
from vario.api.instruments_models import InstrumentsOut, ServiceInstrumentsOut, TargetOut
from vario.api.params import Window
from vario.api.shapes import to_seconds
from vario.drift.report import Finding
from vario.investigate.instruments import (
    Ask,
    Feedback,
    Instruments,
    price_replicas,
    read_feedback,
    read_instruments,
)
from vario.investigate.prices import mean_replicas, price_of
from vario.investigate.reader import Reader
from vario.model.service import ServiceSummary
from vario.model.telemetry import TimeRange
from vario.slo.model import SloSet

_MS = 1_000_000
_STEPS = 60


def find_instruments(context: CurrentContext, window: Window) -> InstrumentsOut:
    """How saturated every service is, how well its models do, and what it costs."""
    names, ask = _metrics(context, window)
    known = read_instruments(ask, names, window.duration_ns // _MS, context.costs)
    feedback = read_feedback(ask, names, window.duration_ns // _MS)
    findings = context.drift().findings()
    targets = _targets(context.slos())
    services = context.store.find_services(window, step_ns=window.duration_ns)
    return InstrumentsOut(
        start=to_seconds(window.start_ns),
        end=to_seconds(window.end_ns),
        services=[
            _show(
                service,
                _with_replicas(context, window, service.service_name, known),
                feedback.get(service.model_name),
                [one for one in findings if one.model_name == service.model_name],
                targets.get(service.service_name),
            )
            for service in services
        ],
    )


def instruments_of(context: Context, window: TimeRange, service: str) -> Instruments:
    """Returns what is known of one service."""
    names, ask = _metrics(context, window)
    known = read_instruments(ask, names, window.duration_ns // _MS, context.costs)
    return _with_replicas(context, window, service, known)


def _metrics(context: Context, window: TimeRange) -> tuple[list[str], Ask]:
    """Returns the metrics of a window, and who evaluates PromQL at its end."""
    reader = Reader(context.store)
    start_ms, end_ms = window.start_ns // _MS, window.end_ns // _MS
    names = context.store.find_label_values("__name__", [], start_ms, end_ms)
    return names, lambda query: reader.evaluate(query, window.end_ns)


def _with_replicas(
    context: Context, window: TimeRange, service: str, known: Mapping[str, Instruments]
) -> Instruments:
    """Returns a service's instruments; its replicas are counted in spans where only they tell."""
    own = known.get(service, Instruments())
    if own.cost is not None or not price_of(context.costs, service).replica_hour:
        return own
    step_ns = max(window.duration_ns // _STEPS, 1)
    counts = context.store.count_replicas(service, window, step_ns=step_ns)
    replicas = mean_replicas(counts, -(-window.duration_ns // step_ns))
    return price_replicas(own, context.costs, service, replicas, window.duration_ns // _MS)


def _targets(slos: SloSet) -> dict[str, TargetOut]:
    """Returns the latency SLO with the lowest bound of each service."""
    found: dict[str, TargetOut] = {}
    for slo in slos.slos:
        if slo.sli.latency is None:
            continue
        known = found.get(slo.service)
        if known is None or slo.sli.latency.bound < known.bound:
            found[slo.service] = TargetOut(
                slo=slo.name, share=slo.target, bound=slo.sli.latency.bound
            )
    return found


def _show(
    service: ServiceSummary,
    known: Instruments,
    feedback: Feedback | None,
    findings: list[Finding],
    target: TargetOut | None,
) -> ServiceInstrumentsOut:
    per_thousand = None
    if known.cost is not None and service.requests:
        per_thousand = 1000 * known.cost / service.requests
    return ServiceInstrumentsOut(
        service=service.service_name,
        model=service.model_name,
        latency_target=target,
        gpu=known.gpu,
        queue=known.queue,
        batch=known.batch,
        replicas=known.replicas,
        cost_per_1000=per_thousand,
        currency=known.currency,
        drifting=sum(one.kind in ("drifted", "new_category") for one in findings),
        missing=sum(one.kind == "missing" for one in findings),
        quality=[one.text for one in findings],
        accept_rate=feedback.accepted / feedback.total if feedback else None,
        sources=dict(known.sources),
    )

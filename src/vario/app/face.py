"""The API and the UI over a store, and vario's own numbers at `/metrics`."""

from collections.abc import Callable, Iterable
from importlib.metadata import version

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vario.alert.desk import AlertDesk
from vario.alert.scheduler import RuleScheduler
from vario.api.app import create_app
from vario.api.context import ServerFacts
from vario.api.middleware import LOOPBACK_HOSTS
from vario.api.rules import make_rules_router
from vario.api.targets import SnapshotFunction, make_targets_router
from vario.app.alerts import desk_metrics
from vario.app.guard import guard_metrics
from vario.app.metrics import CONTENT_TYPE, process_metrics, render
from vario.app.ports import Addresses
from vario.clock import Clock
from vario.drift.report import DriftReport
from vario.guard.report import GuardReport
from vario.ingest.counters import Metric
from vario.ingest.remote_write import PATH, RemoteWriteHttp
from vario.slo.model import SloSet
from vario.store.base import Store


def make_face(
    store: Store,
    addresses: Addresses,
    clock: Clock,
    *,
    started_ns: int,
    host: str,
    ingest_metrics: Callable[[], Iterable[Metric]],
    rules: RuleScheduler,
    remote_write: RemoteWriteHttp,
    targets: SnapshotFunction,
    slos: Callable[[], SloSet],
    guard: Callable[[], GuardReport],
    drift: Callable[[], DriftReport],
    desk: AlertDesk,
) -> FastAPI:
    """Returns the application on the API's port.

    Args:
        store: what is read.
        addresses: where the server is reached.
        clock: what "now" means in a request.
        started_ns: when the process began, nanoseconds since the epoch.
        host: the address served on; on loopback, requests for other names are refused.
        ingest_metrics: what the doors count.
        rules: the rule groups that are evaluated.
        remote_write: the door that is also on this port, as in Prometheus.
        targets: what is scraped.
        slos: gives the SLOs that are loaded.
        guard: gives what was taken out of requests, and what is folded.
        drift: gives what drifted when it was last looked at.
        desk: where alerts are looked after.
    """
    hosts = LOOPBACK_HOSTS if host in ("localhost", "127.0.0.1", "::1") else None
    facts = ServerFacts(
        version=version("vario"),
        started_ns=started_ns,
        store=addresses.store,
        otlp_http=addresses.otlp_http,
        otlp_grpc=addresses.otlp_grpc,
    )
    face = create_app(
        store,
        facts,
        clock=clock,
        hosts=hosts,
        slo_set=slos,
        guard_report=guard,
        drift_report=drift,
        desk=desk,
    )

    async def metrics(_: Request) -> Response:
        own = process_metrics(facts.version, facts.started_ns)
        others = (rules.metrics(), guard_metrics(guard()), desk_metrics(desk))
        return Response(
            render([*own, *ingest_metrics(), *(metric for each in others for metric in each)]),
            media_type=CONTENT_TYPE,
        )

    # First, because the UI takes every path that nothing before it has taken.
    first = [Route("/metrics", metrics), Route(PATH, remote_write)]
    routers = (make_rules_router(rules.groups), make_targets_router(targets))
    face.router.routes[:0] = [*first, *(route for each in routers for route in each.routes)]
    return face

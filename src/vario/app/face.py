"""The API and the UI over a store, and vario's own numbers at `/metrics`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from vario.alert.desk import AlertDesk
from vario.alert.incident.desk import IncidentDesk
from vario.alert.scheduler import RuleScheduler
from vario.api.app import create_app
from vario.api.context import ServerFacts
from vario.api.middleware import LOOPBACK_HOSTS
from vario.api.reload import ReloadFunction, make_reload_router
from vario.api.rules import make_rules_router
from vario.api.targets import SnapshotFunction, make_targets_router
from vario.app.alerts import desk_metrics
from vario.app.data import data_metrics
from vario.app.guard import guard_metrics
from vario.app.incidents import incident_metrics
from vario.app.metrics import CONTENT_TYPE, process_metrics, render
from vario.app.ports import Addresses
from vario.clock import Clock
from vario.config import Settings
from vario.drift.report import DriftReport
from vario.guard.report import GuardReport
from vario.ingest.counters import Metric
from vario.ingest.remote_write import PATH, RemoteWriteHttp
from vario.slo.model import SloSet
from vario.store.base import Store
from vario.store.retention import Keeper


def make_face(
    store: Store,
    addresses: Addresses,
    clock: Clock,
    *,
    started_ns: int,
    settings: Settings,
    ingest_metrics: Callable[[], Iterable[Metric]],
    rules: RuleScheduler,
    remote_write: RemoteWriteHttp,
    targets: SnapshotFunction,
    reload: ReloadFunction,
    slos: Callable[[], SloSet],
    guard: Callable[[], GuardReport],
    drift: Callable[[], DriftReport],
    desk: AlertDesk,
    incidents: IncidentDesk,
    keeper: Keeper,
) -> FastAPI:
    """Returns the application on the API's port.

    Args:
        store: what is read.
        addresses: where the server is reached.
        clock: what "now" means in a request.
        started_ns: when the process began, nanoseconds since the epoch.
        settings: what services cost, and the address served on: on loopback, requests for other
            names are refused.
        ingest_metrics: what the doors count.
        rules: the rule groups that are evaluated.
        remote_write: the door that is also on this port, as in Prometheus.
        targets: what is scraped.
        reload: reads files again.
        slos: gives the SLOs that are loaded.
        guard: gives what was taken out of requests, and what is folded.
        drift: gives what drifted when it was last looked at.
        desk: where alerts are looked after.
        incidents: where incidents are looked after.
        keeper: who looks after what is stored.
    """
    facts = _facts(addresses, started_ns)
    face = create_app(
        store, facts, clock=clock, hosts=_hosts(settings.server.host), slo_set=slos,
        guard_report=guard, drift_report=drift, desk=desk, incident_desk=incidents, keeper=keeper,
        costs=settings.cost,
    )  # fmt: skip

    def collect() -> Iterator[Metric]:
        yield from (*process_metrics(facts.version, started_ns), *ingest_metrics())
        yield from rules.metrics()
        yield from (*guard_metrics(guard()), *desk_metrics(desk))
        yield from (*incident_metrics(incidents), *data_metrics(keeper))

    _put_first(face, make_rules_router(rules.groups), make_targets_router(targets))
    _put_first(face, make_reload_router(reload))
    face.router.routes[:0] = [_metrics_route(collect), Route(PATH, remote_write)]
    return face


def _put_first(face: FastAPI, *routers: APIRouter) -> None:
    # First, because the UI takes every path that nothing before it has taken.
    face.router.routes[:0] = [route for each in routers for route in each.routes]


def _metrics_route(collect: Callable[[], Iterable[Metric]]) -> Route:
    # In a thread: what is stored is asked of the engine.
    def metrics(_: Request) -> Response:
        body = render(collect())
        return Response(body, media_type=CONTENT_TYPE, headers={"Vary": "Accept"})

    return _ForScrapers("/metrics", metrics)


class _ForScrapers(Route):
    """A path that is the UI's where a browser asks for a page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        accepted = (value for name, value in scope.get("headers", ()) if name == b"accept")
        if any(b"text/html" in value for value in accepted):
            return Match.NONE, {}
        return super().matches(scope)


def _hosts(host: str) -> Sequence[str] | None:
    return LOOPBACK_HOSTS if host in ("localhost", "127.0.0.1", "::1") else None


def _facts(addresses: Addresses, started_ns: int) -> ServerFacts:
    return ServerFacts(
        version=version("vario"),
        started_ns=started_ns,
        store=addresses.store,
        otlp_http=addresses.otlp_http,
        otlp_grpc=addresses.otlp_grpc,
    )

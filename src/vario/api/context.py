"""What an endpoint may reach: the store, the clock, and facts about this server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from vario.alert.desk import AlertDesk
from vario.alert.incident.desk import IncidentDesk
from vario.api.slo_cache import SloCache
from vario.clock import Clock
from vario.config import CostSettings
from vario.drift.report import DriftReport
from vario.guard.report import GuardReport
from vario.slo.model import SloSet
from vario.store.base import DataKeeper, Store


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What `/api/status` says of the server.

    Attributes:
        version: vario's version.
        started_ns: when this process began, nanoseconds since the epoch.
        store: the store's address without credentials.
        otlp_http: address of the OTLP door over HTTP, such as `http://127.0.0.1:4318`.
        otlp_grpc: address of the OTLP door over gRPC, such as `http://127.0.0.1:4317`.
    """

    version: str
    started_ns: int
    store: str
    otlp_http: str
    otlp_grpc: str


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that endpoints share.

    `slos` gives the SLOs as they are loaded now, `guard` what the guards did up to now,
    `slo_cache` where they stand, `alerts` and `incidents` are where those are looked after and
    `keeper` who looks after the data, if any. `costs` is what replicas and GPUs cost.
    """

    store: Store
    clock: Clock
    facts: ServerFacts
    slos: Callable[[], SloSet] = SloSet
    guard: Callable[[], GuardReport] = GuardReport
    drift: Callable[[], DriftReport] = DriftReport
    alerts: AlertDesk | None = None
    incidents: IncidentDesk | None = None
    keeper: DataKeeper | None = None
    slo_cache: SloCache = field(default_factory=SloCache)
    costs: CostSettings = field(default_factory=CostSettings)


async def get_context(request: Request) -> Context:
    """Returns the context of the running application (`create_app` put it there)."""
    return cast(Context, request.app.state.context)


CurrentContext = Annotated[Context, Depends(get_context)]

"""The HTTP face: every URL on one screen."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware

from vario.alert.desk import AlertDesk
from vario.alert.incident.desk import IncidentDesk
from vario.api import (
    alertmanager,
    alerts,
    breakdown,
    capacity,
    compare,
    data,
    drift,
    drift_history,
    explore,
    guard,
    incidents,
    instruments,
    investigate,
    patterns,
    prometheus,
    services,
    signals,
    slos,
    system,
)
from vario.api.alert_models import (
    AlertHistoryOut,
    AlertOut,
    AlertsOut,
    DeliveriesOut,
    DeliveryOut,
    MaintenanceOut,
    MaintenanceWindowsOut,
    ReceiversOut,
    SilenceOut,
    SilencesOut,
    TestOut,
)
from vario.api.asked import SqlInstead
from vario.api.breakdown_models import BreakdownOut
from vario.api.capacity_models import CapacityOut
from vario.api.compare_models import ReleaseComparisonOut
from vario.api.context import Context, ServerFacts
from vario.api.data_models import DataOut, RetentionOut
from vario.api.drift_models import (
    DistributionOut,
    DriftHistoryOut,
    DriftMomentOut,
    DriftOut,
    ReferenceBody,
    ReferenceOut,
    ReferencesOut,
)
from vario.api.errors import add_error_handlers
from vario.api.explore_models import (
    ComparisonOut,
    FieldTopOut,
    LatencyMapOut,
    LogsAroundOut,
    MetricsOut,
)
from vario.api.guard_models import GuardOut
from vario.api.incident_models import IncidentOut, IncidentsOut
from vario.api.instruments_models import InstrumentsOut
from vario.api.investigate_models import EvidenceAnswerOut, PictureOut
from vario.api.investigation_models import InvestigationOut
from vario.api.middleware import HostGuard, SecurityHeaders
from vario.api.models import (
    DoctorOut,
    ErrorBody,
    FieldsOut,
    FieldValuesOut,
    LogHistogramOut,
    LogsOut,
    ProbeOut,
    ServicesOut,
    Shape,
    StatusOut,
    TraceOut,
    TracesOut,
    TrafficOut,
)
from vario.api.pattern_models import MarkerOut, MarkersOut, PatternsOut
from vario.api.slo_models import SloDetailOut, SlosOut, SloSpentOut
from vario.api.static import STATIC_FOLDER, add_ui
from vario.clock import Clock, SystemClock
from vario.config import CostSettings
from vario.drift.report import DriftReport
from vario.guard.report import GuardReport
from vario.slo.model import SloSet
from vario.store.base import DataKeeper, Store


class Route(NamedTuple):
    """One URL, what answers it, the shape of the answer (None for a file), and the method."""

    path: str
    endpoint: Callable[..., Any]
    shape: type[Shape] | None
    method: str = "GET"


ROUTES = (
    Route("/api/instruments", instruments.find_instruments, InstrumentsOut),
    Route("/api/services", services.find_services, ServicesOut),
    Route("/api/services/{service:path}/breakdown", breakdown.get_breakdown, BreakdownOut),
    Route("/api/services/{service:path}/traffic", services.get_traffic, TrafficOut),
    Route("/api/traces", signals.find_traces, TracesOut),
    Route("/api/traces/heatmap", explore.get_latency_map, LatencyMapOut),
    Route("/api/traces/compare", explore.compare_traces, ComparisonOut),
    Route("/api/traces/{trace_id}", signals.get_trace, TraceOut),
    Route("/api/logs", signals.find_logs, LogsOut),
    Route("/api/logs/patterns", patterns.find_patterns, PatternsOut),
    Route("/api/markers", patterns.find_markers, MarkersOut),
    Route("/api/markers", patterns.put_marker, MarkerOut, "POST"),
    Route("/api/markers/{marker_id}", patterns.delete_marker, MarkersOut, "DELETE"),
    Route("/api/logs/histogram", signals.get_log_histogram, LogHistogramOut),
    Route("/api/logs/around", explore.get_logs_around, LogsAroundOut),
    Route("/api/fields/top", explore.get_field_top, FieldTopOut),
    Route("/api/metrics", explore.find_metrics, MetricsOut),
    Route("/api/fields", signals.find_fields, FieldsOut),
    Route("/api/fields/values", signals.find_field_values, FieldValuesOut),
    Route("/api/slos", slos.find_slos, SlosOut),
    Route("/api/slos/{slo_id}", slos.get_slo, SloDetailOut),
    Route("/api/slos/{slo_id}/spent", slos.get_spent, SloSpentOut),
    Route("/api/guard", guard.get_guard, GuardOut),
    Route("/api/alerts", alerts.find_alerts, AlertsOut),
    Route("/api/alerts/history", alerts.find_alert_history, AlertHistoryOut),
    Route("/api/alerts/deliveries", alerts.find_deliveries, DeliveriesOut),
    Route("/api/alerts/deliveries/{delivery_id}/retry", alerts.retry_delivery, DeliveryOut, "POST"),
    Route("/api/alerts/receivers", alerts.find_receivers, ReceiversOut),
    Route("/api/alerts/receivers/{name:path}/test", alerts.test_receiver, TestOut, "POST"),
    Route("/api/alerts/{alert_id}", alerts.get_alert, AlertOut),
    Route("/api/alerts/{alert_id}/acknowledge", alerts.acknowledge_alert, AlertOut, "POST"),
    Route(
        "/api/alerts/{alert_id}/acknowledge", alerts.withdraw_acknowledgement, AlertOut, "DELETE"
    ),
    Route("/api/incidents", incidents.find_incidents, IncidentsOut),
    Route("/api/incidents/{incident_id}", incidents.get_incident, IncidentOut),
    Route(
        "/api/incidents/{incident_id}/investigate",
        incidents.investigate_incident,
        IncidentOut,
        "POST",
    ),
    Route("/api/incidents/{incident_id}/fixed", incidents.claim_fix, IncidentOut, "POST"),
    Route("/api/incidents/{incident_id}/fixed", incidents.withdraw_fix, IncidentOut, "DELETE"),
    Route("/api/incidents/{incident_id}/note", incidents.note_incident, IncidentOut, "POST"),
    Route(
        "/api/incidents/{incident_id}/acknowledge",
        incidents.acknowledge_incident,
        IncidentOut,
        "POST",
    ),
    Route(
        "/api/incidents/{incident_id}/acknowledge",
        incidents.withdraw_incident_acknowledgement,
        IncidentOut,
        "DELETE",
    ),
    Route("/api/incidents/{incident_id}/resolve", incidents.resolve_incident, IncidentOut, "POST"),
    Route("/api/incidents/{incident_id}/report", incidents.report_incident, None),
    Route("/api/investigate", investigate.get_answer, InvestigationOut),
    Route("/api/investigate", investigate.ask_question, InvestigationOut, "POST"),
    Route("/api/evidence", investigate.run_evidence, EvidenceAnswerOut),
    Route("/api/evidence/picture", investigate.draw, PictureOut),
    Route("/api/silences", alerts.find_silences, SilencesOut),
    Route("/api/silences", alerts.put_silence, SilenceOut, "POST"),
    Route("/api/silences/{silence_id}", alerts.get_silence, SilenceOut),
    Route("/api/silences/{silence_id}", alerts.expire_silence, SilenceOut, "DELETE"),
    Route("/api/maintenance", alerts.find_windows, MaintenanceWindowsOut),
    Route("/api/maintenance", alerts.add_window, MaintenanceOut, "POST"),
    Route("/api/maintenance/{window_id}", alerts.remove_window, MaintenanceWindowsOut, "DELETE"),
    Route("/api/capacity", capacity.get_capacity, CapacityOut),
    Route("/api/compare", compare.compare_versions, ReleaseComparisonOut),
    Route("/api/drift", drift.get_drift, DriftOut),
    Route("/api/drift/distribution", drift.get_distribution, DistributionOut),
    Route("/api/drift/history", drift_history.get_history, DriftHistoryOut),
    Route("/api/drift/at", drift_history.get_moment, DriftMomentOut),
    Route("/api/references", drift.find_references, ReferencesOut),
    Route("/api/references", drift.put_reference, ReferenceOut, "PUT"),
    Route("/api/references/from-live", drift.make_from_live, ReferenceOut, "POST"),
    Route("/api/references/{model_name}/{name}", drift.get_reference, ReferenceBody),
    Route("/api/references/{model_name}/{name}", drift.delete_reference, ReferencesOut, "DELETE"),
    Route("/api/data", data.get_data, DataOut),
    Route("/api/retention", data.get_retention, RetentionOut),
    Route("/api/backup", data.make_backup, None, "POST"),
    Route("/api/doctor", system.examine, DoctorOut),
    Route("/api/status", system.get_status, StatusOut),
    Route("/healthz", system.is_alive, ProbeOut),
    Route("/readyz", system.is_ready, ProbeOut),
)
"""vario's own API. Prometheus' (/api/v1/...) is in `vario.api.prometheus`; every other path is
the UI's, and /openapi.json describes what stands here."""


def create_app(
    store: Store,
    facts: ServerFacts,
    *,
    clock: Clock | None = None,
    hosts: Sequence[str] | None = None,
    static: Path = STATIC_FOLDER,
    slo_set: Callable[[], SloSet] = SloSet,
    guard_report: Callable[[], GuardReport] = GuardReport,
    drift_report: Callable[[], DriftReport] = DriftReport,
    desk: AlertDesk | None = None,
    incident_desk: IncidentDesk | None = None,
    keeper: DataKeeper | None = None,
    costs: CostSettings | None = None,
) -> FastAPI:
    """Returns the application that serves the API and the UI.

    Args:
        store: what is read; it stays the caller's to close.
        facts: what the server says of itself.
        clock: what "now" means in a request.
        hosts: names that a request's Host header may have (`LOOPBACK_HOSTS` for a server on
            loopback), without a port; None for any.
        static: folder of the built UI.
        slo_set: gives the SLOs as they are loaded when it is called.
        guard_report: gives what the guards did up to then.
        drift_report: gives what drifted when it was last looked at.
        desk: where alerts are looked after.
        incident_desk: where incidents are looked after.
        keeper: who looks after what is stored.
        costs: what replicas and GPUs of services cost.
    """
    app = declare_app()
    app.state.context = Context(
        store=store,
        clock=clock or SystemClock(),
        facts=facts,
        slos=slo_set,
        guard=guard_report,
        drift=drift_report,
        alerts=desk,
        incidents=incident_desk,
        keeper=keeper,
        costs=costs or CostSettings(),
    )
    add_ui(app, static)
    app.add_middleware(SqlInstead)
    if hosts is not None:
        app.add_middleware(HostGuard, hosts=hosts)
    # 600 kB of JSON: 18 ms at level 3; 157 ms for 8 % fewer bytes at 9, Starlette's default.
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=3)
    app.add_middleware(SecurityHeaders)
    return app


def declare_app() -> FastAPI:
    """Returns the application with its routes alone: enough to describe, not to serve."""
    app = FastAPI(
        title="vario",
        version="1",
        summary="Metrics, logs and traces of inference services.",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_name_route,
    )
    for path, endpoint, shape, method in ROUTES:
        app.add_api_route(
            path,
            endpoint,
            methods=[method],
            response_model=shape,
            responses={"4XX": {"model": ErrorBody}, "5XX": {"model": ErrorBody}},
        )
    app.include_router(alertmanager.create_router())
    app.include_router(prometheus.create_router())
    add_error_handlers(app)
    return app


def _name_route(route: APIRoute) -> str:
    return route.name

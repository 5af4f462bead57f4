"""Reads and writes markers: those that were told, and log records that say of a change.

A log record is a marker by its event name: of OTLP, or in the attribute `event.name` as emitters
of earlier versions have it. There is no standard deployment event; these are the names in use.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson

from vario.clock import Clock
from vario.model.marker import Marker, MarkerKind
from vario.model.telemetry import TimeRange
from vario.store.engine import Engine
from vario.store.windows import LOGS_IN_WINDOW, bind_window

_DONE = r"(change|changed|update|updated|set|toggle|toggled|applied)"
_EVENTS: tuple[tuple[MarkerKind, str], ...] = (
    ("release", r"(deploy|deployed|deployment|release|released|rollout|rollback)([._].*)?"),
    ("config", rf"(config|configuration|settings?)([._]{_DONE})?"),
    # Not feature_flag.evaluation, of which there is one for each request.
    ("flag", rf"(feature_)?flags?[._]{_DONE}"),
    ("scale", r"(scale|scaled|scaling|autoscaling|autoscaler)([._].*)?"),
    ("fix", r"(fix|fixed|mitigation)([._].*)?"),
    ("note", r"(marker|annotation)([._].*)?"),
)
_ANY_EVENT = "^(" + "|".join(pattern for _, pattern in _EVENTS) + ")$"
# Looked for through the index over attributes' values, which finds whole values alone.
_ATTRIBUTE_EVENTS = (
    "deployment", "deployment.started", "deployment.finished", "deployment.completed", "deploy",
    "release", "rollout", "rollback", "config.change", "config.changed", "config.update",
    "configuration.change", "feature_flag.change", "feature_flag.changed", "flag.change", "scale",
    "scaling", "autoscaling", "fix", "mitigation", "marker", "annotation",
)  # fmt: skip
_SCOPE = {
    "region": "region",
    "cloud.region": "region",
    "model_name": "model_name",
    "model_version": "model_version",
    "service.version": "model_version",
    "version": "model_version",
}
_COLUMNS = (
    "toUnixTimestamp64Nano(Timestamp), ServiceName, Body, LogAttributes,"
    " if(EventName != '', EventName, LogAttributes['event.name'])"
)


class MarkerTable:
    """`vario.store.base.MarkerLog` over the table of migration 0080 and otel_logs."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def write_marker(self, marker: Marker) -> None:
        """Keeps a marker; one of the same id is replaced."""
        self._insert(marker, is_deleted=False)

    def delete_marker(self, marker_id: str) -> bool:
        """Deletes a marker that was told; returns whether there was one."""
        found = self._told("id = {id:String}", {"id": marker_id, "limit": 1})
        if not found:
            return False
        self._insert(found[0], is_deleted=True)
        return True

    def find_markers(
        self, window: TimeRange, *, service: str = "", limit: int = 500
    ) -> list[Marker]:
        """Returns markers in `window`, oldest first, the newest where there are too many."""
        params = {**bind_window(window), "service": service, "limit": limit}
        told = self._told(
            "time_ns >= {start_ns:Int64} AND time_ns < {end_ns:Int64}"
            " AND ({service:String} = '' OR service IN ('', {service:String}))",
            params,
        )
        sent = [
            marker
            for marker in self._sent(params)
            if not service or marker.service in ("", service)
        ]
        found = sorted([*told, *sent], key=lambda marker: (marker.time_ns, marker.id))
        return found[-limit:]

    def _told(self, where: str, params: Mapping[str, Any]) -> list[Marker]:
        rows = self._engine.query_rows(
            "SELECT id, time_ns, kind, text, service, scope, author, link FROM markers FINAL"
            f" WHERE NOT deleted AND {where} ORDER BY time_ns DESC LIMIT {{limit:UInt32}}",
            params,
        )
        return [Marker(*row) for row in rows]

    def _sent(self, params: Mapping[str, Any]) -> list[Marker]:
        by_name = "EventName != '' AND match(EventName, {events:String})"
        by_attribute = (
            "hasAny(mapValues(LogAttributes), {names:Array(String)})"
            " AND LogAttributes['event.name'] IN {names:Array(String)} AND EventName = ''"
        )
        named = {**params, "events": _ANY_EVENT, "names": list(_ATTRIBUTE_EVENTS)}
        found: list[Marker] = []
        for condition in (by_name, by_attribute):
            rows = self._engine.query_rows(
                f"SELECT {_COLUMNS} FROM otel_logs WHERE {LOGS_IN_WINDOW} AND {condition}"
                " ORDER BY Timestamp DESC LIMIT {limit:UInt32}",
                named,
            )
            found.extend(_read_event(*row) for row in rows)
        return found

    def _insert(self, marker: Marker, *, is_deleted: bool) -> None:
        row = {
            "id": marker.id,
            "version": self._clock.now_ns(),
            "deleted": int(is_deleted),
            "time_ns": marker.time_ns,
            "kind": marker.kind,
            "text": marker.text,
            "service": marker.service,
            "scope": dict(marker.scope),
            "author": marker.by,
            "link": marker.link,
        }
        self._engine.insert_bytes("markers", orjson.dumps(row), "JSONEachRow")


def _read_event(
    time_ns: int, service: str, body: str, attributes: Mapping[str, str], name: str
) -> Marker:
    kind: MarkerKind = next(kind for kind, pattern in _EVENTS if re.fullmatch(pattern, name))
    about = attributes.get("service.name") or attributes.get("service") or service
    scope = {_SCOPE[key]: value for key, value in attributes.items() if key in _SCOPE and value}
    text = body or name
    told = "\0".join((str(time_ns), name, about, text))
    return Marker(
        id=hashlib.sha256(told.encode()).hexdigest()[:12],
        time_ns=time_ns,
        kind=kind,
        text=text,
        service=about,
        scope=scope,
        by=attributes.get("author", ""),
        link=attributes.get("url", ""),
        source="event",
    )

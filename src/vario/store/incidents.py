"""Reads and writes incidents."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter

from vario.model.investigation import Incident, IncidentState
from vario.model.telemetry import TimeRange
from vario.store.engine import Engine


class IncidentTable:
    """`vario.store.base.IncidentLog` over the table of migration 0085."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write_incidents(self, incidents: Sequence[Incident]) -> None:
        """Appends versions of incidents."""
        rows = [
            {
                "id": one.id,
                "version": one.version,
                "opened": f"{one.opened_ns // 10**9}.{one.opened_ns % 10**9:09d}",
                "opened_ns": one.opened_ns,
                "resolved_ns": one.resolved_ns,
                "state": one.state,
                "service": one.service,
                "body": dump_incident(one),
            }
            for one in incidents
        ]
        if rows:
            body = b"\n".join(orjson.dumps(row) for row in rows)
            self._engine.insert_bytes("incidents", body, "JSONEachRow")

    def find_incidents(
        self,
        window: TimeRange,
        *,
        states: Sequence[IncidentState] = (),
        service: str = "",
        limit: int,
    ) -> list[Incident]:
        """Returns incidents that were not over before `window` and began in or before it."""
        where = [
            "opened_ns < {end:Int64} AND (resolved_ns = 0 OR resolved_ns >= {start:Int64})",
            *(["state IN {states:Array(String)}"] if states else []),
            *(["service = {service:String}"] if service else []),
        ]
        params = {
            "start": window.start_ns,
            "end": window.end_ns,
            "states": list(states),
            "service": service,
            "limit": limit,
        }
        return self._read(
            f"{' AND '.join(where)} ORDER BY state = 'resolved', opened_ns DESC, id"
            " LIMIT {limit:UInt32}",
            params,
        )

    def get_incident(self, incident_id: str) -> Incident | None:
        """Returns an incident by its id, None where there is none."""
        found = self._read("id = {id:String}", {"id": incident_id})
        return found[0] if found else None

    def _read(self, tail: str, params: Mapping[str, Any]) -> list[Incident]:
        rows = self._engine.query_rows(f"SELECT body FROM incidents FINAL WHERE {tail}", params)
        return [load_incident(body) for (body,) in rows]


@cache
def _adapter() -> TypeAdapter[Incident]:
    return TypeAdapter(Incident)


def dump_incident(incident: Incident) -> str:
    """Returns an incident as JSON, in which a number may also be `NaN` or `Infinity`."""
    # Infinite bounds are a part of a proof that has only begun; pydantic would write null.
    return json.dumps(_adapter().dump_python(incident), ensure_ascii=False)


def load_incident(text: str) -> Incident:
    """Returns the incident that `dump_incident` wrote, also one of an earlier version of vario."""
    return _adapter().validate_json(text)

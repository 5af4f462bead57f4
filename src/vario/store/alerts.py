"""Reads and writes what is kept of alerts: events, records of people's decisions, deliveries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from vario.model.alert import AlertEvent, AlertRecord, Delivery, RecordKind
from vario.model.series import Matcher
from vario.model.telemetry import TimeRange
from vario.store.engine import Engine

_EVENT = (
    "id, version, toUnixTimestamp64Nano(time) AS time_ns, rule, name, state, labels, annotations,"
    " value, active_ns, fired_ns, resolved_ns, keep_firing_ns, trace_id, reason"
)
_DELIVERY = (
    "id, version, toUnixTimestamp64Nano(created) AS created_ns, receiver, group_key, reason,"
    " message, status, attempts, tried_ns, next_ns, error, firing, resolved"
)


class AlertTables:
    """`vario.store.base.AlertLog` over the tables of migration 0055."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # Events

    def write_alert_events(self, events: Sequence[AlertEvent]) -> None:
        """Appends changes of alerts."""
        self._insert(
            "alert_events",
            (
                {
                    "id": event.id,
                    "version": event.version,
                    "time": _decimal(event.time_ns),
                    "rule": event.rule,
                    "name": event.name,
                    "state": event.state,
                    "labels": dict(event.labels),
                    "annotations": dict(event.annotations),
                    # JSON has no infinities; the engine reads texts as numbers too.
                    "value": repr(event.value),
                    "active_ns": event.active_ns,
                    "fired_ns": event.fired_ns,
                    "resolved_ns": event.resolved_ns,
                    "keep_firing_ns": event.keep_firing_ns,
                    "trace_id": event.trace_id,
                    "reason": event.reason,
                }
                for event in events
            ),
        )

    def find_latest_alerts(self, since_ns: int) -> list[AlertEvent]:
        """Returns the last event of each alert that is not over, or was not at `since_ns`."""
        return self._events(
            f"SELECT {_EVENT} FROM (SELECT * FROM alert_events ORDER BY id, version DESC"
            " LIMIT 1 BY id) WHERE state IN ('pending', 'firing')"
            " OR time_ns >= {since:Int64} ORDER BY version",
            {"since": since_ns},
        )

    def find_alert_events(
        self, matchers: Sequence[Matcher], window: TimeRange, *, limit: int, alert_id: str = ""
    ) -> list[AlertEvent]:
        """Finds events in `window` whose labels match, newest first."""
        where = ["time_ns >= {start:Int64}", "time_ns < {end:Int64}"]
        params: dict[str, Any] = {
            "start": window.start_ns,
            "end": window.end_ns,
            "limit": limit,
            "id": alert_id,
        }
        if alert_id:
            where.append("id = {id:String}")
        for i, matcher in enumerate(m for m in matchers if m.op in ("=", "!=")):
            where.append(f"labels[{{name{i}:String}}] {matcher.op} {{value{i}:String}}")
            params |= {f"name{i}": matcher.name, f"value{i}": matcher.value}
        return self._events(
            f"SELECT {_EVENT} FROM alert_events WHERE {' AND '.join(where)}"
            " ORDER BY version DESC LIMIT {limit:UInt32}",
            params,
        )

    def _events(self, sql: str, params: Mapping[str, Any]) -> list[AlertEvent]:
        return [AlertEvent(*row) for row in self._engine.query_rows(sql, params)]

    # Records

    def write_alert_records(self, records: Sequence[AlertRecord]) -> None:
        """Appends versions of records."""
        self._insert(
            "alert_records",
            (
                {
                    "kind": record.kind,
                    "id": record.id,
                    "version": record.version,
                    "deleted": int(record.deleted),
                    "body": orjson.dumps(dict(record.body)).decode(),
                }
                for record in records
            ),
        )

    def find_alert_records(self, kind: RecordKind) -> list[AlertRecord]:
        """Returns the last version of each record of a kind that is not deleted, by id."""
        rows = self._engine.query_rows(
            "SELECT kind, id, version, body FROM alert_records FINAL"
            " WHERE kind = {kind:String} AND NOT deleted ORDER BY id",
            {"kind": kind},
        )
        return [AlertRecord(found, i, version, orjson.loads(b)) for found, i, version, b in rows]

    # Deliveries

    def write_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Appends versions of deliveries; all of them are there afterwards, or none."""
        self._insert(
            "alert_deliveries",
            (
                {
                    "id": delivery.id,
                    "version": delivery.version,
                    "created": _decimal(delivery.created_ns),
                    "receiver": delivery.receiver,
                    "group_key": delivery.group_key,
                    "status": delivery.status,
                    "reason": delivery.reason,
                    "attempts": delivery.attempts,
                    "tried_ns": delivery.tried_ns,
                    "next_ns": delivery.next_ns,
                    "error": delivery.error,
                    "firing": delivery.firing,
                    "resolved": delivery.resolved,
                    "message": delivery.message,
                }
                for delivery in deliveries
            ),
        )

    def find_open_deliveries(self) -> list[Delivery]:
        """Returns the deliveries that are still to be made, oldest first."""
        return self._deliveries("status = 'queued' ORDER BY created_ns, id", {})

    def find_last_deliveries(self) -> list[Delivery]:
        """Returns the newest delivery of each receiver and group, tests left out."""
        return self._deliveries(
            "reason != 'test' ORDER BY created_ns DESC, version DESC"
            " LIMIT 1 BY receiver, group_key",
            {},
        )

    def find_deliveries(
        self, *, limit: int, receiver: str = "", status: str = "", delivery_id: str = ""
    ) -> list[Delivery]:
        """Returns deliveries, newest first; of one receiver, status or id where it is given."""
        given = {"receiver": receiver, "status": status, "id": delivery_id}
        where = [f"{name} = {{{name}:String}}" for name, value in given.items() if value]
        return self._deliveries(
            f"{' AND '.join(where) or 'true'} ORDER BY created_ns DESC, id LIMIT {{limit:UInt32}}",
            {**given, "limit": limit},
        )

    def _deliveries(self, tail: str, params: Mapping[str, Any]) -> list[Delivery]:
        rows = self._engine.query_rows(
            f"SELECT {_DELIVERY} FROM alert_deliveries FINAL WHERE {tail}", params
        )
        return [Delivery(*row[:12], firing=tuple(row[12]), resolved=tuple(row[13])) for row in rows]

    def _insert(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        body = b"\n".join(orjson.dumps(row) for row in rows)
        if body:
            self._engine.insert_bytes(table, body, "JSONEachRow")


def _decimal(time_ns: int) -> str:
    """Returns a time as decimal seconds, which the engine reads to the nanosecond."""
    return f"{time_ns // 10**9}.{time_ns % 10**9:09d}"

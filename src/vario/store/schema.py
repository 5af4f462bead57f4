"""Versioned migrations and retention: the tables in three shapes from one set of files.

A file `sql/ddl/NNNN_name.sql` holds statements ended by `;`, with placeholders:

    {table:x}   a table that is created here: `x`; on a cluster `x_local ON CLUSTER c`, followed
                by a Distributed table `x` over it
    {alter:x}   the same table where it is altered; on a cluster both are altered
    {view:x}    a view or an input table that is created here, on every node
    {of:x}      the table that holds the rows: `x`, on a cluster `x_local`
    {engine:E}  a merge-tree engine, replicated on a cluster
    {ttl:k}     days that data of kind k is kept

Applied versions are rows of `vario_migrations`. A table that was there before the first migration
was made by a collector: its columns are added to, its retention is left alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from vario.config import RetentionSettings
from vario.errors import InternalError, Unavailable
from vario.store.engine import Engine

_PLACEHOLDER = re.compile(r"\{(table|alter|view|of|engine|ttl):([A-Za-z0-9_]+)\}")
_END = re.compile(r";\s*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)

# What spreads the rows of a table over the shards when they are written through its Distributed
# table; a trace and a series stay whole.
_SHARD_KEYS = {
    "otel_traces": "cityHash64(TraceId)",
    "otel_traces_trace_id_ts": "cityHash64(TraceId)",
    "entry_spans": "rand()",
    "trace_pending": "cityHash64(TraceId)",
    "trace_decisions": "cityHash64(TraceId)",
    "metric_series": "id",
    "metric_samples": "id",
    "metric_histograms": "id",
    "metric_exemplars": "id",
    "alert_events": "cityHash64(id)",
    "alert_records": "cityHash64(id)",
    "alert_deliveries": "cityHash64(id)",
    "incidents": "cityHash64(id)",
    "drift_references": "cityHash64(model_name)",
    "markers": "cityHash64(id)",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A table whose rows expire: the kind of data in it and the time they are dated by."""

    table: str
    kind: str
    time: str


KEPT = (
    Kept("otel_traces", "traces", "toDateTime(Timestamp)"),
    Kept("otel_traces_trace_id_ts", "traces", "toDateTime(Start)"),
    Kept("entry_spans", "traces", "toDateTime(Timestamp)"),
    Kept("trace_decisions", "traces", "toDateTime(Decided)"),
    Kept("otel_logs", "logs", "TimestampTime"),
    Kept("metric_series", "metrics", "toDateTime(last_seen)"),
    Kept("metric_samples", "metrics", "toDateTime(ts)"),
    Kept("metric_histograms", "metrics", "toDateTime(ts)"),
    Kept("metric_exemplars", "metrics", "toDateTime(ts)"),
    Kept("alert_events", "alerts", "toDateTime(time)"),
    Kept("alert_deliveries", "alerts", "toDateTime(created)"),
    Kept("incidents", "alerts", "toDateTime(opened)"),
)

_STATE_DDL = """
CREATE TABLE IF NOT EXISTS {table:vario_migrations} (
    name String,
    value String,
    applied_at DateTime64(3) DEFAULT now64(3)
) ENGINE = {engine:ReplacingMergeTree}
ORDER BY name;
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """How tables are laid out: on one engine, or over a cluster of servers.

    Attributes:
        cluster: name of the cluster, empty for one engine (embedded or a single server).
        days: days that each kind of data is kept.
    """

    cluster: str
    days: Mapping[str, int]

    def render(self, text: str) -> list[str]:
        """Returns the statements of a migration file, ready to run.

        Raises:
            InternalError: a placeholder names a kind of data that has no retention.
        """
        statements: list[str] = []
        for statement in _END.split(_COMMENT.sub("", text)):
            if statement.strip():
                statements.extend(self._render_one(statement.strip()))
        return statements

    @property
    def on_cluster(self) -> str:
        """What follows the name of a table that is made or altered."""
        return f" ON CLUSTER '{self.cluster}'" if self.cluster else ""

    def local(self, table: str) -> str:
        """Returns the name of the table that holds the rows of `table`."""
        return f"{table}_local" if self.cluster else table

    def _render_one(self, statement: str) -> list[str]:
        rendered = [_PLACEHOLDER.sub(lambda m: self._fill(m[1], m[2]), statement)]
        if not self.cluster:
            return rendered
        created = re.search(r"\{table:(\w+)\}", statement)
        if created:
            rendered.append(self._distributed(created[1]))
        altered = re.search(r"\{alter:(\w+)\}", statement)
        if altered:
            public = f"{altered[1]} ON CLUSTER '{self.cluster}'"
            rendered.append(statement.replace(altered[0], public))
        return rendered

    def _fill(self, kind: str, name: str) -> str:
        local, on_cluster = self.local(name), self.on_cluster
        if kind == "ttl":
            if name not in self.days:
                raise InternalError(f"no retention is set for data of kind {name!r}")
            return str(self.days[name])
        return {
            "table": local + on_cluster,
            "alter": local + on_cluster,
            "view": name + on_cluster,
            "of": local,
            "engine": f"Replicated{name}" if self.cluster else name,
        }[kind]

    def _distributed(self, name: str) -> str:
        key = _SHARD_KEYS.get(name, "rand()")
        return (
            f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER '{self.cluster}' AS {name}_local "
            f"ENGINE = Distributed('{self.cluster}', currentDatabase(), {name}_local, {key})"
        )


def shape_of(cluster: str, retention: RetentionSettings) -> Shape:
    """Returns the shape of a store with these settings.

    A table keeps what the service that keeps longest wants; `vario.store.retention` takes out
    what others do not.
    """
    services = retention.services.values()
    return Shape(
        cluster,
        {
            "metrics": max(retention.metrics_days, *(s.metrics_days for s in services), 0),
            "logs": max(retention.logs_days, *(s.logs_days for s in services), 0),
            "traces": max(retention.traces_days, *(s.traces_days for s in services), 0),
            "alerts": retention.alerts_days,
        },
    )


def find_migrations() -> dict[str, str]:
    """Returns the text of each migration by name (`0001_traces`), in order."""
    folder = files("vario.store") / "sql" / "ddl"
    found = {item.name.removesuffix(".sql"): item for item in folder.iterdir()}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}


def migrate(engine: Engine, shape: Shape, *, retain: bool = True) -> list[str]:
    """Brings the database to the newest version and returns the migrations that ran.

    Args:
        engine: where the database is.
        shape: how its tables are laid out.
        retain: whether the ages of `shape` hold for tables that are there; else theirs stay.
    """
    there = _tables(engine)
    for statement in shape.render(_STATE_DDL):
        engine.command(statement)
    state = read_state(engine)
    if "metric_samples" in there:
        _refuse_old_layout(engine)
    if not any(name.startswith("ddl:") for name in state):
        write_state(engine, {f"adopted:{kept.table}": "1" for kept in KEPT if kept.table in there})
    ran: list[str] = []
    for name, text in find_migrations().items():
        if f"ddl:{name}" in state:
            continue
        for statement in shape.render(text):
            engine.command(statement)
        write_state(engine, {f"ddl:{name}": "1"})
        ran.append(name)
    if retain or not state:
        apply_ttl(engine, shape, fresh=not state)
    return ran


def _refuse_old_layout(engine: Engine) -> None:
    """Raises where samples lie as builds before the first release laid them."""
    columns = engine.query_rows(
        "SELECT name FROM system.columns WHERE database = currentDatabase()"
        " AND table = 'metric_samples'"
    )
    if ("name_hash",) not in columns:
        raise Unavailable(
            f"the store at {engine.address} was made by a build of vario before its first release,"
            " whose metric tables this one does not read; move it aside or pass --data another"
            " folder"
        )


def read_state(engine: Engine) -> dict[str, str]:
    """Returns what has been applied to this database: name to value."""
    rows = engine.query_rows(
        "SELECT name, argMax(value, applied_at) FROM vario_migrations GROUP BY name"
    )
    return dict(rows)


def write_state(engine: Engine, applied: Mapping[str, str]) -> None:
    """Records what has been applied: name to value."""
    if applied:
        engine.command(
            "INSERT INTO vario_migrations (name, value) SELECT name, value FROM (SELECT 1) "
            "ARRAY JOIN {names:Array(String)} AS name, {values:Array(String)} AS value",
            {"names": list(applied), "values": list(applied.values())},
        )


def apply_ttl(engine: Engine, shape: Shape, *, fresh: bool = False) -> None:
    """Applies retention where the settings differ from what is in force."""
    state = read_state(engine)
    applied: dict[str, str] = {}
    for kept in KEPT:
        days = str(shape.days[kept.kind])
        name = f"ttl:{kept.table}"
        if f"adopted:{kept.table}" in state or state.get(name) == days:
            continue
        if not fresh:
            engine.command(
                f"ALTER TABLE {shape.local(kept.table)}{shape.on_cluster} "
                f"MODIFY TTL {kept.time} + INTERVAL {days} DAY"
            )
        applied[name] = days
    write_state(engine, applied)


def _tables(engine: Engine) -> set[str]:
    rows = engine.query_rows("SELECT name FROM system.tables WHERE database = currentDatabase()")
    return {row[0] for row in rows}

"""What turns request bodies into rows: input tables and views, from the files in `sql/ingest`.

The views are not versioned migrations: they hold no rows, so they are made anew whenever their
text changes. Beside the placeholders of `vario.store.schema` the files know these:

    {type:attributes}   the engine's type of a list of `KeyValue`
    {type:value}        the engine's type of an `AnyValue`
    {text:x}            an `AnyValue` as text
    {map:x}             a list of `KeyValue` as a map of texts
    {time:x}            nanoseconds since the epoch as a time that every table can hold
"""

import hashlib
import re
from functools import cache
from importlib.resources import files

from vario.store.engine import Engine
from vario.store.schema import Shape, read_state, write_state

_VALUE_TYPE = (
    "Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), "
    "double_value Nullable(Float64), array_value Nullable(String), kvlist_value Nullable(String), "
    "bytes_value Nullable(String))"
)
_TYPES = {"value": _VALUE_TYPE, "attributes": f"Array(Tuple(key String, value {_VALUE_TYPE}))"}

_END_NS = (1 << 32) * 1_000_000_000 - 1
"""The last nanosecond of the engine's 32-bit `DateTime`, by which tables are partitioned."""

_MACRO = re.compile(r"\{(type|text|map|time):((?:[^{}]|\{[^{}]*\})+)\}")


def expand(sql: str) -> str:
    """Returns `sql` with the macros of this module filled in."""
    while _MACRO.search(sql):
        sql = _MACRO.sub(lambda match: _FILL[match[1]](match[2]), sql)
    return sql


def _text(value: str) -> str:
    return (
        f"coalesce({value}.string_value, toString({value}.int_value), "
        f"toString({value}.double_value), toString({value}.bool_value), "
        f"base64Encode(coalesce({value}.bytes_value, {value}.array_value, {value}.kvlist_value)), "
        "'')"
    )


def _map(pairs: str) -> str:
    return (
        f"CAST(arrayMap(pair -> (pair.key, {_text('pair.value')}), {pairs}), "
        "'Map(LowCardinality(String), String)')"
    )


def _time(nanoseconds: str) -> str:
    return f"fromUnixTimestamp64Nano(toInt64(least({nanoseconds}, {_END_NS})))"


_FILL = {"type": _TYPES.__getitem__, "text": _text, "map": _map, "time": _time}


@cache
def proto_text() -> str:
    """Returns the protobuf schema by which the engine reads request bodies."""
    return (files("vario.store") / "sql" / "ingest" / "otlp.proto").read_text(encoding="utf-8")


def find_projections() -> dict[str, str]:
    """Returns the text of each projection by name, in order, macros filled in."""
    folder = files("vario.store") / "sql" / "ingest"
    found = {item.name: item for item in folder.iterdir() if item.name.endswith(".sql")}
    return {name: expand(found[name].read_text(encoding="utf-8")) for name in sorted(found)}


def project(engine: Engine, shape: Shape) -> bool:
    """Makes the input tables and views, anew if their text changed; returns whether it did."""
    statements = [line for text in find_projections().values() for line in shape.render(text)]
    digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    if read_state(engine).get("projection") == digest:
        return False
    for statement in reversed(statements):
        created = re.match(r"CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (.*?) (?:\(|TO )", statement)
        if created:
            engine.command(f"DROP TABLE IF EXISTS {created[1]} SYNC")
    for statement in statements:
        engine.command(statement)
    write_state(engine, "projection", digest)
    return True

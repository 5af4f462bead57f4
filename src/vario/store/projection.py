"""What turns request bodies into rows: input tables and views, from the files in `sql/ingest`.

The views are not versioned migrations: they hold no rows, so they are made anew whenever their
text changes. Beside the placeholders of `vario.store.schema` the files use the macros of
`vario.store.macros`.
"""

import hashlib
import re
from functools import cache
from importlib.resources import files

from vario.store.engine import Engine
from vario.store.macros import expand
from vario.store.schema import Shape, read_state, write_state

_CREATED = re.compile(
    r"CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+(?: ON CLUSTER '\w+')?)"
)


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
        if created := _CREATED.match(statement):
            engine.command(f"DROP TABLE IF EXISTS {created[1]} SYNC")
    for statement in statements:
        engine.command(statement)
    write_state(engine, {"projection": digest})
    return True

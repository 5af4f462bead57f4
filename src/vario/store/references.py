"""Reads and writes what models are compared with."""

import orjson

from vario.clock import Clock
from vario.store.engine import Engine


class ReferenceTable:
    """`vario.store.base.ReferenceStore` over the table of migration 0060."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def write_reference(self, model_name: str, name: str, body: str) -> None:
        """Keeps a reference; one of the same model and name is replaced."""
        self._insert(model_name, name, body, is_deleted=False)

    def delete_reference(self, model_name: str, name: str) -> bool:
        """Deletes a reference; returns whether there was one."""
        if not any(found[:2] == (model_name, name) for found in self.find_references()):
            return False
        self._insert(model_name, name, "", is_deleted=True)
        return True

    def find_references(self) -> list[tuple[str, str, str]]:
        """Lists (model, name, body) of every reference, the one written last at the end."""
        return self._engine.query_rows(
            "SELECT model_name, name, body FROM drift_references FINAL WHERE NOT deleted"
            " ORDER BY version, model_name, name"
        )

    def _insert(self, model_name: str, name: str, body: str, *, is_deleted: bool) -> None:
        row = {
            "model_name": model_name,
            "name": name,
            "version": self._clock.now_ns(),
            "deleted": int(is_deleted),
            "body": body,
        }
        self._engine.insert_bytes("drift_references", orjson.dumps(row), "JSONEachRow")

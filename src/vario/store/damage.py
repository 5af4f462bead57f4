"""Parts of tables that cannot be read: found, named, set aside, so that the rest serves.

A part that is broken when the store opens is set aside by the engine. One that breaks later (a bit
of the disk flips) fails every query that reads it; such a failure starts a check here.
"""

import logging
import re
import threading

from vario.errors import VarioError
from vario.store.base import DamagedPart
from vario.store.engine import Engine

log = logging.getLogger(__name__)

_PART = re.compile(r"/store/[0-9a-f]{3}/([0-9a-f-]{36})/([^/\s]+)/")
# A check reads whole parts.
_UNLIMITED = {"max_execution_time": 0, "check_query_single_value_result": 0}
# Why the engine sets parts aside that are not damaged: others took their place, or work on them.
_SOUND_REASONS = ("ignored", "clone", "attaching", "deleting", "tmp-fetch", "covered-by-broken")


class DamagedParts:
    """Sets damaged parts of the embedded store aside, and lists them."""

    def __init__(self, engine: Engine) -> None:
        """Listens to the engine's faults."""
        self._engine = engine
        self._lock = threading.Lock()
        self._checking = False
        if engine.address.embedded:
            engine.on_damage = self.note

    def note(self, message: str) -> None:
        """Starts a check of what a fault speaks of, unless one is running; returns at once."""
        with self._lock:
            if self._checking:
                return
            self._checking = True
        threading.Thread(
            target=self._check, args=(message,), name="vario-damage", daemon=True
        ).start()

    def find(self) -> list[DamagedPart]:
        """Lists the parts that were set aside, by table and name."""
        if not self._engine.address.embedded:
            return []
        rows = self._engine.query_rows(
            "SELECT table, name, path, bytes_on_disk,"
            " toUnixTimestamp(modification_time) * 1000000000 FROM system.detached_parts WHERE"
            f" database = currentDatabase() AND reason NOT IN {_SOUND_REASONS} ORDER BY table, name"
        )
        return [DamagedPart(*row) for row in rows]

    def set_aside(self, message: str = "") -> list[str]:
        """Checks parts and sets aside those that cannot be read.

        Args:
            message: a fault that may name the part; without one every part is checked.

        Returns:
            What was set aside, each as `table part`.
        """
        done: list[str] = []
        for table, part in self._find_suspects(message):
            for name, reason in self._find_unreadable(table, part):
                self._engine.command(f"ALTER TABLE `{table}` DETACH PART '{name}'")
                log.error(
                    "part %s of %s is damaged: set aside, the rest serves; see `vario doctor` (%s)",
                    name, table, reason,
                )  # fmt: skip
                done.append(f"{table} {name}")
        return done

    def _check(self, message: str) -> None:
        try:
            self.set_aside(message)
        except VarioError as error:
            log.error("damaged parts cannot be set aside: %s", error)  # noqa: TRY400
        finally:
            with self._lock:
                self._checking = False

    def _find_suspects(self, message: str) -> list[tuple[str, str]]:
        """Returns tables and parts to check; an empty part stands for all of a table."""
        named = {(uuid, part) for uuid, part in _PART.findall(message)}
        rows = self._engine.query_rows(
            "SELECT name, toString(uuid) FROM system.tables"
            " WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        )
        tables = {uuid: name for name, uuid in rows}
        suspects = [(tables[uuid], part) for uuid, part in sorted(named) if uuid in tables]
        return suspects or [(name, "") for name, _ in sorted(rows)]

    def _find_unreadable(self, table: str, part: str) -> list[tuple[str, str]]:
        only = f" PART '{part}'" if part else ""
        # TabSeparated, as the engine's own format of this statement's answer is text too.
        answer = self._engine.query_bytes(
            f"CHECK TABLE `{table}`{only}", fmt="TabSeparated", settings=_UNLIMITED
        )
        lines = [line.split("\t") for line in answer.decode("utf-8", "replace").splitlines()]
        return [(line[0], line[2]) for line in lines if len(line) == 3 and line[1] == "0"]

"""What the guards did: by detector, signal, service and field; never a value.

Counts survive a restart: the owner reads `dump` into the store now and then and gives it back to
`restore`.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from vario.guard.redact import Finding

MAX_ENTRIES = 2000
"""Bound on the entries; what comes past it is counted under the field `(other)`."""
MAX_FIELD = 100


@dataclass(frozen=True, slots=True)
class Found:
    """How often one detector found something in one field.

    `first_ns` and `last_ns` are nanoseconds since the epoch.
    """

    detector: str
    mode: str
    signal: str
    service: str
    field: str
    count: int
    first_ns: int
    last_ns: int

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What entries are told apart by."""
        return self.detector, self.mode, self.signal, self.service, self.field


class Ledger:
    """Counts. Every method may be called from any thread."""

    def __init__(self, clean_name: Callable[[str], str]) -> None:
        """Makes an empty ledger.

        Args:
            clean_name: takes personal data out of the names of fields and services.
        """
        self._clean_name = clean_name
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, ...], Found] = {}
        self._changed = False

    def add(self, found: Mapping[Finding, int], now_ns: int) -> list[Found]:
        """Counts findings; returns the entries that are new."""
        fresh: list[Found] = []
        with self._lock:
            for (detector, mode, place), count in found.items():
                field = self._clean_name(place.field)[:MAX_FIELD]
                service = self._clean_name(place.service)[:MAX_FIELD]
                entry = Found(detector, mode, place.signal, service, field, count, now_ns, now_ns)
                if entry.key not in self._entries and len(self._entries) >= MAX_ENTRIES:
                    entry = replace(entry, service="", field="(other)")
                known = self._entries.get(entry.key)
                if known:
                    entry = replace(entry, count=known.count + count, first_ns=known.first_ns)
                else:
                    fresh.append(entry)
                self._entries[entry.key] = entry
                self._changed = True
        return fresh

    def entries(self) -> list[Found]:
        """Returns all entries, the most frequent first."""
        with self._lock:
            return sorted(self._entries.values(), key=lambda entry: (-entry.count, entry.key))

    def dump(self) -> list[dict[str, Any]] | None:
        """Returns everything as JSON knows it, None if nothing changed since the last time."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return [asdict(entry) for entry in self._entries.values()]

    def restore(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Adds what `dump` returned in an earlier life."""
        with self._lock:
            for values in entries:
                entry = Found(**values)
                self._entries[entry.key] = entry

"""Writing to the alert log, also while the store cannot be written.

Nobody must be left unwarned because the disk is full: what cannot be written is kept in memory,
in order, and written as soon as that works again.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from vario.clock import Clock
from vario.errors import VarioError
from vario.model.alert import AlertEvent, AlertRecord, Delivery
from vario.store.base import AlertLog

log = logging.getLogger(__name__)

Row = TypeVar("Row")

MOST_KEPT = 10_000
"""Rows of a kind that wait in memory at most; the oldest go first."""


class Journal:
    """Appends to the alert log and numbers what it appends. For any thread."""

    def __init__(self, alert_log: AlertLog, clock: Clock) -> None:
        self._log = alert_log
        self._clock = clock
        self._lock = threading.Lock()
        self._version = 0
        self._events: list[AlertEvent] = []
        self._records: list[AlertRecord] = []
        self._deliveries: list[Delivery] = []

    def next_version(self) -> int:
        """Returns a number that is higher than all before, also than those before a restart."""
        with self._lock:
            self._version = max(self._version + 1, self._clock.now_ns())
            return self._version

    def start_after(self, version: int) -> None:
        """Lets numbers begin after one that was found in the store: clocks can be set back."""
        with self._lock:
            self._version = max(self._version, version)

    def write(
        self,
        events: Sequence[AlertEvent] = (),
        records: Sequence[AlertRecord] = (),
        deliveries: Sequence[Delivery] = (),
    ) -> bool:
        """Appends rows, those that wait first; returns whether everything is in the store."""
        with self._lock:
            self._events += events
            self._records += records
            self._deliveries += deliveries
            # Deliveries first: were it cut off between, the events are found again by evaluating.
            done = _flush(self._deliveries, self._log.write_deliveries)
            done &= _flush(self._records, self._log.write_alert_records)
            done &= _flush(self._events, self._log.write_alert_events)
            return done


def _flush(rows: list[Row], write: Callable[[Sequence[Row]], None]) -> bool:
    if not rows:
        return True
    try:
        write(rows)
    except VarioError as error:
        log.warning("%d rows of the alert log wait in memory: %s", len(rows), error)
        del rows[:-MOST_KEPT]
        return False
    rows.clear()
    return True

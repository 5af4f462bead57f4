"""The feature store's database: features are computed from what users did."""

import sqlite3
import threading
from pathlib import Path
from time import monotonic
from typing import Any

from vario.demo.features import PRIOR_ACCEPTED, PRIOR_SHOWN
from vario.demo.world import CATEGORIES

_USER = "SELECT age, country, session_length FROM users WHERE id = ?"
_HISTORY = """
SELECT category, count(*), sum(accepted) FROM events WHERE user_id = ? GROUP BY category
"""
# Everything that people of one country and one decade of age did: some thousands of rows, found
# through an index and read from all over the table.
_PEERS = """
SELECT e.category, count(*), sum(e.accepted)
FROM users u JOIN events e ON e.user_id = u.id
WHERE u.country = ? AND u.age / 10 = ?
GROUP BY e.category
"""

PEERS_TTL_S = 60.0


class Database:
    """Reads from any number of threads, a connection each; writes from one at a time.

    What people of a kind did is computed at most once a minute: one person changes it little.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._write_lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        self._peers: dict[tuple[int, int], tuple[float, list[float]]] = {}

    def read_features(self, user_id: int) -> dict[str, Any] | None:
        """Returns a user's features, computed now; None where there is no such user."""
        connection = self._connection()
        user = connection.execute(_USER, (user_id,)).fetchone()
        if user is None:
            return None
        age, country, session_length = user
        history = connection.execute(_HISTORY, (user_id,)).fetchall()
        shown = sum(row[1] for row in history)
        accepted = sum(row[2] for row in history)
        return {
            "age": age,
            "country": country,
            "session_length": session_length,
            "user_accept_rate": _rate(accepted, shown),
            "category_accept_rate": _by_category(history),
            "peer_accept_rate": self._read_peers(connection, (country, age // 10)),
        }

    def _read_peers(self, connection: sqlite3.Connection, kind: tuple[int, int]) -> list[float]:
        expires_s, rates = self._peers.get(kind, (0.0, []))
        if expires_s <= monotonic():
            rates = _by_category(connection.execute(_PEERS, kind).fetchall())
            self._peers[kind] = (monotonic() + PEERS_TTL_S, rates)
        return rates

    def write_event(self, user_id: int, item_id: int, category: int, *, accepted: bool) -> None:
        """Adds what a user did; it is on the disk when this returns."""
        with self._write_lock:
            connection = self._connection()
            with connection:
                connection.execute(
                    "INSERT INTO events VALUES (?, ?, ?, ?)",
                    (user_id, item_id, category, int(accepted)),
                )

    def close(self) -> None:
        """Closes the connections; no thread may use one any more."""
        for connection in self._connections:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=5, check_same_thread=False)
            connection.execute("PRAGMA synchronous = FULL")
            self._local.connection = connection
            self._connections.append(connection)
        return connection


def _rate(accepted: int, shown: int) -> float:
    return (accepted + PRIOR_ACCEPTED) / (shown + PRIOR_SHOWN)


def _by_category(rows: list[tuple[int, int, int]]) -> list[float]:
    rates = [_rate(0, 0)] * len(CATEGORIES)
    for category, shown, accepted in rows:
        rates[category] = _rate(accepted, shown)
    return rates

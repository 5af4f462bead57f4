"""How much came when: what is stored, by kind and by step of time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from vario.model.retention import GrowthStep, Piece
from vario.store.engine import Engine

_TIMES = {
    "otel_traces": ("traces", "toDateTime(Timestamp)"),
    "otel_logs": ("logs", "TimestampTime"),
    "metric_samples": ("metrics", "toDateTime(ts)"),
}
"""The table of each kind that most of its rows are in, and their time."""
_KINDS = {kind for kind, _ in _TIMES.values()}
_DAY_S = 86_400
_YOUNG_DAYS = 3
"""A store with more days than this is shown by its days, which needs no look at rows."""
_STEPS_S = (60, 300, 900, 3600)
_MOST = 72


def find_growth(
    engine: Engine, pieces: Sequence[Piece], now_ns: int, *, from_days: int = _YOUNG_DAYS
) -> list[GrowthStep]:
    """Returns what came in each step, by time and kind: days, or parts of them in a young store.

    Bytes of a step shorter than a day are the kind's by the share of its rows.
    """
    days = [one for one in pieces if one.first_day is not None and one.table in _TIMES]
    oldest = min((one.first_day for one in days if one.first_day), default=None)
    if oldest is None:
        return []
    now_s = now_ns // 10**9
    oldest_s = int(datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC).timestamp())
    if now_s - oldest_s > from_days * _DAY_S:
        return _by_day(pieces)
    sizes: dict[str, int] = {}
    for piece in pieces:
        sizes[piece.kind] = sizes.get(piece.kind, 0) + piece.bytes
    return _by_rows(engine, sizes, now_s)


def _by_day(pieces: Sequence[Piece]) -> list[GrowthStep]:
    """Returns the days of the tables that are divided by day; look-up tables are small."""
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for piece in pieces:
        if piece.first_day is None or piece.days != 1 or piece.kind not in _KINDS:
            continue
        day = datetime(piece.first_day.year, piece.first_day.month, piece.first_day.day, tzinfo=UTC)
        key = (int(day.timestamp()), piece.kind)
        rows, size = found.get(key, (0, 0))
        main = piece.table in _TIMES
        found[key] = (rows + piece.rows * main, size + piece.bytes)
    return [
        GrowthStep(start_s, _DAY_S, kind, rows, size)
        for (start_s, kind), (rows, size) in sorted(found.items())
    ]


def _by_rows(engine: Engine, sizes: Mapping[str, int], now_s: int) -> list[GrowthStep]:
    """Returns rows by minute from the engine, added up to at most `_MOST` steps."""
    minutes: dict[str, list[tuple[int, int]]] = {}
    for table, (kind, column) in _TIMES.items():
        minutes[kind] = engine.query_rows(
            f"SELECT intDiv(toUnixTimestamp({column}), 60) * 60 AS minute, count() FROM {table}"
            " WHERE minute <= {now:Int64} GROUP BY minute ORDER BY minute",
            {"now": now_s},
        )
    first = min((rows[0][0] for rows in minutes.values() if rows), default=now_s)
    step_s = next((step for step in _STEPS_S if (now_s - first) / step < _MOST), _STEPS_S[-1])
    found: dict[tuple[int, str], int] = {}
    for kind, rows in minutes.items():
        for minute, count in rows:
            key = (minute // step_s * step_s, kind)
            found[key] = found.get(key, 0) + count
    totals = {kind: max(1, sum(count for _, count in rows)) for kind, rows in minutes.items()}
    return [
        GrowthStep(start_s, step_s, kind, rows, sizes.get(kind, 0) * rows // totals[kind])
        for (start_s, kind), rows in sorted(found.items())
    ]

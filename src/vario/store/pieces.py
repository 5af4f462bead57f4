"""Which days of which tables there are, how large they are, and how they will grow."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from vario.errors import BadData
from vario.model.retention import DiskState, Piece
from vario.store.engine import Engine
from vario.store.schema import KEPT

_DAYS_OF = {"otel_traces_trace_id_ts": 7}
"""Days that a partition spans where it is not one."""
_KINDS = {kept.table: kept.kind for kept in KEPT}
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", re.IGNORECASE)
_FULL_DAYS = 3
_HORIZON_DAYS = 3650


def parse_size(text: str) -> int | None:
    """Returns bytes of a size such as `20GB` or `512MiB`, None for an empty text.

    Raises:
        BadData: the text is no size.

    Example:
        >>> parse_size("20GB"), parse_size("1.5 GiB"), parse_size("")
        (20000000000, 1610612736, None)
    """
    if not text.strip():
        return None
    found = _SIZE.fullmatch(text)
    if not found or not float(found[1]):
        raise BadData(f"{text!r} is no size of a disk budget: write 20GB, 512MiB or 1.5TB")
    factor = _UNITS[found[2].upper()]
    if found[3]:
        factor = 1024 ** list(_UNITS).index(found[2].upper())
    return int(float(found[1]) * factor)


def find_pieces(engine: Engine) -> list[Piece]:
    """Returns every piece of the tables that hold telemetry, by table and time."""
    rows = engine.query_rows(
        "SELECT table, partition_id, sum(rows), sum(bytes_on_disk) FROM system.parts"
        " WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}"
        " GROUP BY table, partition_id ORDER BY table, partition_id",
        {"tables": list(_KINDS)},
    )
    return [
        Piece(
            kind=_KINDS[table],
            table=table,
            partition=partition,
            first_day=_day_of(partition),
            days=_DAYS_OF.get(table, 1),
            rows=count,
            bytes=size,
        )
        for table, partition, count, size in rows
    ]


def find_free_bytes(engine: Engine) -> int | None:
    """Returns what the engine's disk has left, None where it is not known."""
    rows = engine.query_rows("SELECT min(unreserved_space) FROM system.disks")
    return int(rows[0][0]) if rows and rows[0][0] else None


def today_of(now_ns: int) -> date:
    """Returns the day in UTC, by which tables are divided."""
    return datetime.fromtimestamp(now_ns / 1e9, UTC).date()


def foresee(
    pieces: Sequence[Piece],
    days_kept: Mapping[str, int],
    *,
    today: date,
    budget_bytes: int | None,
    free_bytes: int | None,
) -> DiskState:
    """Returns how full the disk is and will be if the coming days are like the last.

    Args:
        pieces: what is stored.
        days_kept: by kind, after how many days it goes.
        today: the day that is not over yet.
        budget_bytes: what may be used, None without a budget.
        free_bytes: what the file system has left, None if unknown.
    """
    used = sum(piece.bytes for piece in pieces)
    growth = {kind: _growth(pieces, kind, today) for kind in days_kept}
    limits = [budget_bytes] if budget_bytes else []
    if free_bytes is not None:
        limits.append(used + free_bytes)
    return DiskState(
        used_bytes=used,
        budget_bytes=budget_bytes,
        free_bytes=free_bytes,
        over_bytes=max(0, used - budget_bytes) if budget_bytes else 0,
        growth_bytes=growth,
        days_left=_days_left(pieces, days_kept, growth, today, min(limits)) if limits else None,
    )


def _growth(pieces: Iterable[Piece], kind: str, today: date) -> int:
    """Returns what a day adds: the mean of the last full days, else what today has so far."""
    by_day: dict[date, int] = {}
    for piece in pieces:
        if piece.kind == kind and piece.first_day and piece.days == 1:
            by_day[piece.first_day] = by_day.get(piece.first_day, 0) + piece.bytes
    full = [today - timedelta(days=back) for back in range(1, _FULL_DAYS + 1)]
    sizes = [by_day[day] for day in full if day in by_day]
    return sum(sizes) // len(sizes) if sizes else by_day.get(today, 0)


def _days_left(
    pieces: Sequence[Piece],
    days_kept: Mapping[str, int],
    growth: Mapping[str, int],
    today: date,
    limit: int,
) -> int | None:
    horizon = min(max(days_kept.values(), default=0) + 1, _HORIZON_DAYS)
    for ahead in range(horizon + 1):
        day = today + timedelta(days=ahead)
        size = sum(
            piece.bytes
            for piece in pieces
            if not is_past(piece, day, days_kept.get(piece.kind, _HORIZON_DAYS))
        )
        size += sum(each * min(ahead, days_kept[kind]) for kind, each in growth.items())
        if size > limit:
            return ahead
    return None


def is_past(piece: Piece, today: date, days: int) -> bool:
    """Returns whether all of a piece is older than `days` at the beginning of `today`."""
    if piece.first_day is None:
        return False
    return piece.first_day + timedelta(days=piece.days + days) <= today


def last_day(piece: Piece, otherwise: date) -> date:
    """Returns the last day that a piece has rows of."""
    if piece.first_day is None:
        return otherwise
    return piece.first_day + timedelta(days=piece.days - 1)


def _day_of(partition: str) -> date | None:
    if not re.fullmatch(r"\d{8}", partition):
        return None
    return date(int(partition[:4]), int(partition[4:6]), int(partition[6:]))

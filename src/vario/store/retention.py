"""Keeps the store within its settings: by age, by service, within a disk budget.

Tables have a TTL for the longest age that any service wants. What must go earlier goes here, by
whole days: a day's partition once all of it is too old; a service's rows of a day by one mutation
of that day. A budget takes whole days, the oldest of the most expendable kind first, and never
today's. Whatever goes is logged and written into `retention_log`.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from vario.clock import Clock
from vario.config import RetentionSettings
from vario.errors import BadData, Overloaded
from vario.model.retention import DiskState, Piece, Reason, Removal, Usage
from vario.store.backup import stream_backup
from vario.store.downsample import Downsampler
from vario.store.engine import Engine
from vario.store.pieces import (
    find_free_bytes,
    find_pieces,
    foresee,
    is_past,
    last_day,
    parse_size,
    today_of,
)
from vario.store.sampling import Sampler
from vario.store.schema import Shape, apply_ttl, read_state, shape_of
from vario.store.usage import UsageQueries

log = logging.getLogger(__name__)

KINDS = ("traces", "logs", "metrics")
"""What has a retention by service and a place in the order of what is dropped first."""
_JOB = "splitByChar('/', labels['job'])[-1]"
_BY_SERVICE = {
    "otel_traces": "ServiceName IN {services:Array(String)}",
    "otel_logs": "ServiceName IN {services:Array(String)}",
    **dict.fromkeys(
        ("metric_samples", "metric_histograms", "metric_exemplars"),
        f"id IN (SELECT id FROM metric_series WHERE {_JOB} IN {{services:Array(String)}})",
    ),
}
"""The condition on the rows of services, by table."""


@dataclass(frozen=True, slots=True)
class Expired:
    """Whose rows of a piece are too old: of these services, or of all but these."""

    services: tuple[str, ...]
    all_but: bool


def check_retention(settings: RetentionSettings) -> None:
    """Returns if the settings make sense.

    Raises:
        BadData: one of them does not, and which.
    """
    parse_size(settings.max_disk)
    if sorted(settings.drop_first) != sorted(KINDS):
        raise BadData(
            f"store.retention.drop_first names each of {', '.join(KINDS)} once, "
            f"not {list(settings.drop_first)}"
        )
    days = [(f"{kind}_days", getattr(settings, f"{kind}_days")) for kind in (*KINDS, "alerts")]
    for name, value in days:
        if value < 1:
            raise BadData(f"store.retention.{name} is {value}: keep at least 1 day")
    for service, own in settings.services.items():
        for kind in KINDS:
            if getattr(own, f"{kind}_days") < 0:
                raise BadData(f"store.retention.services.{service}.{kind}_days is below 0")
    interval_s = settings.downsample_interval_s
    if not 10 <= interval_s <= 3600 or 3600 % interval_s:
        raise BadData(
            f"store.retention.downsample_interval_s is {interval_s}: choose 10 to 3600 seconds "
            "that divide an hour, such as 60, 300 or 3600"
        )
    if settings.downsample_after_days < 0:
        raise BadData("store.retention.downsample_after_days is below 0: 0 means never")
    if settings.check_every_s <= 0:
        raise BadData("store.retention.check_every_s must be above 0")


def find_expired(settings: RetentionSettings, piece: Piece, today: date) -> Expired | None:
    """Returns whose rows of a piece are too old by the services' own ages, None for nobody's."""
    if piece.kind not in KINDS:
        return None
    name = f"{piece.kind}_days"
    default = getattr(settings, name)
    own = {service: getattr(each, name) or default for service, each in settings.services.items()}
    if is_past(piece, today, default):
        kept = tuple(sorted(s for s, days in own.items() if not is_past(piece, today, days)))
        return Expired(kept, all_but=True)
    gone = tuple(sorted(s for s, days in own.items() if is_past(piece, today, days)))
    return Expired(gone, all_but=False) if gone else None


class Keeper:
    """Looks after the age and the size of what is stored; `run_once` does one round.

    On a cluster only the tables' TTL is kept: a partition's size on one node says nothing.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        settings: RetentionSettings,
        *,
        cluster: str = "",
        sampler: Sampler | None = None,
    ) -> None:
        """Makes a keeper; `sampler` is who decides which traces stay, if anybody does.

        Raises:
            BadData: a setting makes no sense.
        """
        check_retention(settings)
        self._engine = engine
        self._clock = clock
        self._cluster = cluster
        self._lock = threading.Lock()
        self._backing_up = threading.Lock()
        self._adopted = frozenset(
            name.removeprefix("adopted:")
            for name in read_state(engine)
            if name.startswith("adopted:")
        )
        self.settings = settings
        self.sampler = sampler
        self.removed: dict[tuple[str, str], tuple[int, int, int]] = {}
        """By kind and reason: pieces, rows and bytes that went since the start."""

    @property
    def shape(self) -> Shape:
        """How tables are laid out, with the days they are kept."""
        return shape_of(self._cluster, self.settings)

    @property
    def days_kept(self) -> Mapping[str, int]:
        """By kind, after how many days all of it goes."""
        return self.shape.days

    def update(self, settings: RetentionSettings) -> list[Removal]:
        """Takes over changed settings and applies them at once.

        Raises:
            BadData: one of them makes no sense; the old ones stay in force.
        """
        check_retention(settings)
        if settings == self.settings:
            return []
        self.settings = settings
        apply_ttl(self._engine, self.shape)
        log.info("retention changed", extra={"fields": _described(settings)})
        return self.run_once()

    def run_once(self) -> list[Removal]:
        """Takes away what is too old or too much now, and returns what that was."""
        if self._cluster:
            return []
        with self._lock:
            today = today_of(self._clock.now_ns())
            done = [*self._drop_old(today), *self._delete_of_services(today)]
            done += self._keep_budget(today)
            done += self._downsample(today)
            return done

    def check_disk(self) -> DiskState:
        """Returns how full the disk is and will be."""
        return foresee(
            find_pieces(self._engine),
            self.shape.days,
            today=today_of(self._clock.now_ns()),
            budget_bytes=parse_size(self.settings.max_disk),
            free_bytes=find_free_bytes(self._engine),
        )

    def find_removals(self, limit: int = 100) -> list[Removal]:
        """Returns what went lately, the last first."""
        rows = self._engine.query_rows(
            "SELECT toUnixTimestamp64Milli(at) * 1000000, kind, table, partition, reason, rows,"
            " bytes, detail FROM retention_log ORDER BY at DESC, table, partition"
            f" LIMIT {int(limit)}"
        )
        return [Removal(*row) for row in rows]

    def find_usage(self) -> Usage:
        """Returns what takes the space."""
        return UsageQueries(self._engine).find_usage(self._clock.now_ns())

    def stream_backup(self) -> Iterator[bytes]:
        """Yields a backup of everything piece by piece.

        Raises:
            Overloaded: another backup is being made.
        """
        if not self._backing_up.acquire(blocking=False):
            raise Overloaded("a backup is being made already: wait for its end", retry_after_s=30)
        return self._backup()

    def _backup(self) -> Iterator[bytes]:
        try:
            yield from stream_backup(self._engine, self._clock)
        finally:
            self._backing_up.release()

    # By age

    def _drop_old(self, today: date) -> list[Removal]:
        days = self.shape.days
        return [
            self._drop(piece, "age", f"older than {days[piece.kind]} days")
            for piece in self._ours()
            if is_past(piece, today, days[piece.kind])
        ]

    def _delete_of_services(self, today: date) -> list[Removal]:
        if not self.settings.services or self._is_deleting():
            return []
        done: list[Removal] = []
        for piece in self._ours():
            if piece.table not in _BY_SERVICE or not piece.rows:
                continue
            expired = find_expired(self.settings, piece, today)
            if expired:
                done += self._delete(piece, expired)
        return done

    def _delete(self, piece: Piece, expired: Expired) -> list[Removal]:
        condition = _BY_SERVICE[piece.table]
        if expired.all_but:
            condition = f"NOT ({condition})"
        services = list(expired.services)
        rows = self._engine.query_rows(
            f"SELECT count() FROM {piece.table}"
            f" WHERE _partition_id = {{partition:String}} AND {condition}",
            {"services": services, "partition": piece.partition},
        )[0][0]
        if not rows:
            return []
        self._engine.command(
            f"ALTER TABLE {piece.table} DELETE IN PARTITION ID '{piece.partition}'"
            f" WHERE {condition}",
            {"services": services},
        )
        whose = ", ".join(services) or "nobody"
        detail = f"all services but {whose}" if expired.all_but else f"of {whose}"
        gone = replace(piece, rows=rows, bytes=piece.bytes * rows // max(piece.rows, 1))
        return [self._note(gone, "service", f"{detail}: their own age is over")]

    def _is_deleting(self) -> bool:
        """Returns whether an earlier deletion is still at work: its rows would be found again."""
        rows = self._engine.query_rows(
            "SELECT count() FROM system.mutations WHERE database = currentDatabase()"
            " AND NOT is_done AND table IN {tables:Array(String)}",
            {"tables": list(_BY_SERVICE)},
        )
        return bool(rows[0][0])

    # By size

    def _keep_budget(self, today: date) -> list[Removal]:
        budget = parse_size(self.settings.max_disk)
        if budget is None:
            return []
        pieces = find_pieces(self._engine)
        used = sum(piece.bytes for piece in pieces)
        done: list[Removal] = []
        for piece in self._expendable(pieces, today):
            if used <= budget:
                break
            done.append(
                self._drop(
                    piece,
                    "budget",
                    f"{used} bytes are stored, the budget is {budget} ({self.settings.max_disk})",
                )
            )
            used -= piece.bytes
        if used > budget:
            log.error(
                "over the disk budget, and only today's data is left: nothing more is dropped; "
                "raise store.retention.max_disk, or send less (see /api/data)",
                extra={"fields": {"used_bytes": used, "budget_bytes": budget}},
            )
        return done

    def _expendable(self, pieces: Sequence[Piece], today: date) -> list[Piece]:
        """Returns what may be dropped, the most expendable first; never what holds today."""
        order = {kind: place for place, kind in enumerate(self.settings.drop_first)}

        def may_go(piece: Piece) -> bool:
            return (
                piece.kind in order
                and piece.table not in self._adopted
                and is_past(piece, today, 0)
            )

        return sorted(
            (piece for piece in pieces if may_go(piece)),
            key=lambda piece: (order[piece.kind], last_day(piece, today), piece.table),
        )

    # By step

    def _downsample(self, today: date) -> list[Removal]:
        after = self.settings.downsample_after_days
        if not after:
            return []
        thinner = Downsampler(self._engine, self.settings.downsample_interval_s)
        done: list[Removal] = []
        for piece in self._ours():
            if thinner.takes(piece) and is_past(piece, today, after):
                removed = thinner.thin_out(piece)
                if removed:
                    rows, size = removed
                    gone = replace(piece, rows=rows, bytes=size)
                    done.append(self._note(gone, "downsampled", thinner.describe()))
        return done

    def _ours(self) -> list[Piece]:
        return [piece for piece in find_pieces(self._engine) if piece.table not in self._adopted]

    def _drop(self, piece: Piece, reason: Reason, detail: str) -> Removal:
        self._engine.command(f"ALTER TABLE {piece.table} DROP PARTITION ID '{piece.partition}'")
        return self._note(piece, reason, detail)

    def _note(self, piece: Piece, reason: Reason, detail: str) -> Removal:
        removal = Removal(
            at_ns=self._clock.now_ns() // 10**6 * 10**6,
            kind=piece.kind,
            table=piece.table,
            partition=piece.partition,
            reason=reason,
            rows=piece.rows,
            bytes=piece.bytes,
            detail=detail,
        )
        fields: dict[str, object] = {
            "table": piece.table,
            "day": piece.partition,
            "rows": piece.rows,
            "bytes": piece.bytes,
        }
        level = logging.WARNING if reason == "budget" else logging.INFO
        log.log(level, "%s dropped: %s", piece.kind, detail, extra={"fields": fields})
        self._engine.command(
            "INSERT INTO retention_log SELECT fromUnixTimestamp64Milli({at:Int64}), {kind:String},"
            " {table:String}, {partition:String}, {reason:String}, {rows:UInt64}, {bytes:UInt64},"
            " {detail:String}",
            {
                "at": removal.at_ns // 10**6,
                "kind": removal.kind,
                "table": removal.table,
                "partition": removal.partition,
                "reason": removal.reason,
                "rows": removal.rows,
                "bytes": removal.bytes,
                "detail": removal.detail,
            },
        )
        key = (piece.kind, reason)
        pieces, rows, size = self.removed.get(key, (0, 0, 0))
        self.removed[key] = (pieces + 1, rows + piece.rows, size + piece.bytes)
        return removal


def _described(settings: RetentionSettings) -> dict[str, object]:
    days = {f"{kind}_days": getattr(settings, f"{kind}_days") for kind in KINDS}
    return {**days, "max_disk": settings.max_disk or "none", "services": len(settings.services)}

"""What is stored and for how long, and a backup of all of it."""

from collections.abc import Iterator
from dataclasses import asdict

from starlette.responses import StreamingResponse

from vario.api.context import Context, CurrentContext
from vario.api.data_models import (
    DataOut,
    GrowthOut,
    KindOut,
    LabelUsageOut,
    MetricUsageOut,
    RemovalOut,
    RetentionOut,
    ServiceDaysOut,
    ServiceUsageOut,
    TableDayOut,
)
from vario.api.shapes import to_seconds
from vario.errors import NotFound
from vario.query.doctor import Check
from vario.store.base import DataKeeper


def get_data(context: CurrentContext) -> DataOut:
    """What takes the space by kind, day, service, metric and label, and how long it will do."""
    keeper = _keeper(context)
    disk, usage = keeper.check_disk(), keeper.find_usage()
    kinds = [
        KindOut(
            kind=kind,
            rows=sum(piece.rows for piece in usage.pieces if piece.kind == kind),
            bytes=sum(piece.bytes for piece in usage.pieces if piece.kind == kind),
            growth_bytes=growth,
            days_kept=keeper.days_kept[kind],
        )
        for kind, growth in disk.growth_bytes.items()
    ]
    return DataOut(
        used_bytes=disk.used_bytes,
        budget_bytes=disk.budget_bytes,
        free_bytes=disk.free_bytes,
        over_bytes=disk.over_bytes,
        days_left=disk.days_left,
        kinds=kinds,
        tables=[
            TableDayOut(
                kind=piece.kind,
                table=piece.table,
                day=piece.first_day.isoformat() if piece.first_day else "",
                rows=piece.rows,
                bytes=piece.bytes,
            )
            for piece in usage.pieces
        ],
        services=[ServiceUsageOut(**asdict(one)) for one in usage.services],
        metrics=[MetricUsageOut(**asdict(one)) for one in usage.metrics],
        labels=[LabelUsageOut(**asdict(one)) for one in usage.labels],
        growth=[
            GrowthOut(
                time=one.start_s, step=one.step_s, kind=one.kind, rows=one.rows, bytes=one.bytes
            )
            for one in usage.growth
        ],
        retention=get_retention(context),
    )


def get_retention(context: CurrentContext) -> RetentionOut:
    """How long data is kept, and what was taken away lately."""
    keeper = _keeper(context)
    settings = keeper.settings
    return RetentionOut(
        days={
            "traces": settings.traces_days,
            "logs": settings.logs_days,
            "metrics": settings.metrics_days,
            "alerts": settings.alerts_days,
        },
        services=[
            ServiceDaysOut(
                service=service,
                metrics_days=own.metrics_days,
                logs_days=own.logs_days,
                traces_days=own.traces_days,
            )
            for service, own in sorted(settings.services.items())
        ],
        max_disk=settings.max_disk,
        drop_first=list(settings.drop_first),
        downsample_after_days=settings.downsample_after_days,
        downsample_interval_s=settings.downsample_interval_s,
        removed=[
            RemovalOut(
                at=to_seconds(one.at_ns),
                kind=one.kind,
                table=one.table,
                day=one.partition,
                reason=one.reason,
                rows=one.rows,
                bytes=one.bytes,
                detail=one.detail,
            )
            for one in keeper.find_removals()
        ],
    )


def make_backup(context: CurrentContext) -> StreamingResponse:
    """A backup of all data as a tar archive, made while the server goes on serving."""
    pieces = _keeper(context).stream_backup()
    return StreamingResponse(
        _from_first(pieces),
        media_type="application/x-tar",
        headers={
            "Content-Disposition": 'attachment; filename="vario-backup.tar"',
            # What is in it is compressed already.
            "Content-Encoding": "identity",
        },
    )


def check_disk(context: Context) -> list[Check]:
    """Returns what the doctor says of the disk."""
    if context.keeper is None:
        return []
    disk = context.keeper.check_disk()
    used = f"{disk.used_bytes / 1e9:.2f} GB stored"
    if disk.over_bytes:
        return [Check(
            "disk", "", "failed",
            f"{used}, {disk.over_bytes / 1e9:.2f} GB over the budget, and only today's is left",
            "raise store.retention.max_disk (--max-disk), or send less: see `vario retention`",
        )]  # fmt: skip
    if disk.days_left is not None and disk.days_left <= 3:
        limit = "the disk budget" if disk.budget_bytes else "the disk"
        return [Check(
            "disk", "", "warning", f"{used}; {limit} is full in {disk.days_left} days",
            "keep data for fewer days ([store.retention]), or set --max-disk so that the oldest "
            "goes first: see `vario retention`",
        )]  # fmt: skip
    return [Check("disk", "", "ok", used)]


def _from_first(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Closes the backup's frozen copy when the client goes away, too."""
    try:
        yield from pieces
    finally:
        close = getattr(pieces, "close", None)
        if close:
            close()


def _keeper(context: Context) -> DataKeeper:
    if context.keeper is None:
        raise NotFound("nobody looks after this server's data: it was started without a keeper")
    return context.keeper

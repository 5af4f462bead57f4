"""Endpoints about the server itself: the doctor, status, and the two probes."""

from typing import Annotated

from fastapi import Query

from vario.api.context import CurrentContext
from vario.api.data import check_disk
from vario.api.incidents import check_incidents
from vario.api.models import CheckOut, DamagedPartOut, DoctorOut, ProbeOut, StatusOut, TableSizeOut
from vario.api.params import parse_window
from vario.api.shapes import to_seconds
from vario.drift.remarks import examine as examine_drift
from vario.guard.report import remark
from vario.query.doctor import Check, Doors, diagnose, find_worst


def examine(
    context: CurrentContext,
    start: Annotated[str, Query(description="as elsewhere", max_length=64)] = "now-15m",
    end: Annotated[str, Query(description="as elsewhere", max_length=64)] = "now",
) -> DoctorOut:
    """What arrives, from whom, what is missing in it, and how to mend that."""
    window = parse_window(start, end, context.clock.now_ns())
    doors = Doors(http=context.facts.otlp_http, grpc=context.facts.otlp_grpc)
    checks = diagnose(
        context.store.check_services(window), window, doors, context.store.find_damaged()
    )
    told = remark(context.guard())
    checks += [Check(r.name, r.service, "warning", r.message, r.remedy) for r in told]
    checks += check_disk(context)
    checks += examine_drift(context.drift())
    checks += check_incidents(context)
    checks.sort(key=lambda check: check.service)
    return DoctorOut(
        status=find_worst(checks),
        checks=[
            CheckOut(
                name=check.name,
                service=check.service,
                status=check.status,
                message=check.message,
                remedy=check.remedy,
            )
            for check in checks
        ],
    )


def get_status(context: CurrentContext) -> StatusOut:
    """Version, addresses, and the size of every table."""
    facts = context.facts
    return StatusOut(
        version=facts.version,
        started=to_seconds(facts.started_ns),
        store=facts.store,
        otlp_http=facts.otlp_http,
        otlp_grpc=facts.otlp_grpc,
        tables=[
            TableSizeOut(table=table, rows=rows, bytes=size)
            for table, (rows, size) in sorted(context.store.get_sizes().items())
        ],
        damaged=[
            DamagedPartOut(
                table=part.table,
                part=part.part,
                path=part.path,
                bytes=part.bytes,
                found=to_seconds(part.found_ns),
            )
            for part in context.store.find_damaged()
        ],
    )


async def is_alive() -> ProbeOut:
    """Answers as long as the process serves."""
    return ProbeOut(status="ok")


def is_ready(context: CurrentContext) -> ProbeOut:
    """Answers 200 if the store answers, 503 if it does not."""
    context.store.ping()
    return ProbeOut(status="ok")

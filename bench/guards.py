"""What the guards cost: CPU seconds a million items, beside what it costs to store them.

Three lines for each signal: bodies in which there is nothing (the one search over the bytes), a
hundredth of the records dirty, and all of them. The ratio is to the whole cost of ingest through
the doors with the guards off, in the same run.
"""

import tempfile
import time
from collections.abc import Callable
from statistics import median

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from bench.bodies import SECOND_NS, log_bodies, metric_bodies, trace_bodies
from bench.ingest import _send, _wait_for_quiet
from bench.report import Row
from bench.server import running_server
from vario.clock import SystemClock
from vario.guard.folds import Fold
from vario.guard.guard import Guard
from vario.guard.policy import Policy
from vario.model.telemetry import Signal

RECORDS = 8000
BODIES = 6
ROUNDS = 3


def run() -> list[Row]:
    """Measures the guards alone, then logs through a server with and without them."""
    start_ns = time.time_ns() - 3600 * SECOND_NS
    guard = Guard(Policy((), b""), SystemClock())
    logs = list(log_bodies(BODIES, RECORDS, start_ns=start_ns))
    spans = list(trace_bodies(BODIES, RECORDS // 5, start_ns=start_ns))
    points = list(metric_bodies(BODIES, RECORDS, start_ns=start_ns))
    rows = [
        _row("logs, nothing in them", guard, Signal.LOGS, logs),
        _row("logs, 1 record of 100 dirty", guard, Signal.LOGS, [_dirty(b, 100) for b in logs]),
        _row("logs, every record dirty", guard, Signal.LOGS, [_dirty(b, 1) for b in logs[:2]]),
        _row("spans, nothing in them", guard, Signal.TRACES, spans),
        _row("points, nothing in them", guard, Signal.METRICS, points),
    ]
    fold = Fold(
        "gpu_utilization_ratio", "gpu", 10, "values", RECORDS, (), (), start_ns, frozenset()
    )
    guard.fold([fold])
    rows.append(_row("points, every one folded", guard, Signal.METRICS, points, once=True))
    clean = rows[0].value
    with_guard, without = (_ingest(logs, personal_data=on) for on in (True, False))
    rows += [
        Row("OTLP logs through the doors, guards on", with_guard, "CPU-s a million"),
        Row("OTLP logs through the doors, guards off", without, "CPU-s a million"),
        Row("the guard's share of ingest, clean logs", clean / without, "", "0.25"),
        Row("the guard's share of ingest, 1% dirty", rows[1].value / without, "", "0.5"),
    ]
    return rows


def _row(
    name: str, guard: Guard, signal: Signal, bodies: list[bytes], *, once: bool = False
) -> Row:
    def clean() -> None:
        for body in bodies:
            guard.clean_otlp(signal, body)

    cost = _cpu_s(clean, 1 if once else ROUNDS) / (len(bodies) * RECORDS) * 1e6
    return Row(f"guard: {name}", cost, "CPU-s a million")


def _cpu_s(work: Callable[[], None], rounds: int) -> float:
    if rounds > 1:
        work()
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return median(taken)


def _dirty(body: bytes, every: int) -> bytes:
    request = ExportLogsServiceRequest.FromString(body)
    for number, record in enumerate(request.resource_logs[0].scope_logs[0].log_records):
        if number % every == 0:
            record.body.string_value = f"sent the receipt to jane.doe{number}@example.com"
    return request.SerializeToString()


def _ingest(bodies: list[bytes], *, personal_data: bool) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(f"[guard]\npersonal_data = {str(personal_data).lower()}\n")
        file.flush()
        return _ingest_with(file.name, bodies)


def _ingest_with(config: str, bodies: list[bytes]) -> float:
    with running_server("--config", config) as server:
        _send(f"{server.otlp}/v1/logs", bodies[:1])
        _wait_for_quiet(server)
        before = server.cpu_s()
        _send(f"{server.otlp}/v1/logs", bodies[1:])
        _wait_for_quiet(server)
        return (server.cpu_s() - before) / ((len(bodies) - 1) * RECORDS) * 1e6

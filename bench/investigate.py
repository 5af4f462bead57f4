"""How long an answer takes over ten million spans and ten million log records of one hour.

The data is made inside the engine: two million requests of one service in three regions, each with
four steps; for the last twenty minutes most look-ups of us-east miss the cache and wait for the
database. Days of other data lie beside it in the same tables, to show that the window counts and
not the store.
"""

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.report import Row
from vario.clock import ManualClock
from vario.config import RetentionSettings, StoreSettings
from vario.investigate.pipeline import investigate
from vario.investigate.probers import PROBERS
from vario.investigate.reader import Reader
from vario.model.investigation import Question
from vario.model.telemetry import TimeRange
from vario.store.clickhouse import ClickHouseStore, open_store

HOUR_NS = 3600 * 10**9
START_S = 1_750_000_000
REQUESTS = 2_000_000
_KEEP = RetentionSettings(
    metrics_days=10_000, logs_days=10_000, traces_days=10_000, alerts_days=10_000
)

_BASE = """
    SELECT number AS n, {start_s} * 1000000000 + intDiv(number * 3600000000000, {requests}) AS t,
        lower(hex(cityHash64(n, {start_s}))) || lower(hex(cityHash64(n, 7, {start_s}))) AS trace,
        ['us-east', 'eu-west', 'ap-south'][1 + cityHash64(n, 1) % 3] AS region,
        ['free', 'pro', 'enterprise'][1 + cityHash64(n, 2) % 3] AS tier,
        'node-' || toString(cityHash64(n, 3) % 40) AS host,
        (cityHash64(n, 5) % 1000) / 1000 AS u1, (cityHash64(n, 6) % 1000) / 1000 AS u2,
        (cityHash64(n, 8) % 1000) / 1000 AS u3,
        {incident} AND region = 'us-east' AND t >= ({start_s} + 2400) * 1000000000 AS bad,
        cityHash64(n, 4) % 100 < if(bad, 70, 15) AS miss,
        toUInt64(12e6 * exp(0.3 * u1)) AS encode,
        if(miss, toUInt64(if(bad, 90e6, 30e6) * (0.7 + 0.6 * u2)), 0) AS db,
        toUInt64(20e6 * exp(0.2 * u3)) AS predict
    FROM numbers({requests})
"""
_RESOURCE = """map('service.name', {service}, 'region', region, 'host.name', host,
    'service.version', 'v23')"""
_STEPS = (
    ("'Server'", "''", "'POST /rank'", "0", "encode + db + predict + 3000000", "'ml-infer'",
     "map('http.route', '/rank', 'tier', tier, 'cache_hit', if(miss, 'false', 'true'),"
     " 'http.response.status_code', '200', 'request_id', substring(trace, 1, 12))"),
    ("'Internal'", "'1'", "'encode_features'", "0", "encode + db", "'ml-infer'",
     "map('cache_hit', if(miss, 'false', 'true'))"),
    ("'Internal'", "'1'", "'predict'", "encode + db", "predict", "'ml-infer'",
     "map('batch_size', toString(1 + n % 8))"),
    ("'Internal'", "'1'", "'postprocess'", "encode + db + predict", "3000000", "'ml-infer'",
     "map('candidates', '60')"),
    ("'Server'", "'2'", "'read'", "encode", "greatest(db, 1000000)", "'feature-store'",
     "map('db.system', 'sqlite')"),
)  # fmt: skip


def fill(store: ClickHouseStore, start_s: int, requests: int, *, incident: bool) -> None:
    """Writes an hour of spans, five a request, and as many log records."""
    base = _BASE.format(start_s=start_s, requests=requests, incident=int(incident))
    for number, (kind, parent, name, offset, length, service, attributes) in enumerate(_STEPS, 1):
        resource_map = _RESOURCE.format(service=service)
        store.engine.command(f"""
            INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind,
                ServiceName, ResourceAttributes, SpanAttributes, Duration, StatusCode)
            SELECT fromUnixTimestamp64Nano(toInt64(t + {offset})), trace, '{number}', {parent},
                {name}, {kind}, {service}, {resource_map}, {attributes}, {length}, 'Unset'
            FROM ({base})""")
        store.engine.command(f"""
            INSERT INTO otel_logs (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber,
                ServiceName, Body, ResourceAttributes, LogAttributes)
            SELECT fromUnixTimestamp64Nano(toInt64(t + {offset})), trace, '{number}', 'INFO', 9,
                {service}, 'step ' || {name} || ' of request ' || toString(n) || ' done',
                {resource_map}, {attributes}
            FROM ({base})""")


def ask(store: ClickHouseStore, start_s: int) -> tuple[float, float, str]:
    """Returns wall and CPU seconds of an investigation, and what comes first."""
    end_ns = start_s * 10**9 + HOUR_NS
    question = Question("ml-infer", TimeRange(end_ns - HOUR_NS // 2, end_ns))
    used, began = _cpu_s(), time.perf_counter()
    answer = investigate(Reader(store), question, ManualClock(end_ns), PROBERS)
    took, cpu = time.perf_counter() - began, _cpu_s() - used
    first = answer.findings[0].subject if answer.findings else {}
    return took, cpu, f"{answer.verdict}: {' '.join(f'{k}={v}' for k, v in first.items())}"


def run(requests: int = REQUESTS) -> Iterator[Row]:
    """Measures an answer over one hour, then beside four more hours in the same store."""
    with tempfile.TemporaryDirectory() as folder:
        settings = StoreSettings(dsn=f"chdb://{Path(folder) / 'store'}", retention=_KEEP)
        store = open_store(settings, ManualClock(START_S * 10**9))
        try:
            fill(store, START_S, requests, incident=True)
            before_mb = _peak_mb()
            times = [ask(store, START_S) for _ in range(3)]
            wall, cpu, first = sorted(times)[1]
            size = f"{5 * requests / 1e6:g} M spans, {5 * requests / 1e6:g} M records, one hour"
            yield Row("an investigation", wall, "s", "<= 5", f"{size}; {first}")
            yield Row("its CPU", cpu, "s")
            yield Row("memory above that of filling", _peak_mb() - before_mb, "MB")
            for day in range(1, 3):
                fill(store, START_S - 86_400 * day, requests, incident=False)
            wall, cpu, _ = sorted(ask(store, START_S) for _ in range(3))[1]
            yield Row("the same in a store three times as large", wall, "s", "", f"{cpu:.3g} s CPU")
        finally:
            store.close()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

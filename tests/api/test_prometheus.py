"""Prometheus' HTTP API over the real store: whole bodies, byte for byte."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.conftest import KEEP_FOR_YEARS
from tests.support.asgi_client import AppClient
from tests.support.otlp_factory import START_NS

from vario.api.app import create_app
from vario.api.context import ServerFacts
from vario.api.middleware import LOOPBACK_HOSTS
from vario.clock import ManualClock
from vario.config import StoreSettings
from vario.query.promql.testing.run import run_script
from vario.store.clickhouse import open_store
from vario.store.engine import Engine

GOLDEN = Path(__file__).parent / "golden" / "prometheus.txt"
FACTS = ServerFacts(
    version="1.2.3", started_ns=START_NS, store="", otlp_http="http://h", otlp_grpc="http://g"
)
NOW_S = START_NS // 10**9

LOAD = """
load 30s
  requests_total{job="api",code="200"} 0+30x20
  requests_total{job="api",code="500"} 0+1.5x20
  odd{kind="a\\"b\\n<ü>"} _x11 NaN Inf -Inf 1e21 1e-7 0.1 -0 123456789 1e300
  lat_bucket{le="0.1"} 0+1x20
  lat_bucket{le="1"} 0+3x20
  lat_bucket{le="+Inf"} 0+4x20
  nh {{count:6 sum:10 z_bucket:1 z_bucket_w:0.001 buckets:[1 2] offset:-1 n_buckets:[2]}}x20
  {"http.status","a.b"="c"} 1x20
"""

QUERIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("query", {"query": "sum by (code) (rate(requests_total[5m]))"}),
    ("query", {"query": "odd", "lookback_delta": "10s"}),
    ("query", {"query": "odd[5m]"}),
    ("query", {"query": "nh"}),
    ("query", {"query": "nh[1m]"}),
    ("query", {"query": "1e21 / 3"}),
    ("query", {"query": "1 / 0"}),
    ("query", {"query": '"a\\"b"'}),
    ("query", {"query": "missing"}),
    ("query", {"query": '{"http.status"}'}),
    ("query", {"query": "histogram_quantile(0.5, lat_bucket)"}),
    ("query", {"query": "rate(odd[5m]) + rate(odd[4m])"}),
    ("query", {"query": "quantile(2, requests_total)"}),
    ("query", {"query": "requests_total", "limit": 1}),
    ("query", {"query": "requests_total + on (job) requests_total"}),
    ("query", {"query": "sum(rate(requests_total))"}),
    ("query", {"query": "sum("}),
    ("query", {"query": ""}),
    ("query", {"query": "1", "time": "2025-06-15T15:00:00.5Z"}),
    ("query", {"query": "1", "time": "yesterday"}),
    ("query", {"query": "1", "timeout": "x"}),
    ("query", {"query": "1", "limit": "-1"}),
    ("query", {"query": "info(requests_total)"}),
    ("query_range", {"query": "requests_total", "start": -120, "end": 0, "step": "30s"}),
    ("query_range", {"query": "nh + nh", "start": -60, "end": 0, "step": 30}),
    ("query_range", {"query": "time()", "start": -1, "end": 0, "step": 0.5}),
    ("query_range", {"query": '"text"', "start": -1, "end": 0, "step": 1}),
    ("query_range", {"query": "requests_total[5m]", "start": -1, "end": 0, "step": 1}),
    ("query_range", {"query": "1", "start": 0, "end": -1, "step": 1}),
    ("query_range", {"query": "1", "start": -1, "end": 0, "step": 0}),
    ("query_range", {"query": "1", "start": -20000, "end": 0, "step": 1}),
    ("query_range", {"query": "1", "end": 0, "step": 1}),
    ("series", {"match[]": ['requests_total{code="500"}', '{__name__=~"n."}']}),
    ("series", {"match[]": "requests_total", "limit": 1}),
    ("series", {}),
    ("series", {"match[]": "{}"}),
    ("labels", {}),
    ("labels", {"match[]": "requests_total"}),
    ("labels", {"start": 0, "end": 1}),
    ("label/job/values", {}),
    ("label/__name__/values", {"limit": 2}),
    ("label/U__a_2e_b/values", {}),
    ("label/code/values", {"match[]": 'requests_total{code!="200"}'}),
    ("metadata", {}),
    ("metadata", {"metric": "requests_total"}),
    ("metadata", {"metric": "missing"}),
    ("query_exemplars", {"query": "rate(requests_total[5m])", "start": -600, "end": 0}),
    ("query_exemplars", {"query": "odd", "start": -600, "end": 0}),
    ("format_query", {"query": "sum by(a)(rate(x{b!='c'}[5m]offset 1h))/2"}),
    ("format_query", {"query": "x["}),
)


class _Moved:
    """What a script loads, moved from 1970 to just before the clock."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def clear_metrics(self) -> None: ...

    def write_samples(self, labels: Any, block: Any) -> None:
        block.ts_ms[:] += (NOW_S - 600) * 1000
        self.store.write_samples(labels, block)

    def write_histograms(self, labels: Any, block: Any) -> None:
        block.ts_ms[:] += (NOW_S - 600) * 1000
        self.store.write_histograms(labels, block)


@pytest.fixture(scope="module")
def client(
    embedded_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppClient]:
    database = f"api_prometheus_{os.getpid()}"
    settings = StoreSettings(
        dsn=f"chdb://memory/{database}", reader_threads=1, retention=KEEP_FOR_YEARS
    )
    clock = ManualClock(START_NS)
    store = open_store(settings, clock)
    assert list(run_script(LOAD, _Moved(store), None)) == []  # type: ignore[arg-type]
    store.engine.command(
        "INSERT INTO metric_metadata VALUES"
        " ('lat', 'histogram', 'seconds', 'How \"long\".'),"
        " ('requests_total', 'counter', '', 'Requests.')"
    )
    store.engine.command(
        "INSERT INTO metric_exemplars SELECT id, fromUnixTimestamp64Milli({at:Int64}), 0.25,"
        " 'aabb', 'cc', map('user', 'u') FROM metric_series WHERE name = 'requests_total'"
        " AND labels['code'] = '500'",
        {"at": (NOW_S - 60) * 1000 + 5},
    )
    static = tmp_path_factory.mktemp("static")
    (static / "index.html").write_text("<!doctype html><title>vario</title>")
    try:
        app = create_app(store, FACTS, clock=clock, hosts=LOOPBACK_HOSTS, static=static)
        with AppClient(app) as opened:
            yield opened
    finally:
        store.engine.command(f"DROP DATABASE `{database}` SYNC")
        store.close()


def _ask(client: AppClient, path: str, params: dict[str, Any], method: str = "GET") -> str:
    moved = {
        key: NOW_S + value if key in ("start", "end") and not path.startswith("label") else value
        for key, value in params.items()
    }
    how: dict[str, Any] = {"params": moved} if method == "GET" else {"data": moved}
    answer = client.request(method, f"/api/v1/{path}", **how)
    assert answer.headers["content-type"] == "application/json"
    return f"{answer.status_code} {answer.text}"


def test_bodies(client: AppClient, golden: Callable[[Path, str], None]) -> None:
    golden(
        GOLDEN,
        "".join(
            f"{path} {orjson.dumps(params).decode()}\n{_ask(client, path, params)}\n\n"
            for path, params in QUERIES
        ),
    )


def test_a_form_asks_as_a_query_string_does(client: AppClient) -> None:
    for path, params in QUERIES:
        if path != "metadata" and not path.startswith("label/"):
            assert _ask(client, path, params, "POST") == _ask(client, path, params)


def test_stats_are_given_on_request(client: AppClient) -> None:
    params = {"query": "requests_total[5m]", "stats": "all"}
    stats = client.get("/api/v1/query", params=params).json()["data"]["stats"]
    assert stats["samples"] == {"totalQueryableSamples": 20, "peakSamples": 20}
    assert all(seconds >= 0 for seconds in stats["timings"].values())


def test_a_query_out_of_time_is_503(client: AppClient) -> None:
    params = {"query": "requests_total", "timeout": "0.000000001"}
    answer = client.get("/api/v1/query", params=params)
    assert (answer.status_code, answer.json()["errorType"]) == (503, "timeout")


def test_which_prometheus_this_is_like(client: AppClient) -> None:
    data = client.get("/api/v1/status/buildinfo").json()["data"]
    assert data["version"] == "3.5.0"

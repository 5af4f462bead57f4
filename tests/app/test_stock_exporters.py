"""Input that no one here wrote: `opentelemetry-instrument` with every stock exporter."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.server import Process, ask, free_port, serving_process

REQUESTS = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with serving_process(tmp_path_factory.mktemp("vario")) as process:
        yield process


def exporters(kind: str, server: Process) -> dict[str, str]:
    """Returns the environment that chooses one kind of stock exporter."""
    if kind == "grpc":
        return {
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_ENDPOINT": server.addresses.otlp_grpc,
        }
    chosen = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": server.addresses.otlp_http,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    if kind == "json":
        names = ("OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER")
        chosen |= dict.fromkeys(names, "otlp_json_http")
    return chosen


@contextlib.contextmanager
def instrumented(service: str, environment: dict[str, str], log: Path) -> Iterator[str]:
    """Runs the stock service and yields its address."""
    port = free_port()
    command = ["uvicorn", "tests.support.stock_service:app", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("opentelemetry-instrument")), *command],
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "OTEL_SERVICE_NAME": service,
                "OTEL_RESOURCE_ATTRIBUTES": "service.version=v23,cloud.region=eu-west",
                "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true",
                **environment,
            },
            stdout=out,
            stderr=out,
        )
    try:
        deadline = time.monotonic() + 60
        url = f"http://127.0.0.1:{port}"
        while time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/openapi.json", timeout=5)
                break
            time.sleep(0.05)
        yield url
        # The providers export what they still hold when the interpreter ends; after SIGTERM uvicorn
        # ends without that.
        process.send_signal(signal.SIGINT)
        process.wait(60)
    finally:
        process.kill()
        process.wait()


def only(found: list[Any], **fields: Any) -> list[Any]:
    return [it for it in found if all(it[name] == value for name, value in fields.items())]


@pytest.mark.parametrize("kind", ["grpc", "http", "json"])
def test_a_stock_service_appears_everywhere(server: Process, tmp_path: Path, kind: str) -> None:
    service = f"stock-{kind}"
    log = tmp_path / "service.log"
    with instrumented(service, exporters(kind, server), log) as url:
        for user in range(REQUESTS):
            assert httpx.get(f"{url}/predict/{user}").status_code == 200

    api = server.addresses.api
    said = log.read_text()
    rows: Any = ask(api, "/api/services")
    [row] = only(rows["services"], service=service)
    assert (row["regions"], [version["version"] for version in row["versions"]]) == (
        ["eu-west"],
        ["v23"],
    ), said
    assert row["requests"] >= REQUESTS

    wanted = f'service.name = "{service}" and name = "score"'
    traces: Any = ask(api, "/api/traces", filter=wanted)
    assert [len(traces["traces"]), {t["matched_spans"] for t in traces["traces"]}] == [
        REQUESTS,
        {1},
    ]
    trace: Any = ask(api, f"/api/traces/{traces['traces'][0]['trace_id']}")
    [score] = only(trace["spans"], name="score")
    [entry] = only(trace["spans"], kind="Server")
    assert score["attributes"] == {"features_used": '["age","country"]'}
    assert entry["name"] == "GET /predict/{user}"
    assert trace["log_count"] == 1

    logs: Any = ask(api, "/api/logs", filter=f'trace_id = "{trace["trace_id"]}"')
    [record] = logs["logs"]
    assert (record["service"], record["span_id"], record["severity_text"].rstrip("ING")) == (
        service,
        score["span_id"],
        "WAR",
    )
    assert record["body"].startswith("scored user ")

    query = f'predictions_total{{job="{service}"}}'
    answer: Any = ask(api, "/api/v1/query", query=query)
    [series] = answer["data"]["result"]
    assert (series["metric"]["model_name"], series["value"][1]) == ("recommender", str(REQUESTS))

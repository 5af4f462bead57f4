"""`vario demo`, whole: its processes, what arrives, and its end."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from tests.support.demo import COMMAND, FREE_PORTS, Running, run_demo

START_S = 90


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("demo")
    with run_demo(data) as demo:
        yield demo


def names(overview: Any) -> set[str]:
    return {service["service"] for service in overview["services"]}


@pytest.mark.timeout(START_S + 60)
def test_both_regions_answer(running: Running) -> None:
    expected = {"gateway", "ml-infer", "feature-store"}
    services = running.wait_for(
        "/api/services",
        lambda one: one["services"] if names(one) >= expected else None,
    )
    by_name = {(one["service"], one["model"]): one for one in services}
    model = by_name["ml-infer", "recommender"]
    assert sorted(model["regions"]) == ["eu-west", "us-east"]
    assert [version["version"] for version in model["versions"]] == ["v23"]
    assert model["requests"] > 0
    assert 0 < model["p50"] <= model["p95"] <= model["p99"]


def test_a_trace_crosses_the_services_and_has_the_three_steps(running: Running) -> None:
    cold = quote('name = "ml-infer.encode_features" and attributes.cache_hit = false')
    whole = {f"ml-infer.{step}" for step in ("encode_features", "predict", "postprocess")}
    whole |= {"POST /recommend", "feature-store.read_database"}

    def first_whole(found: Any) -> Any:
        for one in found["traces"]:
            trace = running.get(f"/api/traces/{one['trace_id']}")
            if whole <= {span["name"] for span in trace["spans"]}:
                return trace
        return None

    trace = running.wait_for(f"/api/traces?limit=20&filter={cold}", first_whole)
    spans = {span["name"]: span for span in trace["spans"]}
    assert {span["service"] for span in trace["spans"]} == {"gateway", "ml-infer", "feature-store"}
    for step in ("encode_features", "predict", "postprocess"):
        attributes = spans[f"ml-infer.{step}"]["attributes"]
        assert attributes["model_name"] == "recommender"
        assert attributes["model_version"] == "v23"
        assert attributes["region"] in ("us-east", "eu-west")
    assert spans["ml-infer.encode_features"]["attributes"]["cache_hit"] == "false"
    predict = spans["ml-infer.predict"]["attributes"]
    assert predict["batch_id"].startswith(predict["region"])
    assert int(predict["batch_size"]) >= 1
    root = spans["POST /recommend"]
    assert (root["service"], root["parent_span_id"]) == ("gateway", "")


def test_logs_lead_to_their_trace(running: Running) -> None:
    wanted = quote('service.name = "ml-infer" and attributes.status_code = 200')
    logs = running.wait_for(f"/api/logs?limit=5&filter={wanted}", lambda one: one["logs"])
    line = logs[0]["attributes"]
    assert line["model_name"] == "recommender"
    assert float(line["latency_ms"]) > 0
    assert 0 < float(line["prediction"]) < 1
    assert len(logs[0]["trace_id"]) == 32
    assert "user_id" not in line


def test_metrics_tell_requests_latency_and_feedback(running: Running) -> None:
    for query in (
        "sum(inference_requests_total) > 0",
        "sum by (region) (inference_latency_seconds_count) > 0",
        'sum(inference_step_seconds_count{step="predict"}) > 0',
        'sum(prediction_feedback_total{accepted="true", model_name="recommender"}) > 0',
        'sum(feature_cache_requests_total{cache_hit="false"}) > 0',
        'up{job="feature-store"} == 1',
        'sum(feature_store_read_seconds_count{job="feature-store"}) > 0',
    ):
        running.wait_for(f"/api/v1/query?query={quote(query)}", lambda one: one["data"]["result"])


def test_services_write_their_log_as_json_lines(running: Running) -> None:
    lines = (running.data / "logs" / "ml-infer-us-east.jsonl").read_text().splitlines()
    requests = [line for line in map(json.loads, lines) if "status_code" in line]
    assert {line["service"] for line in requests} == {"ml-infer"}
    assert (running.data / "logs" / "gateway.out").read_text() == ""


def test_ctrl_c_stops_everything_and_leaves_no_process(running: Running) -> None:
    children = psutil.Process(running.process.pid).children(recursive=True)
    assert len(children) >= 6
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert running.process.stdout is not None
    assert running.process.stdout.read().rstrip().endswith("everything is stopped")
    assert [one for one in children if one.is_running()] == []
    log = (running.data / "logs" / "server.out").read_text()
    assert "Traceback" not in log


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [*COMMAND, *FREE_PORTS[2:], "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr

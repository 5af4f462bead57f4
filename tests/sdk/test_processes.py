"""Forks, signals and servers: each process's telemetry arrives, once, under its own name."""

import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import grpc
import pytest
from tests.support.otlp_sink import OtlpSink

ROOT = Path(__file__).parents[2]
BODY = json.dumps({"age": 34, "country": "CH", "session_length": 12.5})


def environment(url: str, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        # Longer than a test: what arrives was flushed at the end.
        "OTEL_METRIC_EXPORT_INTERVAL": "600000",
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "VARIO_SDK_RAISE_FAULTS": "1",
        "PYTHONPATH": str(ROOT),
        **more,
    }


def run(script: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", script],
        env=environment(url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_everything_is_flushed_at_exit(sink: OtlpSink) -> None:
    done = run(
        "import vario\n"
        "vario.configure(service='job')\n"
        "with vario.step('train'): vario.count('rows_total', 5)\n",
        sink.url,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [span.name for span in sink.spans()] == ["job.train"]
    assert [point.value for point in sink.points("rows_total")] == [5]


def test_everything_is_flushed_on_sigterm(sink: OtlpSink) -> None:
    done = run(
        "import os, signal, vario\n"
        "vario.configure(service='job')\n"
        "vario.count('rows_total', 5)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "signal.pause()\n",
        sink.url,
    )
    assert done.returncode == -signal.SIGTERM
    assert [point.value for point in sink.points("rows_total")] == [5]


def test_a_service_s_own_sigterm_handler_stays() -> None:
    done = run(
        "import signal, vario\n"
        "own = lambda *_: None\n"
        "signal.signal(signal.SIGTERM, own)\n"
        "vario.configure(service='job')\n"
        "print(signal.getsignal(signal.SIGTERM) is own)\n",
        "http://127.0.0.1:9",
    )
    assert done.stdout == "True\n"


def test_without_a_server_a_service_runs_and_one_warning_is_written() -> None:
    start = monotonic()
    done = run(
        "import vario\n"
        "vario.configure(service='job')\n"
        "for _ in range(3):\n"
        "    with vario.step('train'): vario.count('rows_total', 5)\n"
        "    vario.flush()\n",
        "http://127.0.0.1:9",
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert len(done.stderr.splitlines()) == 1
    assert "no telemetry can be sent to http://127.0.0.1:9" in done.stderr
    assert monotonic() - start < 20


def test_a_second_configure_is_ignored_with_a_warning(sink: OtlpSink) -> None:
    done = run(
        "import vario\n"
        "vario.configure(service='first')\n"
        "vario.configure(service='second')\n"
        "with vario.step('x'): pass\n",
        sink.url,
    )
    assert "vario.configure was called again" in done.stderr
    assert [span.name for span in sink.spans()] == ["first.x"]


def test_a_disabled_sdk_is_silent(sink: OtlpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    done = run(
        "import vario\nvario.configure(service='job')\nwith vario.step('x'): pass\n", sink.url
    )
    assert (done.returncode, done.stderr, sink.received) == (0, "", [])


def test_a_sampler_is_obeyed(sink: OtlpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    run(
        "import vario\nvario.configure(service='job')\n"
        "with vario.step('x'): vario.count('rows_total')\n",
        sink.url,
    )
    assert sink.spans() == []
    assert [point.value for point in sink.points("rows_total")] == [1]


def test_a_fork_counts_for_itself(sink: OtlpSink) -> None:
    """Others' tracers and instruments, fetched before the fork, work on in the child."""
    done = run(
        "import os, sys, vario\n"
        "from opentelemetry import metrics, trace\n"
        "from opentelemetry.metrics import Observation\n"
        "vario.configure(service='job')\n"
        "vario.count('rows_total', 1)\n"
        "meter, tracer = metrics.get_meter('theirs'), trace.get_tracer('theirs')\n"
        "counter = meter.create_counter('theirs_total')\n"
        "histogram = meter.create_histogram('theirs_seconds')\n"
        "meter.create_observable_gauge('theirs_now', [lambda _: [Observation(os.getpid())]])\n"
        "children = []\n"
        "for number in (10, 20):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        vario.count('rows_total', number)\n"
        "        counter.add(number)\n"
        "        histogram.record(1)\n"
        "        with tracer.start_as_current_span('theirs'), vario.step('child'): pass\n"
        "        sys.exit()\n"
        "    children.append(pid)\n"
        "statuses = [os.waitpid(pid, 0)[1] for pid in children]\n"
        "print(statuses, [os.getpid(), *children])\n",
        sink.url,
    )
    assert done.stderr == ""
    statuses, _, pids = done.stdout.partition("] ")
    assert statuses == "[0, 0"
    parent, first, second = json.loads(pids)
    by_pid = {p.resource["process.pid"]: p.value for p in sink.points("rows_total")}
    assert by_pid == {parent: 1, first: 10, second: 20}
    theirs = {p.resource["process.pid"]: p.value for p in sink.points("theirs_total")}
    assert theirs == {first: 10, second: 20}
    assert {p.value for p in sink.points("theirs_now")} == {parent, first, second}
    assert len(sink.points("theirs_seconds")) == 2
    spans = sorted((s.resource["process.pid"], s.name) for s in sink.spans())
    assert spans == sorted(
        (pid, name) for pid in (first, second) for name in ("job.child", "theirs")
    )
    assert len({p.resource["service.instance.id"] for p in sink.points("rows_total")}) == 3


@contextmanager
def serving(
    command: list[str], port: int, url: str, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *module_or_file(command)],
            env=environment(url),
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
        try:
            deadline = monotonic() + 30
            while True:
                assert process.poll() is None, log.read_text()
                assert monotonic() < deadline, log.read_text()
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)


def module_or_file(command: list[str]) -> list[str]:
    return command if command[0].endswith(".py") else ["-m", *command]


def ask(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/predict", BODY, {"content-type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SERVERS = {
    "flask": "gunicorn examples.flask_app:app --preload -w 2 -b 127.0.0.1:{port}",
    "uvicorn": "uvicorn examples.fastapi_app:app --workers 2 --port {port}",
    "gunicorn": "gunicorn examples.fastapi_app:app -k asgi --preload -w 2 -b 127.0.0.1:{port}",
}


@pytest.mark.parametrize("server", SERVERS)
def test_every_worker_s_telemetry_arrives(sink: OtlpSink, tmp_path: Path, server: str) -> None:
    port = free_port()
    command = SERVERS[server].format(port=port).split()
    total = 0
    with serving(command, port, sink.url, tmp_path / "log") as process:
        deadline = monotonic() + 30
        while len(instances(sink)) < 2:  # the kernel chooses which worker answers
            assert monotonic() < deadline
            with ThreadPoolExecutor(8) as pool:
                assert set(pool.map(ask, [port] * 16)) == {200}
            total += 16
        process.terminate()
        process.wait(30)
    log = (tmp_path / "log").read_text()
    points = sink.last_points("inference_requests_total")
    assert sum(points.values()) == total, log
    assert {key[0] for key in points} == instances(sink)
    servers = [span for span in sink.spans() if span.kind == 2]
    assert len(servers) == total, log
    assert len([record for record in sink.logs() if record.scope == "vario.request"]) == total
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {line["trace_id"] for line in lines} == {span.trace_id for span in servers}


def instances(sink: OtlpSink) -> set[str]:
    return {span.resource["service.instance.id"] for span in sink.spans()}


def test_importing_vario_loads_neither_opentelemetry_nor_the_server() -> None:
    done = run(
        "import sys, vario\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(loaded & {'opentelemetry', 'google', 'fastapi', 'numpy', 'chdb'})\n"
        "vario.configure(service='job')\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "others = {'fastapi', 'starlette', 'httpx', 'numpy', 'chdb', 'requests', 'google'}\n"
        "stock = {name for name in sys.modules if name.startswith('opentelemetry.sdk')}\n"
        "print((loaded & others) | stock)\n",
        "http://127.0.0.1:9",
    )
    assert done.stdout.splitlines() == ["set()", "set()"]


def test_a_grpc_service_s_telemetry_arrives(sink: OtlpSink) -> None:
    command = [sys.executable, "examples/grpc_app.py", "127.0.0.1:0"]
    with subprocess.Popen(
        command, env=environment(sink.url), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                predict = channel.unary_unary("/ml.Infer/Predict")
                answer = json.loads(predict(b'{"age": 34}', timeout=30))
        finally:
            process.terminate()
            process.wait(30)
    (server,) = (span for span in sink.spans() if span.kind == 2)
    assert (server.name, server.attributes["request_id"]) == (
        "ml.Infer/Predict",
        answer["request_id"],
    )
    assert sum(sink.last_points("inference_requests_total").values()) == 1


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("litserve", "{python} examples/litserve_app.py {port}"),
        ("bentoml", "{python} -m bentoml serve examples.bentoml_app:Doubler --port {port}"),
        ("ray", "{python} -m ray.serve.scripts run examples.ray_serve_app:app"),
    ],
)
def test_model_servers_that_are_heavy(
    sink: OtlpSink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    command: str,
) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: it is too heavy for the development set")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")  # BentoML's own spans are not sampled
    port = 8_000 if module == "ray" else free_port()
    words = command.format(python=sys.executable, port=port).split()[1:]
    with serving(words[1:] if words[0] == "-m" else words, port, sink.url, tmp_path / "log"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = json.dumps({"input": 2.0, "x": 2.0})
        connection.request("POST", "/predict?x=2", body, {"content-type": "application/json"})
        assert connection.getresponse().status == 200
        connection.close()
    found = [span.name for span in sink.spans()]
    assert "ml-infer.predict" in found, (tmp_path / "log").read_text()

"""`vario up` as a process of its own: starts, answers, refuses, stops."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
from tests.support.otlp_factory import make_span, traces_body
from tests.support.server import Process, ask, serving_process

PROTOBUF = {"content-type": "application/x-protobuf"}


def up(*flags: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs `vario up` where it must end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "vario.cli", "up", "--data", str(folder), *flags],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_starts_answers_refuses_a_second_and_stops_cleanly(tmp_path: Path) -> None:
    with serving_process(tmp_path, "--log-format", "json") as server:
        addresses = server.addresses
        status = ask(addresses.api, "/api/status")
        assert isinstance(status, dict)
        assert {name: status[name] for name in ("store", "otlp_http", "otlp_grpc")} == {
            "store": f"chdb://{tmp_path / 'data'}",
            "otlp_http": addresses.otlp_http,
            "otlp_grpc": addresses.otlp_grpc,
        }
        assert httpx.get(f"{addresses.api}/metrics").status_code == 200
        page = httpx.get(f"{addresses.api}/metrics", headers={"accept": "text/html,*/*;q=0.8"})
        assert page.headers["content-type"].startswith("text/html"), "the UI has a page there"

        second = up(
            *("--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0"),
            folder=tmp_path / "data",
        )
        assert (second.returncode, second.stderr) == (
            2,
            f"Error: another vario (pid {server.running.pid if server.running else 0}) already "
            f"uses {tmp_path / 'data'}; stop it or pass --data another folder\n",
        )
        http = server.ports[1]
        refused = up(
            *("--port", "0", "--otlp-http-port", str(http), "--otlp-grpc-port", "0"),
            folder=tmp_path / "other",
        )
        assert (refused.returncode, refused.stderr) == (
            2,
            f"Error: port {http} (OTLP over HTTP) on 127.0.0.1 is already in use: stop what "
            "listens there, or choose another with --otlp-http-port or the setting "
            "ingest.otlp_http_port\n",
        )

        assert server.end(signal.SIGTERM) == 0
        lines = [line for line in server.log.splitlines() if '"logger":"vario' in line]
        assert len(lines) == len(server.log.splitlines()), server.log
        for word in ('"ready"', '"stopping', '"stopped"'):
            assert sum(word in line for line in lines) == 1


def test_what_was_sent_before_ctrl_c_is_there_afterwards(tmp_path: Path) -> None:
    server = Process(tmp_path)
    server.start()
    outcomes: list[int] = []

    def send(number: int) -> None:
        span = make_span(f"span {number}", trace=number, start_ns=time.time_ns())
        body = traces_body("a", span)
        try:
            url = f"{server.addresses.otlp_http}/v1/traces"
            outcomes.append(httpx.post(url, content=body, headers=PROTOBUF).status_code)
        except httpx.TransportError:
            outcomes.append(0)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    assert server.end(signal.SIGINT) == 0
    for thread in threads:
        thread.join()
    server.start()
    try:
        sizes = ask(server.addresses.api, "/api/status")
        assert isinstance(sizes, dict)
        rows = {table["table"]: table["rows"] for table in sizes["tables"]}
        assert rows["otel_traces"] >= outcomes.count(200)
    finally:
        server.end()

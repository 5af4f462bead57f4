"""`vario backup`, `restore`, `move` and `retention`, as processes on folders."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.support import clickhouse_http
from tests.support.otlp_factory import make_span, traces_body
from tests.support.server import serving_process

SPANS = 20


def vario(*arguments: object, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "vario.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


@pytest.mark.timeout(600)
def test_a_served_store_is_backed_up_restored_and_moved(tmp_path: Path) -> None:
    """Data older than the defaults keep stays, whatever tools open the store meanwhile."""
    now_ns = time.time_ns()
    file = tmp_path / "all.tar"
    keep = ("--retention-traces", "400")
    with serving_process(tmp_path, *keep) as process:
        spans = [
            make_span(trace=i, span=i, start_ns=now_ns - 100 * 86_400 * 10**9)
            for i in range(1, SPANS + 1)
        ]
        answer = httpx.post(
            f"{process.addresses.otlp_http}/v1/traces",
            content=traces_body("infer", *spans),
            headers={"Content-Type": "application/x-protobuf"},
            timeout=60,
        )
        assert answer.status_code == 200
        told = vario("backup", file, "--data", tmp_path / "data", fails=True)
        assert "--server http://127.0.0.1:7070" in told
        assert "another vario (pid" in told
        told = vario("backup", file, "--server", process.addresses.api)
        assert f"otel_traces: {SPANS} rows" in told
        assert "infer" in vario("retention", "--server", process.addresses.api)
    assert "is there already" in vario("backup", file, "--data", tmp_path / "data", fails=True)

    assert f"otel_traces: {SPANS} rows" in vario("restore", file, "--check")
    assert f"otel_traces: {SPANS} rows" in vario("restore", file, "--data", tmp_path / "new")
    assert "not empty" in vario("restore", file, "--data", tmp_path / "new", fails=True)
    told = vario("backup", tmp_path / "again.tar", "--data", tmp_path / "new")
    assert f"otel_traces: {SPANS} rows" in told

    with clickhouse_http.serve(str(tmp_path / "server"), tmp_path) as address:
        arguments = ("move", "--data", tmp_path / "new", "--to", f"{address}/moved")
        assert f"otel_traces: {SPANS} rows" in vario(*arguments)
        assert "counts agree" in vario(*arguments)
        told = vario("move", "--data", tmp_path / "data", "--to", f"{address}/moved")
        assert f"otel_traces: {SPANS} rows" in told

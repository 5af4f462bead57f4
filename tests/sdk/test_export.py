"""Sending: retries, refusals, a server that comes late, bounds."""

import logging
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from tests.support.otlp_sink import OtlpSink

import vario


@pytest.fixture(autouse=True)
def _only_traces_soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
    yield
    vario.shutdown(0.1)


def step(name: str = "predict") -> None:
    with vario.step(name):
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_items_are_sent_without_being_asked_for(sink: OtlpSink) -> None:
    vario.configure(service="s")
    step()
    assert sink.wait_for(lambda s: s.spans())[0].name == "s.predict"


def test_headers_and_compression(sink: OtlpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc")
    vario.configure(service="s")
    step()
    assert vario.flush()
    headers = sink.received[0].headers
    assert headers["content-encoding"] == "gzip"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["authorization"] == "Basic abc"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again(sink: OtlpSink, status: int) -> None:
    sink.answers.append((status, {"retry-after": "0"}))
    vario.configure(service="s")
    step()
    sink.wait_for(lambda s: s.spans())
    assert (sink.refused, len(sink.spans())) == (1, 1)


def test_a_refused_batch_is_dropped_and_said_once(
    sink: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.answers.extend([(400, {}), (400, {})])
    vario.configure(service="s")
    step("first")
    vario.flush()
    step("second")
    vario.flush()
    step("third")
    assert vario.flush()
    assert [span.name for span in sink.spans()] == ["s.third"]
    assert caplog.text.count("the server refused spans (HTTP 400 Bad Request)") == 1


def test_a_partial_success_is_said(sink: OtlpSink, caplog: pytest.LogCaptureFixture) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=1, error_message="id of 3 bytes")
    sink.answer_body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    vario.configure(service="s")
    step()
    assert vario.flush()
    assert "the server rejected 1 spans of a batch: id of 3 bytes" in caplog.text


def test_a_server_that_comes_late_gets_everything_after_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    with caplog.at_level(logging.INFO, "vario.sdk"):
        vario.configure(service="s")
        for _ in range(3):
            step()
            assert not vario.flush()
        with OtlpSink(port=port) as late:
            assert late.wait_for(lambda s: len(s.spans()) == 3)
            vario.shutdown()
    said = [record.getMessage() for record in caplog.records if record.name == "vario.sdk"]
    assert len(said) == 2
    assert said[0].startswith(f"vario: no telemetry can be sent to http://127.0.0.1:{port}/v1/tr")
    assert said[1].startswith("vario: telemetry is being sent")


def test_a_full_queue_drops_and_counts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    vario.configure(service="s")
    for number in range(10):
        with vario.step(f"n{number}"):
            pass
    with OtlpSink(port=port) as late:
        assert vario.flush()
        vario.shutdown()
        sent = [span.name for span in late.spans()]
    assert sent[:4] == ["s.n0", "s.n1", "s.n2", "s.n3"]
    assert f"vario: {10 - len(sent)} spans did not fit the queue and were dropped" in caplog.text


def test_a_server_that_closes_kept_alive_connections_loses_nothing(sink: OtlpSink) -> None:
    vario.configure(service="s")
    step("first")
    assert vario.flush()
    port = sink.port
    sink.__exit__()
    with OtlpSink(port=port) as again:
        step("second")
        assert again.wait_for(lambda s: s.spans())
        vario.shutdown()
        assert [span.name for span in again.spans()] == ["s.second"]
    sink.__enter__()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_with_certificates_of_one_s_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with OtlpSink(tls=context) as sink:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url)
        vario.configure(service="stranger")
        step()
        assert not vario.flush()
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
        vario.shutdown(0.1)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", key)
        vario.configure(service="friend")
        step()
        assert vario.flush()
        vario.shutdown()
        assert [span.name for span in sink.spans()] == ["friend.predict"]

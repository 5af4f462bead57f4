"""A served store: what is stored, what went, a setting that changes, a backup while it serves."""

import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.support.otlp_factory import make_span, traces_body
from tests.support.server import ask, serving, serving_process, settings_for

from vario.clock import SystemClock
from vario.store.backup import read_backup

DAY_NS = 86_400 * 10**9


def send(address: str, *starts_ns: int) -> None:
    spans = [make_span(trace=i, span=i, start_ns=at) for i, at in enumerate(starts_ns, 1)]
    answer = httpx.post(
        f"{address}/v1/traces",
        content=traces_body("infer", *spans),
        headers={"Content-Type": "application/x-protobuf"},
        timeout=60,
    )
    assert answer.status_code == 200


def days(address: str) -> list[str]:
    data = ask(address, "/api/data")
    return [one["day"] for one in data["tables"] if one["table"] == "otel_traces"]  # type: ignore[index]


def test_what_is_stored_and_how_long_it_will_do(tmp_path: Path) -> None:
    settings = settings_for("chdb://memory/data_page")
    retention = replace(settings.store.retention, max_disk="1GB")
    settings = replace(
        settings,
        store=replace(settings.store, retention=retention),
        sampling=replace(settings.sampling, spans_per_second=1000.0),
    )
    with serving(settings, SystemClock()) as addresses:
        send(addresses.otlp_http, time.time_ns())
        data = ask(addresses.api, "/api/data")
        metrics = httpx.get(f"{addresses.api}/metrics", timeout=60).text
        doctor = ask(addresses.api, "/api/doctor")
        overview = ask(addresses.api, "/api/services")
        file = tmp_path / "all.tar"
        with httpx.stream("POST", f"{addresses.api}/api/backup", timeout=60) as answer:
            file.write_bytes(b"".join(answer.iter_bytes()))
    assert isinstance(data, dict)
    assert (data["budget_bytes"], data["over_bytes"], data["days_left"]) == (10**9, 0, None)
    assert [(one["service"], one["kind"], one["rows"]) for one in data["services"]] == [
        ("infer", "traces", 1)
    ]
    assert {kind["kind"]: kind["rows"] for kind in data["kinds"]}["logs"] == 0
    assert data["retention"]["days"] == {"traces": 7, "logs": 14, "metrics": 30, "alerts": 400}
    assert "vario_retention_budget_bytes 1000000000" in metrics
    assert isinstance(doctor, dict)
    assert [one["status"] for one in doctor["checks"] if one["name"] == "disk"] == ["ok"]
    assert isinstance(overview, dict)
    assert [one["requests"] for one in overview["services"]] == [1]
    assert "vario_sampling_traces_total" in metrics
    assert read_backup(file).rows["otel_traces"] == 1
    assert read_backup(file).rows["entry_spans"] == 1


@pytest.mark.timeout(300)
def test_a_setting_changed_in_the_file_changes_stored_data(tmp_path: Path) -> None:
    config = tmp_path / "vario.toml"
    text = "[store.retention]\ncheck_every_s = 0.2\ntraces_days = {}\n"
    config.write_text(text.format(9), encoding="utf-8")
    with serving_process(tmp_path, "--config", str(config)) as process:
        now_ns = time.time_ns()
        send(process.addresses.otlp_http, now_ns, now_ns - 4 * DAY_NS, now_ns - 6 * DAY_NS)
        before = days(process.addresses.api)
        config.write_text(text.format(2), encoding="utf-8")
        deadline = time.monotonic() + 120
        while len(days(process.addresses.api)) > 1 and time.monotonic() < deadline:
            time.sleep(0.1)
        after = days(process.addresses.api)
        retention = ask(process.addresses.api, "/api/retention")
    assert (len(before), after) == (3, before[-1:])
    assert isinstance(retention, dict)
    assert retention["days"]["traces"] == 2

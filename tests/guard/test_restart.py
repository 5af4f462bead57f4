"""What was found and folded survives a restart; nothing personal is in the server's own log."""

import time
from pathlib import Path

import click.testing
import httpx
from tests.guard.test_doors import LOG, RAW, post
from tests.support.otlp_factory import logs_body, make_point, make_sum, metrics_body
from tests.support.prometheus import wait_until
from tests.support.server import serving_process

from vario.cli.guard import guard

CONFIG = """[guard]
rules = ["hash field=account.email"]
label_values = 5
poll_s = 0.2
"""


def send_users(address: str, users: range) -> None:
    now = time.time_ns()
    points = [make_point(1, time_ns=now, attributes={"user": f"jane.doe{user}"}) for user in users]
    body = metrics_body("shop", make_sum("visits", *points))
    post(address, "/v1/metrics", body)


def test_books_survive_a_restart(tmp_path: Path) -> None:
    config = tmp_path / "vario.toml"
    config.write_text(CONFIG)
    with serving_process(tmp_path, "--config", str(config)) as process:
        api, otlp = process.addresses.api, process.addresses.otlp_http

        def report() -> dict[str, list[dict[str, object]]]:
            return httpx.get(f"{api}/api/guard", timeout=30).json()

        post(otlp, "/v1/logs", logs_body("shop", LOG))
        send_users(otlp, range(8))
        wait_until(lambda: bool(report()["folds"]), 60)
        before = report()
        process.end()
        assert (tmp_path / "data-guard.key").stat().st_mode & 0o777 == 0o600
        process.start()
        after = report()
        assert after["found"] == before["found"]
        assert len(after["found"]) >= 5
        assert [fold | {"points": 0} for fold in after["folds"]] == before["folds"]
        post(otlp, "/v1/logs", logs_body("shop", LOG))
        send_users(otlp, range(8, 20))
        (fold,) = report()["folds"]
        assert fold["points"] == 12
        assert {row["count"] for row in report()["found"] if row["field"] == "body"} == {2}

        shown = click.testing.CliRunner().invoke(guard, ["--server", api])
        assert shown.exit_code == 0, shown.output
        assert "visits_total" in shown.output
        assert "account.email" in shown.output
        log = process.log
    assert "cardinality: user of visits_total (shop) has 8 values" in log
    assert "personal data: email in body of shop (logs): redacted" in log
    for raw in RAW:
        if raw != "jane.doe":
            assert raw not in log + shown.output
    assert "jane.doe@" not in log + shown.output

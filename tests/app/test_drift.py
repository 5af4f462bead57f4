"""Drift from a service's calls to the report, through a real server: SDK, OTLP, watch, CLI."""

import csv
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.support.server import Process, serving_process

import vario
from vario.cli.root import root

REGIONS = ("ap-south", "eu-west", "us-east")
DEADLINE_S = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("drift")
    config = folder / "vario.toml"
    config.write_text("[drift]\ninterval_s = 1.0\n")
    with serving_process(folder, "--config", str(config)) as running:
        yield running


def invoke(server: Process, *arguments: object) -> Result:
    given = [*(str(argument) for argument in arguments), "--server", server.addresses.api]
    return CliRunner().invoke(root, given)


def report(server: Process) -> dict:
    found = invoke(server, "drift", "report", "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.output)


class Service:
    """Predicts in three regions; sends what it measured when it is told to."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)

    def draw(self) -> dict[str, float | str | None]:
        return {
            "age": float(self.rng.normal(40, 10)),
            "session_length": float(self.rng.lognormal(2, 1)),
            "country": str(self.rng.choice(["de", "fr"])),
        }

    def predict(self, version: str, drops: tuple[str, ...] = ()) -> None:
        for _ in range(50):
            for region in REGIONS:
                features = self.draw()
                if region in drops and self.rng.random() < 0.4:
                    features["session_length"] = None
                vario.record_prediction(
                    features=features, prediction=0.5, model_version=version, region=region
                )
        vario.flush()  # a busy server's answer may come too late: what is due is sent again


def wait_for(
    server: Process, service: Service, version: str, drops: tuple[str, ...], wanted
) -> dict:
    """Predicts until the report is as wanted."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        service.predict(version, drops)
        found = report(server)
        if wanted(found):
            return found
    raise AssertionError(f"not within {DEADLINE_S} s: {json.dumps(found)[:3000]}\n{server.log()}")


def test_a_silent_release_is_told_and_a_healthy_one_is_not(
    server: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service()
    training = tmp_path / "train.csv"
    with training.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "session_length", "country", "region"])
        for i in range(6_000):
            writer.writerow([*service.draw().values(), REGIONS[i % 3]])
    options = ("--model", "recommender", "--name", "v23", "--by", "region")
    made = invoke(server, "reference", "create", training, *options)
    assert made.exit_code == 0, made.output
    assert "reference 'v23' of model 'recommender': 3 features, 6000 rows" in made.output

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.addresses.otlp_http)
    vario.configure(service="ml-infer", model="recommender", version="v23")
    try:

        def is_judged(found: dict) -> bool:
            assert found["findings"] == []
            return any(reading["rows"] >= 3_000 for reading in found["readings"])

        healthy = wait_for(server, service, "v23", (), is_judged)
        assert {reading["verdict"] for reading in healthy["readings"]} <= {"stable", "too_few"}

        drops = ("ap-south", "eu-west")
        found = wait_for(
            server,
            service,
            "v23.1",
            drops,
            lambda found: any(f["segments"] == list(drops) for f in found["findings"]),
        )
        assert [
            (f["feature"], f["kind"], f["model_version"], f["segments"]) for f in found["findings"]
        ] == [("session_length", "missing", "v23.1", list(drops))]
        assert re.fullmatch(
            r"session_length missing [34]\d% in ap-south and eu-west since \d\d:\d\d UTC, "
            r"version v23\.1; elsewhere 0%",
            found["findings"][0]["text"],
        )
        check_doctor(server)
    finally:
        vario.shutdown()

    check_reports(server, tmp_path)
    check_references(server)


@pytest.mark.timeout(2 * DEADLINE_S + 120)
def test_a_version_that_users_accept_less_is_told(
    server: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feedback is joined to its prediction, counted, judged, and shown; no reference is needed."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.addresses.otlp_http)
    vario.configure(service="ranker", model="ranker", version="v1")
    rng = np.random.default_rng(2)
    made = 0

    def serve(version: str) -> dict:
        nonlocal made
        for region in (*REGIONS, *REGIONS * 40):
            made += 1
            score = 0.2 if version == "v2" and region == "eu-west" else 0.5
            vario.record_prediction(
                prediction=score, request_id=f"r-{made}", model_version=version, region=region
            )
            vario.record_feedback(f"r-{made}", accepted=rng.random() < score)
        vario.flush()
        return report(server)

    found: dict = {}
    try:
        for version, feedback in (("v1", 1_200), ("v2", 300)):
            deadline_s = time.monotonic() + DEADLINE_S
            while time.monotonic() < deadline_s:
                found = serve(version)
                told = [
                    o["feedback"]
                    for o in found["outcomes"]
                    if (o["model_version"], o["segment"]) == (version, "")
                ]
                own = [f for f in found["findings"] if f["model_name"] == "ranker"]
                if sum(told) >= feedback and (version == "v1" or any(f["segments"] for f in own)):
                    break
    finally:
        vario.shutdown()
    assert [(f["feature"], f["model_version"], f["segments"]) for f in own] == [
        ("accept_rate", "v2", ["eu-west"])
    ], (found["error"], [list(o.values())[:17] for o in found["outcomes"]])
    assert re.fullmatch(
        r"accept rate of v2 in eu-west fell from [45]\d% to [12]\d% since \d\d:\d\d UTC; "
        r"elsewhere [45]\d%",
        own[0]["text"],
    )
    shown = invoke(server, "drift", "report", "--model", "ranker")
    assert "BY SCORES" in shown.output
    page = tmp_path / "drift.html"
    assert invoke(server, "drift", "report", "--html", page).exit_code == 0
    assert "<h2>Feedback</h2>" in page.read_text("utf-8")
    query = 'accept_rate{model_name="ranker",model_version="v2",region="eu-west"} < bool 0.35'
    asked = invoke(server, "query", query, "--json")
    assert json.loads(asked.output)["data"]["result"][0]["value"][1] == "1"


def check_doctor(server: Process) -> None:
    """Values that cannot be used and a model without a reference are named."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        for value in (float("inf"), [1.0]):
            vario.record_prediction(features={"speed": value}, model_name="pricing")
        vario.flush()  # a busy server's answer may come too late: what is due is sent again
        checks = json.loads(invoke(server, "doctor", "--json").output)["checks"]
        told = [c["message"] for c in checks if c["name"] in {"drift", "reference", "features"}]
        if len(told) == 4:
            break
    assert sorted(re.sub(r"\b\d+ values", "N values", message) for message in told) == [
        "3 features of 1 models are judged; findings: 1 (`vario drift report`)",
        "model 'pricing' makes predictions and has no reference: nothing tells when it drifts",
        "model 'pricing': N values of feature 'speed' cannot be used (infinite); they count as "
        "missing",
        "model 'pricing': N values of feature 'speed' cannot be used (wrong_type); they count as "
        "missing",
    ]
    shown = invoke(server, "doctor").output
    assert "vario reference create --model pricing --name NAME --from-live 24h" in shown


def check_reports(server: Process, tmp_path: Path) -> None:
    """What was found is printed, drawn, and kept as metrics."""
    shown = invoke(server, "drift", "report")
    assert "recommender: session_length missing" in shown.output
    assert "OUTSIDE" in shown.output
    numbers = [r for r in report(server)["readings"] if r["feature"] == "age" and r["rows"]]
    assert all(0 <= r["out_of_range_ratio"] < 0.01 for r in numbers)
    unknown = invoke(server, "drift", "report", "--model", "shoes")
    assert "no model 'shoes' was seen lately; there is: pricing, recommender" in unknown.output
    nowhere = invoke(server, "drift", "report", "--html", tmp_path / "no" / "drift.html")
    assert (nowhere.exit_code, "cannot be written" in nowhere.output) == (2, True)
    page = tmp_path / "drift.html"
    assert invoke(server, "drift", "report", "--html", page).exit_code == 0
    text = page.read_text("utf-8")
    assert "session_length (recommender, v23.1, region=eu-west)" in text
    assert "drift over time" in text
    check_history(server)
    query = 'min(feature_presence_ratio{feature="session_length",region="eu-west"}) < bool 0.8'
    asked = invoke(server, "query", query, "--json")
    assert json.loads(asked.output)["data"]["result"][0]["value"][1] == "1"


def check_history(server: Process) -> None:
    """Features by time, as a heat map draws them."""
    asked = "model=recommender&version=v23.1&segment=region&value=eu-west&start=now-30m&step=60"
    with urllib.request.urlopen(f"{server.addresses.api}/api/drift/history?{asked}") as answer:
        found = json.load(answer)
    assert found["times"] == sorted(found["times"])
    rows = {row["feature"]: row for row in found["features"]}
    assert set(rows) == {"age", "country", "session_length"}
    for row in rows.values():
        assert {len(row[name]) for name in ("psi", "psi_critical", "missing_ratio")} == {
            len(found["times"])
        }
    missing = [ratio for ratio in rows["session_length"]["missing_ratio"] if ratio is not None]
    assert max(missing) > 0.2


def check_references(server: Process) -> None:
    """References are made of live traffic, listed, compared, shown and deleted."""
    live = invoke(
        server, "reference", "create", "--model", "recommender", "--name", "live",
        "--from-live", "5m", "--version", "v23",
    )  # fmt: skip
    assert live.exit_code == 0, live.output
    listed = invoke(server, "reference", "list", "--json")
    kept = {r["name"]: r["features"] for r in json.loads(listed.output)["references"]}
    assert kept == {"live": 4, "v23": 3}
    differs = invoke(server, "reference", "diff", "recommender", "v23", "live")
    assert "prediction      added" in differs.output
    shown = invoke(server, "reference", "show", "recommender", "live")
    assert sorted({part["value"] for part in json.loads(shown.output)["parts"]}) == list(REGIONS)
    assert invoke(server, "reference", "delete", "recommender", "live").exit_code == 0
    gone = invoke(server, "reference", "show", "recommender", "live")
    assert (gone.exit_code, "there is no reference 'live'" in gone.output) == (2, True)

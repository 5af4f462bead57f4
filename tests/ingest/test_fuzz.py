"""100,000 mutated bodies through every door; `python -m bench fuzz` sends 10 million."""

import logging

import pytest
from bench.fuzz import fuzz

from vario.store.engine import Engine

DOORS = {
    *(f"{way} {signal}" for way in ("http", "json", "grpc") for signal in ("traces", "logs")),
    *(f"{way} metrics" for way in ("http", "json", "grpc")),
    "remote write 1",
    "remote write 2",
    "scrape text/plain",
    "scrape application/openmetrics-text",
    "scrape application/vnd.google.protobuf",
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.timeout(900)
def test_no_body_breaks_a_door() -> None:
    outcomes = fuzz(98_000, seed=1, store=False)
    assert outcomes.total() == 98_000
    assert {door for door, _ in outcomes} == DOORS


@pytest.mark.timeout(600)
def test_no_body_breaks_the_engine(embedded_engine: Engine) -> None:
    outcomes = fuzz(2_000, seed=2)
    assert outcomes.total() == 2_000
    assert {door for door, _ in outcomes} == DOORS

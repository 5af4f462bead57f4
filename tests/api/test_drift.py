"""Drift over HTTP: features over time."""

import numpy as np
import pytest
from tests.support.asgi_client import AppClient
from tests.support.otlp_factory import START_NS

from vario.model.series import SampleBlock
from vario.store.clickhouse import ClickHouseStore

START_S = START_NS // 10**9


def write(store: ClickHouseStore, name: str, values: list[float], **labels: str) -> None:
    """Writes a value a minute, half a minute past it."""
    times = (START_S // 60 * 60 - 570 + 60 * np.arange(len(values))) * 1000
    block = SampleBlock(np.array([0, len(values)]), times, np.array(values))
    store.write_samples([{"__name__": name, "model_name": "m", **labels}], block)


@pytest.fixture
def kept(store: ClickHouseStore) -> ClickHouseStore:
    for labels in ({}, {"model_version": "v2", "region": "eu"}):
        k = 2.0 if labels else 1.0
        write(store, "drift_psi", [0.01 * k, 0.02 * k, 0.04 * k], feature="age", **labels)
        write(store, "drift_psi_critical", [0.02, 0.02, 0.02], feature="age", **labels)
        write(store, "feature_presence_ratio", [1.0, 0.75, 0.5], feature="age", **labels)
    write(store, "feature_presence_ratio", [1.0], feature="city")
    write(store, "accept_rate", [0.4, 0.3])
    return store


def ask(client: AppClient, **more: str | int) -> dict:
    start = START_S // 60 * 60 - 600
    asked = {"model": "m", "start": start, "end": start + 240, "step": 60} | more
    answer = client.get("/api/drift/history", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_features_are_told_by_steps_of_time(kept: ClickHouseStore, client: AppClient) -> None:
    found = ask(client)
    first = START_S // 60 * 60 - 540
    assert found["times"] == [first + 60 * i for i in range(5)]
    none = [None] * 5
    assert found["features"] == [
        {
            "feature": "age",
            "psi": [0.01, 0.02, 0.04, None, None],
            "psi_critical": [0.02, 0.02, 0.02, None, None],
            "missing_ratio": [0.0, 0.25, 0.5, None, None],
        },
        {"feature": "city", "psi": none, "psi_critical": none, "missing_ratio": [0.0, *none[1:]]},
    ]
    assert found["accept_rate"] == [0.4, 0.3, None, None, None]


def test_one_part_of_the_traffic_is_told_by_itself(
    kept: ClickHouseStore, client: AppClient
) -> None:
    found = ask(client, version="v2", segment="region", value="eu")
    assert [row["psi"][:3] for row in found["features"]] == [[0.02, 0.04, 0.08]]
    assert ask(client, version="v2")["features"] == []
    assert ask(client, version='v"\\{}')["features"] == []


def test_wide_steps_show_the_last_look(kept: ClickHouseStore, client: AppClient) -> None:
    found = ask(client, step=240, start=START_S // 240 * 240 - 960, end=START_S // 240 * 240)
    told = [value for value in found["features"][0]["psi"] if value is not None]
    assert told[-1] == 0.04
    assert found["step"] == 240

"""Drift over HTTP: features over time."""

import numpy as np
import pytest
from tests.support.asgi_client import AppClient
from tests.support.otlp_factory import START_NS

from vario.drift.reference import Reference, dump_reference, make_feature
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
    write(store, "feature_new_categories", [2.0], feature="city")
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
            "new_categories": none,
        },
        {
            "feature": "city",
            "psi": none,
            "psi_critical": none,
            "missing_ratio": [0.0, *none[1:]],
            "new_categories": [2.0, *none[1:]],
        },
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


def keep_counts(store: ClickHouseStore) -> None:
    """Writes what the SDK counts: 100 a minute; in v2 half of the ages are above the reference's,
    a tenth is missing, and a city is new."""
    minutes = 100.0 * np.arange(10)
    shares: list[tuple[float, dict[str, str]]] = [(1.0, {"__name__": "predictions_total"})]
    for bound, share in (("30", 0.0), ("50", 0.4), ("70", 0.9), ("+Inf", 0.9)):
        shares.append((share, {"__name__": "feature_value_bucket", "feature": "age", "le": bound}))
    shares.append((0.1, {"__name__": "feature_missing_total", "feature": "age"}))
    for city, share in (("ulm", 0.7), ("köln", 0.3)):
        labels = {"__name__": "feature_category_total", "feature": "city", "category": city}
        shares.append((share, labels))
    for share, labels in shares:
        name = labels.pop("__name__")
        write(store, name, (share * minutes).tolist(), model_version="v2", region="eu", **labels)
    rng = np.random.default_rng(3)
    age = make_feature("age", rng.uniform(30, 50, 2_000))
    city = make_feature("city", ["ulm"] * 90 + ["bonn"] * 10)
    reference = Reference("r", "m", "", "rows", START_NS, {"age": age, "city": city})
    store.write_reference("m", "r", dump_reference(reference))


def ask_moment(client: AppClient, feature: str, **more: str | int) -> dict:
    end = START_S // 60 * 60 - 60
    asked = {"model": "m", "feature": feature, "time": end, "step": 60} | more
    return client.get("/api/drift/at", params=asked).json()


def test_a_moment_shows_both_distributions(store: ClickHouseStore, client: AppClient) -> None:
    keep_counts(store)
    for feature in ("age", "city"):
        presence = [0.9] * 9
        write(store, "feature_presence_ratio", presence, feature=feature, model_version="v2")
        write(store, "drift_psi_critical", [0.1] * 9, feature=feature, model_version="v2")
    age = ask_moment(client, "age", version="v2")
    end = START_S // 60 * 60
    assert age["time"] == end - 90
    reading, shown = age["reading"], age["distribution"]
    assert (reading["reference"], reading["model_version"], reading["segment"]) == ("r", "v2", "")
    assert reading["window"] == 7200
    assert reading["rows"] == pytest.approx(870, rel=0.1)
    assert reading["missing_ratio"] == pytest.approx(0.1)
    assert reading["psi_critical"] == pytest.approx(0.1)
    assert reading["psi"] > 1
    assert sum(shown["current"]) == pytest.approx(1)
    assert shown["current"][-1] == pytest.approx(5 / 9 + 4 / 90, rel=0.2)
    city = ask_moment(client, "city", version="v2")
    assert city["reading"]["verdict"] == "new_category"
    assert city["distribution"]["bins"] == ["bonn", "ulm", "(other)"]
    assert city["distribution"]["current"] == pytest.approx([0.0, 0.7, 0.3])
    (new,) = city["distribution"]["new_categories"]
    assert new["name"] == "köln"
    assert new["share"] == pytest.approx(0.3)


def test_a_moment_that_was_not_judged_says_so(store: ClickHouseStore, client: AppClient) -> None:
    assert "no reference of model 'm' has the feature 'age'" in ask_moment(client, "age")["error"]
    keep_counts(store)
    told = ask_moment(client, "age", segment="region", value="us")["error"]
    assert "in version '*' with region='us' was not judged then" in told
    write(store, "feature_presence_ratio", [0.9] * 9, feature="age", region="us")
    told = ask_moment(client, "age", segment="region", value="us")["error"]
    assert "store.retention.metrics_days" in told

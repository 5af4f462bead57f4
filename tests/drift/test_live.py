"""Live traffic as it is in the store: counters and both kinds of histograms."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from tests.conftest import KEEP_FOR_YEARS, START_NS

from vario.alert.seams import make_query
from vario.clock import ManualClock
from vario.config import StoreSettings
from vario.drift.bins import FINEST_SCALE
from vario.drift.capture import capture
from vario.drift.judge import Limits, measure
from vario.drift.live import (
    OVER_ALL,
    Ask,
    Cell,
    Observed,
    Scope,
    Traffic,
    observe,
    roll_up,
    window_of,
)
from vario.drift.reference import make_feature
from vario.errors import BadData
from vario.model.series import HistogramBlock, SampleBlock
from vario.query.promql.engine import PromQL
from vario.sdk.distinct import encode
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine

START_MS = START_NS // 1_000_000
EVERY_MS = 15_000


class Service:
    """Writes cumulative metrics as a service would send them, every 15 s for 5 minutes."""

    steps = 21

    def __init__(self, store: ClickHouseStore, model: str) -> None:
        self.store = store
        self.model = {"model_name": model, "model_version": "v23"}
        self.times = START_MS + EVERY_MS * np.arange(self.steps, dtype=np.int64)

    @property
    def end_ms(self) -> int:
        return int(self.times[-1])

    def count(self, name: str, per_step: float, **labels: str) -> None:
        values = 1_000.0 + per_step * np.arange(self.steps)
        block = SampleBlock(np.array([0, self.steps]), self.times, values)
        self.store.write_samples([{"__name__": name, **self.model, **labels}], block)

    def observe(
        self,
        counts: Mapping[int, float],
        *,
        name: str = "feature_value",
        schema: int = 0,
        **labels: str,
    ) -> None:
        """An exponential histogram; of schema 0, bucket i holds (2^(i-1), 2^i]."""
        low, high = min(counts), max(counts)
        row = [counts.get(i, 0.0) for i in range(low, high + 1)]
        steps = 10 + np.arange(self.steps)
        zeros = np.zeros(self.steps, dtype=np.int64)
        block = HistogramBlock(
            offsets=np.array([0, self.steps]),
            ts_ms=self.times,
            count=sum(row) * steps.astype(float),
            sum=np.ones(self.steps) * steps,
            schema=zeros + schema,
            zero_threshold=np.zeros(self.steps),
            zero_count=np.zeros(self.steps),
            positive_offset=zeros + low,
            positive=[[value * step for value in row] for step in steps.tolist()],
            negative_offset=zeros,
            negative=[[] for _ in range(self.steps)],
            bounds=[[] for _ in range(self.steps)],
            reset_hint=zeros,
        )
        self.store.write_histograms([{"__name__": name, **self.model, **labels}], block)


@pytest.fixture(scope="module")
def kept(embedded_engine: Engine) -> Iterator[ClickHouseStore]:
    settings = StoreSettings(dsn="chdb://memory/drift_live", retention=KEEP_FOR_YEARS)
    store = open_store(settings, ManualClock(START_NS))
    yield store
    store.engine.command("DROP DATABASE `drift_live` SYNC")
    store.close()


@pytest.fixture
def service(kept: ClickHouseStore, request: pytest.FixtureRequest) -> Service:
    """A service whose model is called as the test is."""
    return Service(kept, request.node.name)


@pytest.fixture
def ask(kept: ClickHouseStore, request: pytest.FixtureRequest) -> Ask:
    """Asks for what the test's own model has sent."""
    answer = make_query(PromQL(kept))

    def asked(text: str, at_ms: int) -> list[Cell]:
        return [
            cell for cell in answer(text, at_ms) if ("model_name", request.node.name) in cell.labels
        ]

    return asked


def plain(observed: Observed) -> dict[str, object]:
    buckets = itertools.starmap(
        lambda low, high, count: (low, high, round(count)),
        zip(observed.lower, observed.upper, observed.counts, strict=True),
    )
    return {
        "buckets": list(buckets),
        "categories": {key: round(value) for key, value in observed.categories.items()},
        "missing": round(observed.missing),
        "invalid": {key: round(value) for key, value in observed.invalid.items()},
    }


def test_everything_that_the_sdk_sends_is_read(service: Service, ask: Ask) -> None:
    service.count("predictions_total", 10, region="eu-west")
    service.observe({3: 6, 4: 1}, region="eu-west", feature="age")
    service.count("feature_missing_total", 2, region="eu-west", feature="age")
    service.count("feature_invalid_total", 1, region="eu-west", feature="age", reason="nan")
    service.count("feature_category_total", 4, region="eu-west", feature="country", category="de")
    service.count("feature_category_total", 6, region="eu-west", feature="country", category="fr")
    for le, count in (("1", 2), ("5", 7), ("+Inf", 10)):
        labels = {"region": "eu-west", "feature": "price", "le": le}
        service.count("feature_value_bucket", count, **labels)
    found = observe(ask, service.end_ms, 300_000, ["region"])
    scope = Scope(service.model["model_name"], "v23", (("region", "eu-west"),))
    assert list(found) == [scope]
    assert found[scope].predictions == pytest.approx(200)
    assert {name: plain(one) for name, one in found[scope].features.items()} == {
        "age": {
            "buckets": [(4.0, 8.0, 120), (8.0, 16.0, 20)],
            "categories": {},
            "missing": 40,
            "invalid": {"nan": 20},
        },
        "price": {
            "buckets": [(-np.inf, 1.0, 40), (1.0, 5.0, 100), (5.0, np.inf, 60)],
            "categories": {},
            "missing": 0,
            "invalid": {},
        },
        "country": {
            "buckets": [],
            "categories": {"de": 80, "fr": 120},
            "missing": 0,
            "invalid": {},
        },
    }


def test_without_traffic_there_is_nothing(service: Service, ask: Ask) -> None:
    assert observe(ask, service.end_ms, 300_000, ["region"]) == {}


def traffic(predictions: float, **missing: float) -> Traffic:
    return Traffic(predictions, {name: Observed(missing=gone) for name, gone in missing.items()})


def test_traffic_is_rolled_up_by_version_and_by_segment_and_both() -> None:
    parts = {
        Scope("m", "v1", (("region", "us"),)): traffic(1, age=1),
        Scope("m", "v2", (("region", "us"),)): traffic(2, age=2),
        Scope("m", "v2", (("region", "eu"),)): traffic(4),
    }
    found = roll_up(parts)
    us, eu = (("region", "us"),), (("region", "eu"),)
    assert {scope: part.predictions for scope, part in found.items()} == {
        Scope("m"): 7,
        Scope("m", OVER_ALL, us): 3,
        Scope("m", OVER_ALL, eu): 4,
        Scope("m", "v1"): 1,
        Scope("m", "v1", us): 1,
        Scope("m", "v2"): 6,
        Scope("m", "v2", us): 2,
        Scope("m", "v2", eu): 4,
    }
    assert found[Scope("m")].features["age"].missing == 3


def test_a_feature_of_which_nothing_is_heard_is_missing_from_every_prediction() -> None:
    window = window_of(make_feature("age", [1.0, 2.0]), traffic(40))
    assert (window.counts.tolist(), window.missing) == ([0.0, 0.0], 40)


def test_values_of_the_wrong_kind_are_missing() -> None:
    texts = Traffic(5, {"age": Observed(categories={"old": 5.0})})
    assert window_of(make_feature("age", [1.0, 2.0]), texts).missing == 5
    numbers = Observed(np.array([0.0]), np.array([1.0]), np.array([7.0]))
    found = window_of(make_feature("country", ["de"]), Traffic(7, {"country": numbers}))
    assert (found.counts.tolist(), found.missing) == ([0.0, 0.0], 7)


def test_live_traffic_becomes_a_reference(service: Service, ask: Ask, clock: ManualClock) -> None:
    service.count("predictions_total", 100)
    service.observe({3: 50, 4: 30, 5: 10}, feature="age")
    service.count("feature_missing_total", 10, feature="age")
    service.count("feature_category_total", 100, feature="country", category="de")
    at_ns = service.end_ms * 1_000_000
    made = capture(ask, at_ns, 300, **service.model, name="live")
    model = service.model["model_name"]
    age, country = made.features["age"], made.features["country"]
    assert (age.edges.tolist(), np.round(age.counts).tolist()) == ([8.0, 16.0], [1000, 600, 200])
    assert round(age.missing) == 200
    assert age.positions.tolist() == [6.0, 12.0, 24.0]
    assert country.categories == ("de",)
    again = window_of(age, roll_up(observe(ask, service.end_ms, 300_000, []))[Scope(model)])
    assert again.counts.tolist() == age.counts.tolist()
    assert (age.lowest, age.highest, again.outside) == (4.0, 32.0, 0.0)
    seen = roll_up(observe(ask, service.end_ms, 300_000, []))[Scope(model)]
    narrow = window_of(make_feature("age", [9.0, 17.0]), seen)
    assert round(narrow.outside) == 1000


def test_too_little_traffic_is_no_reference(service: Service, ask: Ask) -> None:
    service.count("predictions_total", 1)
    at_ns, model = service.end_ms * 1_000_000, service.model["model_name"]
    with pytest.raises(BadData, match=rf"made 0 predictions in 300 s, .*live are {model} v23"):
        capture(ask, at_ns, 300, model_name=model, model_version="v9", name="x")


def test_texts_without_a_category_are_counted_by_their_hashes(service: Service, ask: Ask) -> None:
    """Some 200 different texts, in cells of a histogram; two named categories are new as well."""
    cells = Counter(round(np.log2(encode(f"city-{i}")) * 2**FINEST_SCALE + 0.5) for i in range(200))
    service.count("predictions_total", 100)
    for category, per_step in (("de", 60), ("new-1", 10), ("new-2", 10), ("__other__", 20)):
        service.count("feature_category_total", per_step, feature="city", category=category)
    service.observe(dict(cells), name="feature_distinct", schema=FINEST_SCALE, feature="city")
    traffic = observe(ask, service.end_ms, 300_000, ())
    (found,) = traffic.values()
    reference = make_feature("city", ["de", "fr"])
    window = window_of(reference, found)
    assert window.new_distinct == pytest.approx(202, rel=0.35)
    told = measure(reference, window, Limits())
    assert told.new_distinct == window.new_distinct

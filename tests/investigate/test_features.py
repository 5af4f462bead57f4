"""Features: one that a release drops in one region, one that a gauge tells of, healthy twins."""

import pytest
from tests.support.otlp_factory import MINUTE
from tests.support.planted import ONSET_NS, REGIONS, Planted, check_evidence

from vario.investigate.features import probe_features
from vario.investigate.reader import DriftFact, Reader
from vario.model.investigation import Finding


def fill(planted: Planted, lost_in: tuple[str, ...], *, canary: bool = True) -> None:
    """Writes counters of two versions; the new one drops session_length for 30 % in some regions.

    Each region has 30 predictions in 15 s; half of them go to the new version since the onset, or
    all of them.
    """
    for region in REGIONS:
        for version in ("v23", "v23.1"):
            labels = {
                "region": region, "model_version": version, "model_name": "recommender",
                "job": "ml-infer",
            }  # fmt: skip
            new = version == "v23.1"

            def rows(at: int, *, new: bool = new) -> float:
                share = (0.5 if canary else 1.0) if at >= 0 else 0.0
                return 30 * (share if new else 1 - share)

            def lost(at: int, *, rows=rows, drops: bool = new and region in lost_in) -> float:
                return rows(at) * (0.3 if drops else 0.02)

            planted.series("predictions_total", labels, rows, counter=True)
            for feature, value in (("session_length", lost), ("age", lambda at: 0.3)):
                named = {**labels, "feature": feature}
                planted.series("feature_missing_total", named, value, counter=True)


@pytest.mark.parametrize("canary", [True, False])
def test_the_feature_that_a_release_drops_in_one_region(planted: Planted, canary: bool) -> None:
    fill(planted, ("eu-west",), canary=canary)
    clues = probe_features(planted.reader, planted.case("quality", region="eu-west"))
    (found,) = clues
    assert isinstance(found, Finding)
    assert found.subject == {
        "feature": "session_length",
        "model_version": "v23.1",
        "region": "eu-west",
    }
    assert found.confidence > 0.8
    assert abs(found.onset_ns - ONSET_NS) <= 2 * MINUTE
    assert found.evidence[1].value == pytest.approx(0.16 if canary else 0.3, abs=0.03)
    check_evidence(planted, clues)


def test_nothing_is_said_of_features_that_are_as_before(planted: Planted) -> None:
    fill(planted, ())
    assert probe_features(planted.reader, planted.case("quality")) == []


def test_gauges_that_users_export(planted: Planted) -> None:
    for region in REGIONS:
        worse = region == "us-east"
        labels = {"feature": "age", "region": region}
        planted.series(
            "feature_presence_ratio", labels, lambda at, w=worse: 0.6 if w and at >= 0 else 0.99
        )
        planted.series("drift_psi", {**labels, "feature": "income"}, lambda at: 0.02)
    clues = probe_features(planted.reader, planted.case("quality"))
    (found,) = clues
    assert isinstance(found, Finding)
    assert found.subject == {"feature": "age", "region": "us-east"}
    assert found.confidence > 0.3
    check_evidence(planted, clues)


def test_what_the_drift_watch_holds(planted: Planted) -> None:
    facts = (
        DriftFact("recommender", "", {}, "age", "stable", 0, 0.01, 5000, 0.4),
        DriftFact("recommender", "v23.1", {"region": "eu-west"}, "income", "drifted", 0, 0.4,
                  5000, 1e-9, ONSET_NS),
    )  # fmt: skip
    reader = Reader(planted.store, drift=facts)
    (found,) = probe_features(reader, planted.case("quality"))
    assert isinstance(found, Finding)
    assert found.subject == {"feature": "income", "model_version": "v23.1", "region": "eu-west"}

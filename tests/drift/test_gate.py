"""The gate before a deploy: a good candidate passes, each fault is named."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from vario.drift.compare import Change, compare
from vario.drift.gate import Checked, check
from vario.drift.reference import Reference, make_feature
from vario.errors import BadData

Columns = dict[str, Sequence[Any]]


def rows(seed: int, count: int = 4_000) -> Columns:
    rng = np.random.default_rng(seed)
    return {
        "age": rng.normal(40, 10, count).tolist(),
        "country": rng.choice(["de", "fr", "us"], count, p=[0.5, 0.3, 0.2]).tolist(),
        "session_length": rng.lognormal(2, 1, count).tolist(),
        "region": rng.choice(["us-east", "eu-west"], count).tolist(),
    }


def reference_of(columns: Columns, name: str = "v23") -> Reference:
    features = {
        feature: make_feature(feature, column)
        for feature, column in columns.items()
        if feature != "region"
    }
    return Reference(name, "recommender", "v23", "train.csv", 1, features)


REFERENCE = reference_of(rows(1, 20_000))


def checked(columns: Columns, by: str = "") -> list[Checked]:
    return check(REFERENCE, columns, max_psi=0.2, min_presence=0.99, by=by)


def failures(columns: Columns, by: str = "") -> dict[tuple[str, str], tuple[str, ...]]:
    found = checked(columns, by)
    return {(one.feature.name, one.segment): one.failures for one in found if one.failures}


def test_a_good_candidate_passes() -> None:
    assert failures(rows(2), by="region") == {}
    assert [(one.feature.name, one.segment) for one in checked(rows(2), by="region")] == [
        (name, segment)
        for name in ("age", "country", "session_length")
        for segment in ("", "eu-west", "us-east")
    ]


def test_a_feature_that_is_missing_in_one_region_fails_there() -> None:
    columns = rows(3)
    columns["session_length"] = [
        None if region == "eu-west" and i % 40 == 0 else value
        for i, (value, region) in enumerate(
            zip(columns["session_length"], columns["region"], strict=True)
        )
    ]
    found = failures(columns, by="region")
    assert list(found) == [("session_length", ""), ("session_length", "eu-west")] or list(
        found
    ) == [("session_length", "eu-west")]
    (told,) = found["session_length", "eu-west"]
    assert told.startswith("present in 97.")
    assert told.endswith("99.00% asked for")


def test_a_column_that_is_not_there_fails() -> None:
    columns = rows(4)
    del columns["session_length"]
    (told,) = failures(columns)["session_length", ""]
    assert told == "the candidate has no such column"


def test_a_moved_distribution_fails() -> None:
    columns = rows(5)
    columns["age"] = [value + 8 for value in columns["age"]]
    (told,) = failures(columns)["age", ""]
    assert told.startswith("PSI 0.")
    assert told.endswith("0.2 allowed")


def test_a_column_of_the_wrong_type_fails() -> None:
    columns = rows(6)
    columns["age"] = [str(value) for value in columns["age"]]
    assert list(failures(columns)) == [("age", "")]


def test_few_rows_do_not_fail_by_chance() -> None:
    assert all(("age", "") not in failures(rows(seed, 40)) for seed in range(20))


@pytest.mark.parametrize(
    ("columns", "by", "message"),
    [
        ({}, "", "the candidate has no rows"),
        ({"age": []}, "", "the candidate has no rows"),
        ({"age": [1.0]}, "region", "the candidate has no column 'region'; it has age"),
    ],
)
def test_what_cannot_be_checked_is_refused(columns: Columns, by: str, message: str) -> None:
    with pytest.raises(BadData, match=message):
        checked(columns, by)


def test_references_are_compared_feature_by_feature() -> None:
    old = rows(1, 20_000)
    new = {**rows(2), "score": rows(2)["age"], "country": [1.0] * 4_000}
    del new["session_length"]
    new["age"] = [None, *new["age"][1:]]
    found = compare(reference_of(old), reference_of(new, "v24"))
    assert [(change.feature, change.what) for change in found] == [
        ("age", "same kind"),
        ("country", "kind"),
        ("score", "added"),
        ("session_length", "removed"),
    ]
    assert found[0].psi == pytest.approx(0.0, abs=0.02)
    assert found[0].missing == (0.0, 1 / 4_000)
    assert found[2] == Change("score", "added", None, None)


def test_values_out_of_the_references_range_are_told_and_refused_if_asked() -> None:
    reference = Reference("v23", "m", "", "x", 1, {"age": make_feature("age", np.arange(100.0))})
    columns = {"age": [*np.arange(95.0).tolist(), 150.0, 160.0, -1.0, None, 99.0]}
    for most, failures in (
        (1.0, ()),
        (0.02, ("3.03% of its values out of the reference's range, 2.00% allowed",)),
    ):
        (found,) = check(reference, columns, max_psi=1.0, min_presence=0.5, max_out_of_range=most)
        assert found.drift.outside_ratio == pytest.approx(3 / 99)
        assert found.failures == failures

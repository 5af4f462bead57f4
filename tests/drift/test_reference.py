"""References: made of columns, kept as JSON, refused where they are broken."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.drift.reference import (
    FeatureReference,
    Reference,
    dump_reference,
    label_outcomes,
    load_reference,
    make_feature,
    make_parts,
    with_outcomes,
)
from vario.errors import BadData


def made(**columns: object) -> Reference:
    features = {name: make_feature(name, column) for name, column in columns.items()}  # type: ignore[arg-type]
    return Reference("v23", "recommender", "v23", "train.parquet", 1, features)


def plain(feature: FeatureReference) -> dict[str, object]:
    return {
        "kind": feature.kind,
        "counts": feature.counts.tolist(),
        "missing": feature.missing,
        "edges": feature.edges.tolist(),
        "labels": feature.labels,
    }


def test_numbers_make_a_numeric_feature() -> None:
    feature = make_feature("age", [20, 30, None, 40, float("nan"), 50], bins=2)
    assert plain(feature) == {
        "kind": "numeric",
        "counts": [2.0, 2.0],
        "missing": 2,
        "edges": [35.0],
        "labels": ("(-inf, 35]", "(35, inf]"),
    }
    assert feature.positions.tolist() == [25.0, 45.0]
    assert feature.spread == pytest.approx(np.std([20, 30, 40, 50]))
    assert feature.rows == 6


def test_anything_else_makes_a_categorical_one() -> None:
    feature = make_feature("country", ["de", "fr", None, "de", True])
    assert plain(feature) == {
        "kind": "categorical",
        "counts": [1.0, 2.0, 1.0, 0.0],
        "missing": 1,
        "edges": [],
        "labels": ("True", "de", "fr", "(other)"),
    }


def test_rare_categories_of_very_many_are_one() -> None:
    column = [f"c{i:03}" for i in range(150) for _ in range(1 + (i < 100))]
    feature = make_feature("city", column)
    assert feature.categories == tuple(f"c{i:03}" for i in range(100))
    assert feature.counts[-1] == 50


@pytest.mark.parametrize("column", [[None, None], [float("nan")]])
def test_a_column_without_values_is_refused(column: list[float | None]) -> None:
    with pytest.raises(BadData, match=r"feature 'age' has no value in \d rows: leave it out"):
        make_feature("age", column)


@given(
    st.lists(st.none() | st.floats(allow_nan=True), min_size=1, max_size=50),
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
)
def test_a_reference_survives_its_json(
    numbers: list[float | None], texts: list[str | None]
) -> None:
    reference = made(age=[*numbers, 1.0], country=[*texts, "de"])
    loaded = load_reference(dump_reference(reference), "here")
    assert dump_reference(loaded) == dump_reference(reference)


def test_each_part_is_counted_in_the_bins_of_the_whole() -> None:
    columns = {
        "age": [10.0, 20.0, None, 30.0, 40.0],
        "country": ["us", "us", "ca", "de", "fr"],
        "region": ["us-east", "us-east", "us-east", "eu-west", "eu-west"],
    }
    features = {name: make_feature(name, columns[name], 2) for name in ("age", "country")}
    parts = make_parts(features, columns, "region")
    reference = Reference("v23", "m", "", "x", 1, features, parts)
    assert dump_reference(load_reference(dump_reference(reference), "x")) == dump_reference(
        reference
    )
    age, is_like = reference.find("age", [("region", "us-east")])
    assert (age.counts.tolist(), age.missing, is_like) == ([2.0, 0.0], 1.0, True)
    assert age.edges.tolist() == features["age"].edges.tolist() == [25.0]
    country, _ = reference.find("country", [("region", "eu-west")])
    assert dict(zip(country.labels, country.counts.tolist(), strict=True)) == {
        "ca": 0.0, "de": 1.0, "fr": 1.0, "us": 0.0, "(other)": 0.0,
    }  # fmt: skip
    assert reference.find("age", [("region", "ap-south")]) == (features["age"], False)
    assert reference.find("age", []) == (features["age"], True)


BROKEN: dict[str, tuple[Callable[[dict], object], str]] = {
    "no format": (lambda d: d.pop("format"), "here is no reference: its `format` should be"),
    "no name": (lambda d: d.pop("name"), "here is a broken reference: KeyError"),
    "features are a list": (lambda d: d.update(features=[]), "here is a broken reference"),
    "a bin too many": (
        lambda d: d["features"]["age"]["counts"].append(1),
        "here: feature 'age' of the reference does not fit its own bins",
    ),
    "less than nothing": (
        lambda d: d["features"]["age"].update(missing=-1),
        "here: feature 'age' of the reference does not fit its own bins",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_reference_is_refused(case: str) -> None:
    document = json.loads(dump_reference(made(age=[1.0, 2.0, 3.0])))
    breaking, message = BROKEN[case]
    breaking(document)
    with pytest.raises(BadData, match=message):
        load_reference(json.dumps(document), "here")


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(BadData, match="here is not JSON"):
        load_reference("{", "here")


def test_a_reference_keeps_the_lowest_and_the_highest_value() -> None:
    reference = made(age=[1.5, 2.0, None, 9.0], country=["de", "fr", "de", "fr"])
    loaded = load_reference(dump_reference(reference), "here")
    ends = {name: (f.lowest, f.highest) for name, f in loaded.features.items()}
    assert ends["age"] == (1.5, 9.0)
    assert np.isnan(ends["country"]).all()


def test_a_reference_of_an_earlier_version_has_no_range() -> None:
    document = json.loads(dump_reference(made(age=[1.0, 2.0])))
    for end in ("lowest", "highest"):
        del document["features"]["age"][end]
    loaded = load_reference(json.dumps(document), "here").features["age"]
    assert np.isnan((loaded.lowest, loaded.highest)).all()


def test_a_score_knows_what_came_of_it_in_whole_and_in_parts() -> None:
    columns = {
        "prediction": [0.1, 0.2, 0.8, 0.9, None, 0.85],
        "clicked": [0, "false", True, 1.0, 1, None],
        "region": ["a", "b", "a", "b", "a", "b"],
    }
    features = {"prediction": make_feature("prediction", columns["prediction"], 2)}
    parts = make_parts(features, columns, "region")
    labelled, divided = label_outcomes(features, parts, columns, "prediction", "clicked")
    made = Reference("v", "m", "", "x", 1, labelled, divided)
    read = load_reference(dump_reference(made), "x")
    score, part = read.features["prediction"], read.parts["region", "b"]["prediction"]
    assert (score.accepted.tolist(), score.rejected.tolist()) == ([1.0, 1.0], [2.0, 0.0])
    assert (part.accepted.tolist(), part.rejected.tolist()) == ([0.0, 1.0], [1.0, 0.0])
    with pytest.raises(BadData, match="a label is true, false, 1 or 0, not 'maybe'"):
        with_outcomes(features["prediction"], [0.1], ["maybe"])
    with pytest.raises(BadData, match="is no number"):
        with_outcomes(make_feature("prediction", ["cat"]), ["cat"], [1])

import doctest

from vario.model.explore import AttributeCount
from vario.query import selection
from vario.query.selection import Trait, rank_traits


def test_the_published_examples_hold() -> None:
    assert doctest.testmod(selection).failed == 0


def test_new_and_usual_traits_are_told_apart() -> None:
    counts = [
        AttributeCount("infer", "attributes.cache_hit", "false", 90, 20, 10),
        AttributeCount("infer", "name", "POST /heavy", 80, 10, 82),
        AttributeCount("infer", "resource.region", "us", 50, 100, 50),
    ]
    found = rank_traits(counts, 100, 200, 100)
    assert [(trait.value, trait.habit) for trait in found] == [
        ("false", "new"),
        ("POST /heavy", "usual"),
    ]
    assert all(0 < trait.low < trait.high <= 1 for trait in found)


def test_what_the_rest_has_more_often_comes_last() -> None:
    counts = [
        AttributeCount("infer", "region", "eu", 5, 100, 0),
        AttributeCount("infer", "region", "us", 95, 100, 0),
    ]
    found = rank_traits(counts, 100, 200, 0)
    assert [(trait.value, trait.low > 0, trait.habit) for trait in found] == [
        ("us", True, "unknown"),
        ("eu", False, "unknown"),
    ]


def test_values_of_the_same_traces_stand_together() -> None:
    counts = [
        AttributeCount("infer", "region", "us", 95, 100, 40),
        AttributeCount("infer", "zone", "us-1", 95, 100, 40),
    ]
    (found,) = rank_traits(counts, 100, 200, 100)
    assert isinstance(found, Trait)
    assert found.also == (("infer", "zone", "us-1"),)


def test_chance_is_not_reported() -> None:
    counts = [AttributeCount("infer", "id", f"v{n}", 3, 4, 2) for n in range(50)]
    assert rank_traits(counts, 100, 200, 100) == ()
    assert rank_traits([], 0, 0, 0) == ()
    assert rank_traits(counts, 0, 200, 0) == ()

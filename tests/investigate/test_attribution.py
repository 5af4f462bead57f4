"""Attribution: planted slices are found, and what has not changed is never blamed."""

import dataclasses
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.leaf_tables import AFTER, BEFORE, Traffic

from vario.investigate.attribution import LeafTable, ScanSettings, attribute

NO_PLACEBOS = ScanSettings(max_placebos=0)


def causes(table: LeafTable) -> list[dict[str, str]]:
    return [dict(cause.where) for cause in attribute(table, BEFORE, AFTER).causes]


@pytest.mark.parametrize(
    "where",
    [{"region": 1}, {"version": 1, "tier": 2}, {"region": 0, "version": 1, "tier": 3}],
    ids=["one value", "two values", "three values"],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_planted_slice_is_named_exactly(where: dict[str, int], seed: int) -> None:
    traffic = Traffic(seed, requests=100)
    traffic.plant(0.2, **where)
    found = attribute(traffic.table(), BEFORE, AFTER)
    assert [dict(cause.where) for cause in found.causes] == [
        {dim: f"{dim}-{code}" for dim, code in where.items()}
    ]
    cause = found.causes[0]
    assert (cause.p, found.placebos) == (pytest.approx(1 / 21), 20)
    assert cause.share > 0.8
    assert cause.after == pytest.approx(0.2, abs=0.03)
    assert cause.before == pytest.approx(0.01, abs=0.01)


def test_a_slice_that_was_always_bad_is_not_named() -> None:
    traffic = Traffic()
    traffic.plant(0.6, np.arange(40), region=2)
    assert causes(traffic.table()) == []
    traffic.plant(0.2, version=1)
    traffic.plant(0.6, np.arange(40), region=2)
    assert causes(traffic.table()) == [{"version": "version-1"}]


@pytest.mark.parametrize("seed", range(5))
def test_more_traffic_on_a_bad_slice_is_mix_and_no_cause(seed: int) -> None:
    traffic = Traffic(seed)
    traffic.plant(0.3, np.arange(40), region=2)
    traffic.total[np.ix_(traffic.leaves(region=2), AFTER)] *= 6
    found = attribute(traffic.table(), BEFORE, AFTER)
    assert found.causes == ()
    assert found.change.after > 1.5 * found.change.before
    assert abs(found.change.rate) < 0.1 * found.change.mix


@pytest.mark.parametrize("seed", range(5))
def test_traffic_to_rare_leaves_of_a_bad_value_is_no_cause(seed: int) -> None:
    """A leaf without history is expected to read what its values usually go with."""
    traffic = Traffic(seed)
    traffic.plant(0.3, np.arange(40), region=2)
    rare = np.ix_(traffic.leaves(region=2, version=1), BEFORE)
    traffic.total[rare] = 0
    traffic.total[np.ix_(traffic.leaves(region=2, version=1), AFTER)] = 100
    assert causes(traffic.table()) == []


def test_a_surge_is_no_cause() -> None:
    traffic = Traffic()
    traffic.total[:, AFTER] *= 4
    assert causes(traffic.table()) == []


def test_where_nothing_happens_hardly_anything_is_named() -> None:
    named = [causes(Traffic(seed).table()) for seed in range(40)]
    assert sum(bool(one) for one in named) <= 1


def test_where_regions_wander_hardly_anything_is_named() -> None:
    named = 0
    for seed in range(20):
        traffic = Traffic(seed, requests=100, rate=0.05)
        for region in range(3):
            drift = np.zeros(40)
            for minute in range(1, 40):
                drift[minute] = 0.7 * drift[minute - 1] + traffic.rng.normal(0, 0.15)
            traffic.rate[traffic.leaves(region=region)] *= np.exp(drift)
        named += bool(causes(traffic.table()))
    assert named <= 1


def test_what_is_worse_everywhere_is_not_pinned_to_a_slice() -> None:
    traffic = Traffic()
    traffic.plant(0.1)
    assert causes(traffic.table()) == [{}]


def test_values_to_blame_together_are_named_one_by_one() -> None:
    traffic = Traffic(requests=100)
    traffic.plant(0.2, tier=1)
    traffic.plant(0.2, tier=3)
    found = attribute(traffic.table(), BEFORE, AFTER)
    assert {cause.where["tier"] for cause in found.causes} == {"tier-1", "tier-3"}
    assert found.causes == found.strongest
    assert sum(cause.share for cause in found.causes) == pytest.approx(1, abs=0.1)


def test_causes_of_different_kinds_are_peeled_off_one_after_the_other() -> None:
    traffic = Traffic(requests=200)
    traffic.plant(0.4, region=0)
    traffic.plant(0.3, version=1, tier=2)
    assert {tuple(sorted(one.items())) for one in causes(traffic.table())} >= {
        (("region", "region-0"),)
    }


def test_descriptions_of_the_same_traffic_are_merged() -> None:
    traffic = Traffic()
    traffic.total[traffic.leaves(region=1) != traffic.leaves(version=1)] = 0
    traffic.plant(0.2, region=1)
    found = attribute(traffic.table(), BEFORE, AFTER)
    assert [(cause.where, cause.same_as) for cause in found.causes] == [
        ({"region": "region-1"}, ({"version": "version-1"},))
    ]


def test_bursts_as_in_the_baseline_are_not_named() -> None:
    traffic = Traffic()
    for minute in (3, 8, 13, 17, 22, 26, 35):
        traffic.plant(0.5, np.array([minute]), region=1)
    assert causes(traffic.table()) == []


def test_means_and_counts() -> None:
    traffic = Traffic(requests=100)
    slow = np.where(traffic.leaves(region=1)[:, None] & (np.arange(40) >= 30), 0.5, 0.2)
    shape = traffic.total.shape
    seconds = traffic.total * slow * traffic.rng.lognormal(0, 0.05, shape)
    mean = LeafTable(traffic.dims, traffic.values, traffic.codes, seconds, traffic.total, "mean")
    more = np.where(traffic.leaves(version=1)[:, None] & (np.arange(40) >= 30), 3, 1)
    events = traffic.rng.poisson(traffic.total * more).astype(float)
    count = LeafTable(traffic.dims, traffic.values, traffic.codes, events, np.ones(shape), "count")
    assert (causes(mean), causes(count)) == (
        [{"region": "region-1"}],
        [{"version": "version-1"}],
    )


def test_seconds_or_milliseconds_make_no_difference() -> None:
    traffic = Traffic(requests=100)
    slow = np.where(traffic.leaves(region=1)[:, None] & (np.arange(40) >= 30), 0.5, 0.2)
    seconds = traffic.total * slow * traffic.rng.lognormal(0, 0.2, traffic.total.shape)
    table = LeafTable(traffic.dims, traffic.values, traffic.codes, seconds, traffic.total, "mean")
    scaled = dataclasses.replace(table, amount=seconds * 1000)
    one, other = attribute(table, BEFORE, AFTER), attribute(scaled, BEFORE, AFTER)
    assert [cause.where for cause in one.candidates] == [cause.where for cause in other.candidates]
    assert one.causes[0].score == pytest.approx(other.causes[0].score)


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_names_of_values_and_order_of_leaves_make_no_difference(seed: int, random: Random) -> None:
    traffic = Traffic(seed)
    traffic.plant(0.15, region=seed % 3, tier=seed % 4)
    table = traffic.table()
    leaves = list(range(len(table.codes)))
    random.shuffle(leaves)
    orders = [random.sample(range(size), size) for size in table.sizes]
    codes = table.codes.copy()
    values: list[tuple[str, ...]] = []
    for dim, order in enumerate(orders):
        codes[:, dim] = np.argsort(order)[table.codes[:, dim]]
        values.append(tuple(table.values[dim][code] for code in order))
    shuffled = LeafTable(
        table.dims, tuple(values), codes[leaves], table.amount[leaves], table.total[leaves]
    )
    one, other = (attribute(each, BEFORE, AFTER) for each in (table, shuffled))
    assert [cause.where for cause in one.causes] == [cause.where for cause in other.causes]
    assert [cause.score for cause in one.candidates] == pytest.approx(
        [cause.score for cause in other.candidates]
    )


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_no_shift_of_traffic_between_steady_leaves_is_blamed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    traffic = Traffic(seed)
    steady = rng.uniform(0, 0.5, (len(traffic.codes), 1))
    traffic.total[:, AFTER] *= rng.uniform(0, 5, (len(traffic.codes), 1))
    traffic.total[:, BEFORE] *= rng.uniform(0.5, 2, (len(traffic.codes), 1))
    table = LeafTable(
        traffic.dims, traffic.values, traffic.codes, traffic.total * steady, traffic.total
    )
    found = attribute(table, BEFORE, AFTER)
    assert found.causes == ()
    assert found.change.rate == pytest.approx(0, abs=1e-9)
    assert found.change.mix == pytest.approx(found.change.after - found.change.before)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_mix_and_rate_add_up(seed: int) -> None:
    traffic = Traffic(seed, requests=3)
    traffic.plant(0.4, region=1)
    traffic.total[:, AFTER] *= np.random.default_rng(seed).uniform(0, 3, (len(traffic.codes), 1))
    traffic.total = np.floor(traffic.total)
    table = traffic.table()
    change = attribute(table, BEFORE, AFTER, NO_PLACEBOS).change
    after = table.amount[:, AFTER].sum() / table.total[:, AFTER].sum()
    assert change.after == pytest.approx(after)
    assert change.mix + change.rate == pytest.approx(change.after - change.before)


def test_without_placebos_there_are_candidates_but_no_causes() -> None:
    traffic = Traffic()
    traffic.plant(0.2, region=1)
    found = attribute(traffic.table(), BEFORE, AFTER, NO_PLACEBOS)
    assert (found.causes, found.placebos) == ((), 0)
    assert found.candidates[0].where == {"region": "region-1"}
    assert found.strongest == found.candidates[:1]

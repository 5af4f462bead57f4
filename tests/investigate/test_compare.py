"""Releases beside each other: planted differences are found, and none where there is none."""

import math

import numpy as np
import pytest

from vario.investigate.compare import Comparison, Measured, Tolerances, compare
from vario.investigate.compare_words import summarise
from vario.investigate.like_for_like import compare_with_day
from vario.model.load import BUCKETS_PER_OCTAVE, LoadTable, ReplicaCount
from vario.model.telemetry import TimeRange

MINUTE_NS = 60 * 10**9
STEPS = 60


def traffic(
    *,
    beside: bool = True,
    slower: float = 0.0,
    failing: float = 0.01,
    moved: float = 0.2,
    requests: int = 200,
    only_old: bool = False,
    seed: int = 1,
) -> LoadTable:
    """Returns an hour of v1 and v2 in us-east (slow) and eu-west, with noise that both share.

    Args:
        beside: whether both answer all the time; else one half of the hour each.
        slower: share by which v2 takes longer.
        failing: share of v2's requests that fail; 1 % of v1's do.
        moved: share of v2's requests in us-east; 20 % of v1's are.
        requests: of each release in a minute.
        only_old: whether v1 also answers in a third region.
        seed: of the noise.
    """
    random = np.random.default_rng(seed)
    rows: dict[tuple[int, int, int, int], list[float]] = {}
    noise = 0.0
    for step in range(STEPS):
        noise = 0.5 * noise + 0.05 * random.standard_normal()
        for version in range(2):
            if not beside and (version == 0) != (step < STEPS // 2):
                continue
            east = random.random(requests) < (moved if version else 0.2)
            lasted = np.exp(
                math.log(0.1) + 0.3 * random.standard_normal(requests) + noise + 0.7 * east
            ) * (1 + slower * version)
            failed = random.random(requests) < (failing if version else 0.01)
            buckets = np.floor(np.log2(lasted * 1e9) * BUCKETS_PER_OCTAVE).astype(int)
            for bucket, in_east, bad in zip(buckets, east, failed, strict=True):
                cell = rows.setdefault((step, version, int(in_east), int(bucket)), [0.0, 0.0])
                cell[0] += 1
                cell[1] += float(bad)
            if only_old and version == 0:
                rows[step, 0, 2, 420] = [5.0, 0.0]
    step_of, version_of, segment_of, bucket_of = np.array(list(rows), dtype=np.int64).T
    counted = np.array(list(rows.values()))
    return LoadTable(
        TimeRange(0, STEPS * MINUTE_NS), MINUTE_NS, ("v1", "v2"),
        ("eu-west", "us-east", "us-west")[: int(segment_of.max()) + 1],
        step_of, version_of, segment_of, bucket_of, counted[:, 0], counted[:, 1],
    )  # fmt: skip


def of(result: Comparison, name: str, segment: str = "") -> Measured:
    (part,) = (part for part in result.parts if part.segment == segment)
    return next(measured for measured in part.measures if measured.measure == name)


@pytest.mark.parametrize("beside", [True, False])
def test_a_slower_release_fails(beside: bool) -> None:
    result = compare(traffic(beside=beside, slower=0.4), "v1", "v2")
    p95 = of(result, "p95")
    assert (result.verdict, result.side_by_side, p95.judgement) == ("fail", beside, "worse")
    assert p95.low is not None
    assert p95.high is not None
    assert p95.low < 0.4 < p95.high
    assert of(result, "p95", "us-east").judgement == "worse"


def test_a_release_that_is_as_good_passes() -> None:
    result = compare(traffic(), "v1", "v2")
    assert (result.verdict, result.notes) == ("pass", ())
    assert summarise(result, []) == ["v2 is as good as v1, within the tolerances"]


def test_more_traffic_in_a_slow_region_is_not_the_releases_fault() -> None:
    table = traffic(moved=0.6)
    whole = compare(table, "v1", "v2")
    assert of(whole, "p95").judgement != "worse"
    blended = LoadTable(
        table.window, table.step_ns, table.versions, ("",), table.step, table.version,
        np.zeros_like(table.segment), table.bucket, table.count, table.errors,
    )  # fmt: skip
    assert of(compare(blended, "v1", "v2"), "p50").judgement == "worse"


def test_more_errors_fail() -> None:
    result = compare(traffic(failing=0.04), "v1", "v2")
    errors = of(result, "error_ratio")
    assert (result.verdict, errors.judgement) == ("fail", "worse")
    assert errors.change == pytest.approx(0.03, abs=0.01)
    assert any("error ratio" in line for line in summarise(result, []))


def test_a_tolerance_lets_more_through() -> None:
    table = traffic(slower=0.2)
    assert compare(table, "v1", "v2").verdict == "fail"
    assert compare(table, "v1", "v2", tolerances=Tolerances(latency=0.5)).verdict == "pass"


def test_a_faster_release_is_better() -> None:
    result = compare(traffic(slower=-0.3), "v1", "v2")
    assert (result.verdict, of(result, "p50").judgement) == ("pass", "better")


def test_percentiles_are_those_of_the_requests() -> None:
    table = traffic(requests=50)
    result = compare(table, "v1", "v2")
    own = (table.version == 0) & (table.segment == 0)
    durations = np.repeat(2 ** ((table.bucket[own] + 0.5) / 16) / 1e9, table.count[own].astype(int))
    measured = of(result, "p95", "eu-west").baseline
    assert measured == pytest.approx(np.quantile(durations, 0.95), rel=2 ** (1 / 16) - 1)


def test_too_little_is_told_from_good() -> None:
    result = compare(traffic(requests=1), "v1", "v2")
    assert result.verdict == "inconclusive"
    assert of(result, "p95").change is None
    assert "too little to tell" in summarise(result, [])[-1]


def test_regions_of_one_release_alone_are_left_out_and_named() -> None:
    result = compare(traffic(only_old=True), "v1", "v2")
    assert result.notes == ("only one of the two answered in us-west: left out",)
    assert [part.segment for part in result.parts] == ["", "eu-west", "us-east"]


def test_releases_at_different_times_are_said_to_be() -> None:
    assert "did not answer at the same times" in compare(traffic(beside=False), "v1", "v2").notes[0]


@pytest.mark.parametrize(("slower", "verdict"), [(0.0, "inconclusive"), (0.4, "fail")])
def test_a_full_roll_out_is_held_against_the_same_time_of_an_earlier_day(
    slower: float, verdict: str
) -> None:
    now = traffic(beside=False, slower=slower, requests=400)
    then = traffic(only_old=True, requests=400, seed=2)
    found = compare_with_day(7, (then, now), ("v1", "v2"), ((), ()))
    assert found is not None
    assert (found.verdict, found.side_by_side) == (verdict, False)
    assert "v1 is that of the same time a week before" in found.notes[0]
    assert [part.segment for part in found.parts] == ["", "eu-west", "us-east"]
    assert compare_with_day(1, (now, then), ("v2", "v3"), ((), ())) is None


def test_replica_seconds_are_told_and_not_judged() -> None:
    counts = [ReplicaCount(step, v, n) for step in range(STEPS) for v, n in (("v1", 2), ("v2", 6))]
    result = compare(traffic(), "v1", "v2", replicas=counts)
    cost = of(result, "replica_seconds")
    assert (cost.judgement, result.verdict) == ("told", "pass")
    assert cost.change == pytest.approx(2.0)


@pytest.mark.parametrize("versions", [("v1", "v3"), ("v3", "v4")])
def test_a_release_without_requests_is_inconclusive(versions: tuple[str, str]) -> None:
    result = compare(traffic(requests=5), *versions)
    assert result.verdict == "inconclusive"

"""Headroom against queues whose limit is known; idle accelerators; what batches would save."""

import math

import numpy as np
import pytest

from vario.investigate.capacity import (
    Headroom,
    Target,
    find_batch_gain,
    find_headroom,
    find_idle,
)
from vario.model.load import BUCKETS_PER_OCTAVE, LoadTable, ReplicaCount
from vario.model.telemetry import TimeRange

STEP_S = 60
P95 = Target(0.95, 0.2, "an SLO")


def queue(
    lowest: float, highest: float, *, limit: float = 100.0, steps: int = 120, seed: int = 3
) -> LoadTable:
    """Returns a service that serves as an M/M/1 queue with `limit` requests a second.

    Its load goes up and down between `lowest` and `highest` requests a second.
    """
    random = np.random.default_rng(seed)
    rows: list[tuple[int, int, float]] = []
    for step in range(steps):
        load = lowest + (highest - lowest) * (0.5 - 0.5 * math.cos(step / 10))
        requests = random.poisson(load * STEP_S)
        # Time in an M/M/1 queue is exponential with mean 1 / (limit - load).
        lasted = random.exponential(1 / (limit - load), requests) * np.exp(
            0.05 * random.standard_normal()
        )
        buckets = np.floor(np.log2(np.maximum(lasted, 1e-6) * 1e9) * BUCKETS_PER_OCTAVE)
        numbers, counts = np.unique(buckets.astype(int), return_counts=True)
        rows += [(step, int(n), float(c)) for n, c in zip(numbers, counts, strict=True)]
    step_of, bucket, count = (np.array(column) for column in zip(*rows, strict=True))
    zero = np.zeros(len(rows), dtype=np.int64)
    step_ns = STEP_S * 10**9
    return LoadTable(
        TimeRange(0, steps * step_ns), step_ns, ("v1",), ("",), step_of, zero, zero, bucket,
        count, zero.astype(float),
    )  # fmt: skip


def reachable(limit: float = 100.0, bound_s: float = P95.bound_s) -> float:
    """Returns the load at which the p95 of such a queue is `bound_s`."""
    return limit - math.log(20) / bound_s


def test_a_queue_that_was_busy_has_the_headroom_that_theory_gives() -> None:
    found = find_headroom(queue(20, 80), P95)
    assert found.limit == "bounded"
    assert found.reachable == pytest.approx(reachable(), rel=0.05)
    assert found.low < reachable() < found.high
    assert found.growth == pytest.approx(found.reachable / found.load - 1)
    assert "requests/s" in found.words


def test_a_quiet_service_gives_a_lower_bound_only() -> None:
    found = find_headroom(queue(2, 4), P95)
    assert (found.limit, found.high) == ("at_least", math.inf)
    assert 4 * 0.9 < found.reachable < reachable()
    assert "only more traffic can tell" in found.words


def test_a_target_that_is_missed_without_load_leaves_none() -> None:
    found = find_headroom(queue(20, 80), Target(0.95, 0.01, "an SLO"))
    assert (found.reachable, found.highest) == (0, 0)
    assert "missed at any load" in found.words


def test_the_curve_goes_no_farther_than_it_is_known() -> None:
    busy, quiet = find_headroom(queue(20, 80), P95), find_headroom(queue(2, 4), P95)
    assert busy.curve[-1].load == pytest.approx(max(busy.high, *(p.load for p in busy.points)))
    assert quiet.curve[-1].load == max(p.load for p in quiet.points)
    assert all(p.low_s <= p.latency_s <= p.high_s for p in busy.curve)
    met = min(busy.curve, key=lambda p: abs(p.load - busy.reachable))
    assert met.latency_s == pytest.approx(P95.bound_s, rel=0.2)


def test_the_load_is_that_of_a_replica_where_they_are_known() -> None:
    counts = [ReplicaCount(step, "v1", 4) for step in range(120)]
    whole, each = (find_headroom(queue(20, 80), P95, given) for given in ((), counts))
    assert (each.replicas, each.load) == (4, pytest.approx(whole.load / 4))
    assert each.reachable == pytest.approx(whole.reachable / 4, rel=0.01)


@pytest.mark.parametrize("steps", [0, 5])
def test_too_little_is_unknown(steps: int) -> None:
    found: Headroom = find_headroom(queue(20, 80, steps=max(steps, 1)), P95)
    assert found.limit == "unknown"
    assert math.isnan(found.reachable)


def test_half_an_hour_of_idle_replicas_is_waste() -> None:
    utilisation = np.concatenate((np.full(20, 0.7), np.full(35, 0.25), np.full(5, np.nan)))
    idle = find_idle(utilisation, np.full(60, 6.0), 60)
    assert idle is not None
    assert (idle.is_waste, idle.longest_s, idle.needed) == (True, 35 * 60, 5)
    assert "below 30% for 35 minutes" in idle.words


@pytest.mark.parametrize(("utilisation", "replicas"), [(0.25, 1.0), (0.7, 6.0), (0.25, np.nan)])
def test_one_replica_busy_ones_or_an_unknown_number(utilisation: float, replicas: float) -> None:
    idle = find_idle(np.full(60, utilisation), np.full(60, replicas), 60)
    assert idle is not None
    assert idle.is_waste == math.isnan(replicas)


def test_without_accelerators_nothing_is_said() -> None:
    assert find_idle(np.full(60, np.nan), np.full(60, 2.0), 60) is None


def test_larger_batches_save_the_fixed_time() -> None:
    sizes = np.array([1.0, 4.0])
    gain = find_batch_gain("predict", sizes, np.array([90.0, 10.0]), np.array([90 * 0.012, 0.18]))
    assert gain is not None
    assert (gain.fixed_s, gain.item_s) == (pytest.approx(0.010), pytest.approx(0.002))
    assert gain.saved == pytest.approx(1 - (0.010 / 8 + 0.002) / (1.26 / 130))
    assert "batches of 8 would take" in gain.words


def test_one_size_tells_nothing_of_others() -> None:
    gain = find_batch_gain("predict", np.array([1.0]), np.array([90.0]), np.array([0.9]))
    assert gain is not None
    assert math.isnan(gain.saved)
    assert find_batch_gain("predict", np.zeros(0), np.zeros(0), np.zeros(0)) is None

"""Attributes that shifted, those that were always slow, and those that shifted everywhere."""

import numpy as np

from vario.investigate.mediators import find_shifted
from vario.investigate.paths import RequestPath, Step

ENTRY = ("api", "rank")
OFFSETS = np.linspace(-0.01, 0.01, 7)


def requests(misses: int, *, hit_s: float = 0.02, miss_s: float = 0.2) -> list[RequestPath]:
    """Returns 200 requests, so many of which miss the cache."""
    return [
        RequestPath(
            trace_id=f"{number:x}",
            start_ns=number,
            duration_s=(miss_s if number < misses else hit_s) + OFFSETS[number % 7],
            error=False,
            entry=ENTRY,
            steps={
                ENTRY: Step(0.0, 0.0, 1, None, {
                    "cache_hit": "false" if number < misses else "true",
                    "request_id": f"{number:x}", "took_ms": str(number), "batch_size": "8",
                }),
            },
        )
        for number in range(200)
    ]  # fmt: skip


def duration(path: RequestPath) -> float:
    return path.duration_s


def test_a_value_that_became_frequent_explains_the_change() -> None:
    [one] = find_shifted(requests(30), requests(140), (requests(30), requests(32)), duration)
    assert (one.name, one.value, one.operation) == ("cache_hit", "false", ENTRY)
    assert (one.share_before, one.share_after) == (0.15, 0.7)
    assert 0.99 < one.explained < 1.01
    assert 0.17 < one.rise < 0.19
    assert not one.also_outside


def test_what_was_always_slow_is_no_mediator() -> None:
    """Every miss became slower, but there are no more of them than before."""
    assert find_shifted(requests(60), requests(62, miss_s=0.5), ([], []), duration) == []


def test_what_shifted_outside_as_well_is_marked() -> None:
    [one] = find_shifted(requests(30), requests(140), (requests(30), requests(130)), duration)
    assert one.also_outside


def test_too_few_requests_say_nothing() -> None:
    assert find_shifted(requests(30)[:10], requests(140), ([], []), duration) == []

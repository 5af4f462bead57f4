"""Counting different texts: the SDK's sketches, merged over replicas, read by the server."""

import numpy as np
import pytest
from tests.support.sketches import buckets_of

from vario.drift import distinct
from vario.drift.distinct import estimate_distinct
from vario.sdk.distinct import CELLS, FALL, encode


def estimated(*replicas: list[str]) -> float:
    parts = [buckets_of(np.array([encode(text) for text in texts])) for texts in replicas]
    upper = np.concatenate([part[1] for part in parts])
    counts = np.concatenate([part[2] for part in parts])
    return estimate_distinct(upper, counts)


@pytest.mark.parametrize("count", [1, 10, 100, 1_200, 30_000])
def test_different_texts_are_counted_to_within_13_percent(count: int) -> None:
    found = [estimated([f"{seed}-{i}" for i in range(count)]) for seed in range(12)]
    errors = np.array(found) / count - 1
    assert abs(errors.mean()) < 0.15
    assert np.sqrt(np.mean(errors**2)) < 0.2
    assert np.abs(errors).max() < 0.45


def test_replicas_that_saw_the_same_are_counted_once() -> None:
    texts = [f"user-{i}" for i in range(2_000)]
    assert estimated(texts, texts) == pytest.approx(estimated(texts))
    assert estimated(texts[:1_200], texts[800:]) == pytest.approx(estimated(texts))


def test_both_sides_have_the_same_cells() -> None:
    assert (CELLS, FALL) == (distinct.SKETCH_BUCKETS, distinct.FALL)
    assert len(buckets_of(np.array([encode(str(i)) for i in range(50_000)]))[0]) > 200


def test_more_texts_than_cells_can_tell_are_very_many() -> None:
    upper = 2.0 ** (np.arange(1, CELLS + 1) / 128)
    assert estimate_distinct(upper, np.ones(CELLS)) > 1e6

"""Detectors of one value at a time, against River's."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pytest
from river import drift as river

from vario.drift.bins import Floats
from vario.drift.sequential import Adwin, PageHinkley


class Detector(Protocol):
    drift_detected: bool

    def update(self, x: float) -> object: ...


def detections(detector: Detector, stream: Floats) -> list[int]:
    found: list[int] = []
    for i, x in enumerate(stream.tolist()):
        detector.update(x)
        if detector.drift_detected:
            found.append(i)
    return found


def step(rng: np.random.Generator) -> Floats:
    return np.concatenate([rng.normal(0, 1, 1_000), rng.normal(1, 1, 1_000)])


STREAMS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "step": step,
    "fall": lambda rng: -step(rng),
    "ramp": lambda rng: rng.normal(np.linspace(0, 3, 3_000), 1),
    "accept rate": lambda rng: (
        rng.random(4_000) < np.where(np.arange(4_000) < 2_500, 0.3, 0.2)
    ).astype(float),
    "still": lambda rng: rng.normal(5, 2, 3_000),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("seed", range(3))
def test_page_hinkley_is_rivers(name: str, seed: int) -> None:
    stream = STREAMS[name](np.random.default_rng(seed))
    theirs = river.PageHinkley(min_instances=30, delta=0.005, threshold=50.0, alpha=1 - 1e-4)
    assert detections(PageHinkley(), stream) == detections(theirs, stream)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("seed", range(3))
def test_adwin_detects_where_rivers_does(name: str, seed: int) -> None:
    """The first time. Then River drops more of its window than the paper asks for."""
    stream = STREAMS[name](np.random.default_rng(seed))
    ours, theirs = detections(Adwin(), stream), detections(river.ADWIN(), stream)
    assert ours[:1] == theirs[:1]


def test_adwin_without_a_change_is_rivers() -> None:
    stream = STREAMS["still"](np.random.default_rng(9))
    ours, theirs = Adwin(), river.ADWIN()
    assert (detections(ours, stream), detections(theirs, stream)) == ([], [])
    assert (ours.width, ours.mean) == (theirs.width, pytest.approx(theirs.estimation))


def test_adwins_window_forgets_what_was_before_a_change() -> None:
    detector = Adwin()
    found = detections(detector, step(np.random.default_rng(0)))
    assert 1_000 < found[0] < 1_100
    assert detector.mean == pytest.approx(1, abs=0.1)
    assert detector.width < 1_050


def test_adwin_without_values_has_a_mean() -> None:
    assert (Adwin().mean, Adwin().width) == (0.0, 0)

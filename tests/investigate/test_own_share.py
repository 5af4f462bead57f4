"""A chain of services: who adds the time or the failures, and who only waits."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.planted import BASELINE, END_NS, ENTRY, ONSET_NS, START_NS, WINDOW

from vario.investigate.case import Case
from vario.investigate.frame import frame_of
from vario.investigate.own_share import find_own_shares
from vario.model.investigation import Effect, Question, Symptom
from vario.model.telemetry import TimeRange
from vario.store.base import Cube

CALLS = {"gateway": {"infer"}, "infer": {"features"}}


def make_case(symptom: Symptom) -> Case:
    return Case(
        question=Question("gateway", WINDOW, symptom),
        service="gateway",
        symptom=symptom,
        baseline=BASELINE,
        window=WINDOW,
        onset_ns=ONSET_NS,
        onset_low_ns=ONSET_NS,
        onset_high_ns=ONSET_NS,
        scope={},
        requests=ENTRY,
        slice=ENTRY,
        control=None,
        effect=Effect("share of slow requests", "1", 0.01, 0.6, 0.5, 0.68),
        slow_ns=10**9,
        history=TimeRange(START_NS, END_NS),
    )


def make_cubes(case: Case, added: dict[str, float]) -> dict[str, Cube]:
    """Returns 100 requests a step of each service; in the window they take longer and fail."""
    frame = frame_of(case)
    rng = np.random.default_rng(1)
    cubes: dict[str, Cube] = {}
    for service, each_s in {"gateway": 0.3, "infer": 0.2, "features": 0.05}.items():
        more: NDArray[np.float64] = np.where(frame.after, added.get(service, 0.0), 0.0)
        seconds = 100 * (each_s * rng.lognormal(0, 0.03, frame.steps) + more)
        failures = rng.binomial(100, 0.01 + more).astype(float)
        count = np.full(frame.steps, 100.0)
        cubes[service] = Cube(
            ((),), count[None], failures[None], np.zeros((1, frame.steps)), seconds[None]
        )
    return cubes


@pytest.mark.parametrize("symptom", ["latency", "errors"])
@pytest.mark.parametrize(
    ("added", "cause"),
    [
        ({"gateway": 0.3, "infer": 0.3, "features": 0.3}, "features"),
        ({"gateway": 0.3, "infer": 0.3}, "infer"),
        ({"gateway": 0.3}, "gateway"),
    ],
)
def test_the_last_one_in_the_chain_has_the_excess(
    symptom: Symptom, added: dict[str, float], cause: str
) -> None:
    case = make_case(symptom)
    shares = find_own_shares(case, frame_of(case), make_cubes(case, added), CALLS)
    assert set(shares) == set(added)
    assert shares.pop(cause) > 0.7
    assert all(share < 0.3 for share in shares.values())


def test_a_part_of_it_each() -> None:
    case = make_case("latency")
    added = {"gateway": 0.4, "infer": 0.4, "features": 0.2}
    shares = find_own_shares(case, frame_of(case), make_cubes(case, added), CALLS)
    assert shares["infer"] == pytest.approx(0.5, abs=0.1)
    assert shares["features"] == pytest.approx(0.5, abs=0.1)


def test_nothing_is_said_without_the_service_itself_or_a_callee() -> None:
    case = make_case("latency")
    cubes = make_cubes(case, {"gateway": 0.3})
    assert find_own_shares(case, frame_of(case), {"gateway": cubes["gateway"]}, CALLS) == {}
    del cubes["gateway"]
    assert find_own_shares(case, frame_of(case), cubes, CALLS) == {}

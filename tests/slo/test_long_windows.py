"""Tickets over days against Sloth's semantics, by data coarse and long enough to fill windows."""

from collections.abc import Sequence

import numpy as np
from tests.slo.test_agreement import exported, window_name
from tests.support import slo_cases as cases
from tests.support.memory_rules import evaluate_rules

from vario.alert.rulefile import check_text

STEP_MIN = 15
DAYS = 9
STEPS = DAYS * 1440 // STEP_MIN
LONG = {1440: 120, 4320: 360}
"""Long and short windows of the tickets, in minutes."""
NAMES = ("errors-30d", "regions-28d", "month")


def make_shapes(scale: float) -> list[cases.Shape]:
    """Returns outages of days; `scale` is the share of bad events that the slowest ticket bears."""
    day = 1440 // STEP_MIN
    t = np.arange(STEPS)
    flat = np.full(STEPS, 90_000.0)
    waves = np.round(90_000 + 60_000 * np.sin(2 * np.pi * t / day))
    weeks = np.where(t // day % 7 < 5, waves, np.round(waves / 4))

    def during(*spans: tuple[float, float, float]) -> cases.Floats:
        share = np.zeros(STEPS)
        for start, end, value in spans:
            share[int(start * day) : int(end * day)] = min(1.0, value * scale)
        return share

    noise = np.random.default_rng(11).gamma(1.0, 0.9, STEPS) * scale
    gap = during((4, 6, 4.97))  # 5 would lie on the threshold itself, where rounding decides
    gap[5 * day : 5 * day + 10] = np.nan
    return [
        cases.Shape("calm", flat, np.zeros(STEPS)),
        cases.Shape("just above the slowest ticket", flat, during((3.5, 9, 1.07))),
        cases.Shape("just below the slowest ticket", flat, during((3.5, 9, 0.93))),
        cases.Shape("a day of three times", flat, during((4, 5.5, 3.2))),
        cases.Shape("six bad hours", weeks, during((5, 5.25, 20))),
        cases.Shape("nights alone", weeks, during(*((d + 0.6, d + 0.9, 4) for d in range(9)))),
        cases.Shape("noise", waves, np.minimum(1.0, noise)),
        cases.Shape("a restart in the outage", flat, during((4, 6, 4)), reset_at=5 * day),
        cases.Shape("half a day without scrapes", flat, gap),
    ]


def shapes_of(slo: str) -> list[cases.Shape]:
    target, table = cases.EXPECTED[slo]
    return make_shapes(table[-1][0] * (1 - target))


def compare(slo: str, shapes: Sequence[cases.Shape]) -> dict[int, tuple[int, int, int]]:
    """Returns by long window how many evaluations agree, how many there are, how many fire."""
    groups, problems = check_text(exported(slo), "slo.rules.yml")
    assert problems == []
    found = dict.fromkeys(LONG, (0, 0, 0))
    for shape in shapes:
        inputs = cases.series(slo, shape, shapes_of(slo)[0])
        fired = evaluate_rules(groups, inputs, STEPS, step_min=STEP_MIN)
        wanted = cases.firing(slo, shape, step_min=STEP_MIN)
        for window in LONG:
            full = slice(4320 // STEP_MIN, None)  # before it, no window of three days is full
            none = np.zeros(STEPS, dtype=bool)
            got, right = fired.get((slo, window_name(window)), none)[full], wanted[window][full]
            same, count, firing = found[window]
            found[window] = (
                same + int((got == right).sum()),
                count + len(right),
                firing + int(right.sum()),
            )
    return found


def test_windows_of_days_agree_with_sloth_at_every_evaluation() -> None:
    shapes = shapes_of("errors-30d")
    found = compare("errors-30d", [shapes[n] for n in (1, 3, 7)])
    for same, count, fired in found.values():
        assert same == count == 3 * (STEPS - 288)
        assert 0 < fired < count

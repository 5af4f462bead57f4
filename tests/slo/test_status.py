"""Where an SLO stands: what is left, what spent it, what was measured."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.slo.test_rules import SPEC, history, load

from vario.query.promql.engine import Options, PromQL
from vario.slo.status import Status, evaluate_status, find_rates

MINUTES = 2 * 1440


def judge(spec: str, bad: dict[str, Callable[[int], float]], minutes: int = MINUTES) -> Status:
    promql = PromQL(history(minutes, bad), Options(pushdown_from=None))
    now_s = 60 * (minutes - 1)
    return evaluate_status(promql, load(spec), now_s, find_rates(promql, now_s))


def test_what_was_spent_and_by_whom() -> None:
    status = judge(
        SPEC + "  by: region\n  window: 3d\n",
        {"us-east": lambda m: 30 if 1440 <= m < 1500 else 0, "eu-west": lambda m: 0.5},
    )
    assert status.state == "ok" or status.left is not None
    assert {g.labels["region"]: round(g.left or 0, 1) for g in status.groups} == {
        "us-east": 0.6,
        "eu-west": 0.7,
    }
    assert status.left == pytest.approx(0.583, abs=0.02)
    assert status.coverage == pytest.approx(48 / 72, abs=0.03)
    worst = status.spenders[0]
    assert worst.labels == {"region": "us-east"}
    assert sum(s.bad for s in status.spenders if s.labels == worst.labels) == pytest.approx(
        1800, rel=0.05
    )
    known = status.burn_down[~np.isnan(status.burn_down)]
    assert (np.diff(known) <= 1e-9).all()
    assert known[-1] == pytest.approx(1 - status.bad / status.total / 0.001 * 2 / 3, abs=0.02)


def test_nothing_measured_is_not_up() -> None:
    status = judge(SPEC, {}, 60)
    assert (status.state, status.left, status.coverage, status.is_fresh) == (
        *("unmeasured", None),
        *(0.0, False),
    )


def test_more_than_the_budget_is_exhausted() -> None:
    status = judge(SPEC + "  window: 1d\n", {"us-east": lambda m: 2})
    assert (status.state, round(status.left or 0, 2)) == ("exhausted", -1.0)

"""The proof of a fix on planted requests, and its statistics on streams of numbers."""

from dataclasses import replace

import numpy as np
import pytest
from bench.verify import FALSE, TRUE, draw, until, watch
from tests.support.otlp_factory import MINUTE, SECOND
from tests.support.planted import END_NS, ONSET_NS, SERVICE, WINDOW, Planted

from vario.investigate.blocks import Table
from vario.investigate.evidence import run_query
from vario.investigate.proof import judge_fix
from vario.investigate.season import DAY_NS
from vario.investigate.verify import Claim, verify
from vario.model.investigation import Question

FIXED_NS = ONSET_NS + 6 * MINUTE


def claim(**scope: str) -> Claim:
    question = Question(SERVICE, WINDOW, symptom="latency", scope=scope)
    return Claim(question, None, ONSET_NS + 30 * SECOND, FIXED_NS, "person", 0.1)


@pytest.fixture
def planted(store) -> Planted:
    return Planted(store)


def fill(
    planted: Planted, during: float, since: float, *, errors: float = 0.0, surge: float = 1.0
) -> None:
    """Writes requests to three regions, of which us-east is slower by factors, or fails.

    `surge` makes everything slower until the claimed fix.
    """
    for trace, at_ns, region, is_after in planted.requests(every_ns=SECOND):
        slow = region == "us-east" and is_after
        factor = 1.0 if not slow else during if at_ns < FIXED_NS else since
        ms = 80.0 * factor * planted.random.lognormal(0, 0.15)
        ms *= surge if is_after and at_ns < FIXED_NS else 1.0
        fails = slow and at_ns < FIXED_NS and planted.random.random() < errors
        status = "error" if fails else "unset"
        planted.span("predict", trace, 1, at_ns, ms, region=region, kind="server", status=status)
    planted.write()


def test_a_fix_is_proved_in_the_slice_that_was_hurt(planted: Planted) -> None:
    fill(planted, during=3.0, since=1.0)
    early = verify(planted.reader, claim(region="us-east"), FIXED_NS + 20 * SECOND)
    assert early.verdict == "too_early"
    proof = verify(planted.reader, claim(region="us-east"), END_NS)
    assert proof.verdict == "recovered"
    assert proof.measure == "mean duration"
    assert proof.baseline == pytest.approx(0.081, rel=0.05)
    assert proof.incident == pytest.approx(0.24, rel=0.1)
    assert proof.now == pytest.approx(0.081, rel=0.05)
    assert proof.to_baseline_high < 1.1
    assert proof.to_incident_high < 0.5
    assert not proof.controlled  # nothing moved outside: to take it off would add its noise
    assert proof.guards == {"traffic": True, "traffic mix": True, "errors": True}
    assert proof.requests > 400
    assert "within 10%" in proof.statement
    for one in proof.evidence:  # anyone can ask for it again
        assert run_query(planted.reader, one.language, one.query, one.window) == one.value


def test_a_surge_over_all_that_subsides_is_no_fix(planted: Planted) -> None:
    fill(planted, during=1.5, since=1.5, surge=2.0)
    proof = verify(planted.reader, claim(region="us-east"), END_NS)
    assert proof.controlled
    assert proof.verdict == "not_recovered"


def test_an_evening_that_is_quiet_every_day_is_no_fix(planted: Planted) -> None:
    for days_ns, during, since in ((0, 2.7, 1.0), (DAY_NS, 0.9, 0.8)):
        for trace, at_ns, region, is_after in planted.requests(every_ns=SECOND):
            factor = 1.0 if not is_after else during if at_ns < FIXED_NS else since
            ms = 80.0 * factor * planted.random.lognormal(0, 0.15)
            planted.span("predict", trace, 1, at_ns - days_ns, ms, region=region, kind="server")
        planted.write()
        proof = verify(planted.reader, claim(), END_NS)
        # By itself it is as it was before; the day before it was a fifth less at this time.
        assert proof.verdict == ("improved" if days_ns else "recovered")
        assert proof.controlled == bool(days_ns)
    assert "beside the same time the day before" in proof.statement
    assert proof.to_baseline_low < 1.25 < proof.to_baseline_high
    assert proof.now < 0.09


def test_what_is_better_is_not_yet_recovered(planted: Planted) -> None:
    fill(planted, during=3.0, since=1.5)
    assert verify(planted.reader, claim(region="us-east"), END_NS).verdict == "improved"


def test_no_fix_is_none_and_no_data_is_too_early(planted: Planted) -> None:
    nothing = verify(planted.reader, claim(), END_NS)
    assert (nothing.verdict, nothing.measure) == ("too_early", "")
    fill(planted, during=3.0, since=3.0)
    assert verify(planted.reader, claim(region="us-east"), END_NS).verdict == "not_recovered"
    back = verify(planted.reader, claim(region="us-east"), END_NS, "recovered")
    assert back.verdict == "relapsed"


def test_errors_are_measured_where_they_are_what_is_wrong(planted: Planted) -> None:
    fill(planted, during=1.0, since=1.0, errors=0.2)
    asked = claim(region="us-east")
    proof = verify(
        planted.reader, replace(asked, question=replace(asked.question, symptom=None)), END_NS
    )
    assert (proof.measure, proof.verdict) == ("share of failed requests", "recovered")


def test_a_feature_that_was_missing_is_measured_by_its_metric(planted: Planted) -> None:
    fixed_s = (FIXED_NS - ONSET_NS) // SECOND
    for region in ("eu-west", "us-east"):
        labels = {"job": SERVICE, "region": region}
        planted.series("predictions_total", labels, lambda _s: 150.0, counter=True)

        def missing(at_s: int, region: str = region) -> float:
            return 90.0 if region == "us-east" and 0 <= at_s < fixed_s else 1.0 + at_s % 2

        named = {**labels, "feature": "session_length"}
        planted.series("feature_missing_total", named, missing, counter=True)
    asked = claim(region="us-east")
    asked = replace(asked, question=replace(asked.question, symptom="quality"))
    proof = verify(planted.reader, asked, END_NS)
    assert (proof.measure, proof.verdict) == (
        "share of predictions without session_length", "recovered"
    )  # fmt: skip
    assert proof.incident == pytest.approx(0.6, rel=0.2)


def test_idle_gpus_are_proved_busy_after_a_short_history(planted: Planted) -> None:
    fixed_s = (FIXED_NS - ONSET_NS) // SECOND

    def busy(at_s: int) -> float:
        return (0.3 if 0 <= at_s < fixed_s else 0.7) + 0.02 * (at_s // 5 % 3 - 1)

    start_ns = ONSET_NS - 2 * MINUTE
    planted.series("gpu_utilization", {"job": SERVICE}, busy, every_s=5, from_ns=start_ns)
    asked = claim()
    asked = replace(asked, question=replace(asked.question, symptom="cost"))
    proof = verify(planted.reader, asked, END_NS)
    assert (proof.measure, proof.verdict) == ("share of time that GPUs are idle", "recovered")
    assert proof.baseline == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    "name",
    [
        "stays at the tolerance",
        "fewer of the expensive requests",
        "a surge that subsides by itself",
    ],
)
def test_what_has_not_recovered_is_hardly_ever_called_so(name: str) -> None:
    dice = np.random.default_rng(7)
    verdicts = [watch(draw(FALSE[name], dice))[0] for _ in range(25)]
    assert verdicts.count("recovered") == 0  # one in a hundred is what is promised


def test_what_has_recovered_is_called_so_within_minutes() -> None:
    dice = np.random.default_rng(7)
    found = [watch(draw(TRUE["3 times, then as before"], dice)) for _ in range(20)]
    assert [verdict for verdict, *_ in found].count("recovered") >= 19
    assert np.median([at for _, at, _ in found]) <= 180
    assert not any(relapsed for *_, relapsed in found)


def test_what_a_service_does_at_first_is_not_usual_for_it() -> None:
    trial = draw(TRUE["a demo: 150 s of history, 4/s"], np.random.default_rng(5))
    of = trial.slice
    amount, empty = of.amount.copy(), np.zeros((len(of.amount), 6))
    amount[:, :3] *= 8.0  # caches are cold
    cold = Table(of.start_ns, of.step_ns, amount, of.total)
    begun = Table(
        of.start_ns - 6 * of.step_ns, of.step_ns, np.hstack([empty, amount]),
        np.hstack([empty, of.total]),
    )  # fmt: skip
    end_ns = trial.claimed_ns + 180 * SECOND
    verdicts = [
        judge_fix(replace(trial, slice=until(table, end_ns))).verdict for table in (cold, begun)
    ]
    assert verdicts == ["too_early", "recovered"]

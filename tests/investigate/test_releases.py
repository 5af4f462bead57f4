"""Releases: guilty ones, and innocents that came up at the same minute."""

from tests.support.otlp_factory import MINUTE
from tests.support.planted import ONSET_NS, Planted, check_evidence

from vario.investigate.releases import probe_releases
from vario.model.investigation import Finding, Moment, RuledOut

BAD, WELL = 0.6, 0.02


def fill(planted: Planted, share, slow) -> None:
    """Writes requests: `share` of the new version, and of slow ones, by region, time and version.

    `share(region, minutes since the onset)`, `slow(region, after, is new)`.
    """
    for trace, at_ns, region, after in planted.requests():
        minutes = (at_ns - ONSET_NS) / MINUTE
        new = planted.random.random() < share(region, minutes)
        bad = planted.random.random() < slow(region, after, new)
        planted.entry(trace, at_ns, region, 400 if bad else 0, version="v23.1" if new else "v23")
    planted.write()


def split(clues) -> tuple[list[Finding], list[RuledOut]]:
    findings = [one for one in clues if isinstance(one, Finding)]
    return findings, [one for one in clues if isinstance(one, RuledOut)]


def canary(region: str, minutes: float) -> float:
    return 0.4 if minutes >= 0 else 0.0


def test_a_canary_whose_own_requests_are_slow(planted: Planted) -> None:
    fill(planted, canary, lambda region, after, new: BAD if new else WELL)
    clues = probe_releases(planted.reader, planted.case(model_version="v23.1"))
    (found,), cleared = split(clues)
    assert found.subject == {"model_version": "v23.1"}
    assert found.confidence > 0.85
    assert found.onset_ns == ONSET_NS
    assert found.explained is not None
    assert found.explained > 0.8
    assert cleared == []
    assert [one.kind for one in clues if isinstance(one, Moment)] == ["release"]
    check_evidence(planted, clues)


def test_a_canary_beside_which_others_are_as_slow_is_cleared(planted: Planted) -> None:
    def slow(region: str, after: bool, new: bool) -> float:
        return BAD if after and region == "us-east" else WELL

    fill(planted, canary, slow)
    found, (cleared,) = split(probe_releases(planted.reader, planted.case(region="us-east")))
    assert found == []
    assert cleared.subject == {"model_version": "v23.1"}
    assert "as good" in cleared.reason


def test_a_release_that_took_over_the_one_region_that_suffers(planted: Planted) -> None:
    fill(
        planted,
        lambda region, minutes: 1.0 if region == "eu-west" and minutes >= -1 else 0.0,
        lambda region, after, new: BAD if new else WELL,
    )
    (found,), _ = split(probe_releases(planted.reader, planted.case(region="eu-west")))
    assert found.confidence > 0.75


def test_a_release_elsewhere_is_vetoed(planted: Planted) -> None:
    def slow(region: str, after: bool, new: bool) -> float:
        return BAD if after and region == "us-east" else WELL

    fill(
        planted,
        lambda region, minutes: 1.0 if region == "eu-west" and minutes >= 0 else 0.0,
        slow,
    )
    found, (cleared,) = split(probe_releases(planted.reader, planted.case(region="us-east")))
    assert (found, cleared.subject) == ([], {"model_version": "v23.1"})


def test_a_release_after_the_onset_is_no_cause(planted: Planted) -> None:
    fill(
        planted,
        lambda region, minutes: 1.0 if minutes >= 6 else 0.0,
        lambda region, after, new: BAD if after else WELL,
    )
    found, (cleared,) = split(probe_releases(planted.reader, planted.case()))
    assert (found, "after the symptom" in cleared.reason) == ([], True)


def test_a_release_everywhere_at_once_may_be_it_but_is_not_proven(planted: Planted) -> None:
    fill(
        planted,
        lambda region, minutes: 1.0 if minutes >= 0 else 0.0,
        lambda region, after, new: BAD if after else WELL,
    )
    (found,), _ = split(probe_releases(planted.reader, planted.case()))
    assert 0.3 < found.confidence < 0.7


def test_no_release_no_word(planted: Planted) -> None:
    fill(planted, lambda region, minutes: 0.3, lambda region, after, new: WELL)
    assert probe_releases(planted.reader, planted.case()) == []

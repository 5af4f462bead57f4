"""Upstreams: one that stalls in one region, seen from both ends, and healthy twins."""

import pytest
from tests.support.otlp_factory import MINUTE, MS
from tests.support.planted import ONSET_NS, Planted, check_evidence

from vario.investigate.dependencies import probe_dependencies
from vario.model.investigation import Finding, RuledOut


def fill(planted: Planted, stalls: dict[str, float], *, share: float = 0.4) -> None:
    """Writes requests that call a feature store and a ranker; the store stalls in some regions."""
    for trace, at_ns, region, after in planted.requests():
        stalled = after and planted.random.random() < share
        waits = 20 + (stalls.get(region, 0) if stalled else 0) + planted.random.normal(0, 2)
        failed = "error" if waits > 300 else "unset"
        planted.entry(trace, at_ns, region, 80 + waits, status=failed)
        planted.span(
            "GET /features",
            trace,
            2,
            at_ns + 5 * MS,
            waits,
            parent=1,
            region=region,
            kind="client",
            status=failed,
            attributes={"peer.service": "feature-store"},
        )
        planted.span(
            "GET /features",
            trace,
            3,
            at_ns + 6 * MS,
            waits - 1,
            parent=2,
            region=region,
            kind="server",
            service="feature-store",
        )
        planted.span(
            "rank",
            trace,
            4,
            at_ns + 40 * MS,
            30,
            parent=1,
            region=region,
            kind="client",
            attributes={"peer.service": "ranker"},
        )
    planted.write()


def test_the_upstream_that_stalls_in_one_region(planted: Planted) -> None:
    fill(planted, {"us-east": 400})
    clues = probe_dependencies(planted.reader, planted.case("errors", region="us-east"))
    (found,) = [clue for clue in clues if isinstance(clue, Finding)]
    assert found.subject == {"upstream": "feature-store", "region": "us-east"}
    assert found.confidence > 0.8
    assert found.explained is not None
    assert found.explained > 0.9
    assert abs(found.onset_ns - ONSET_NS) <= MINUTE
    assert len(found.trace_ids) == 3
    assert [clue.subject for clue in clues if isinstance(clue, RuledOut)] == [
        {"upstream": "ranker"}
    ]
    check_evidence(planted, clues)


def test_an_upstream_that_stalls_everywhere_is_no_cause_of_one_region(planted: Planted) -> None:
    fill(planted, {"us-east": 400, "eu-west": 400, "ap-south": 400})
    (found, *_) = probe_dependencies(planted.reader, planted.case("errors", region="us-east"))
    assert isinstance(found, Finding)
    assert found.confidence < 0.3


def test_upstreams_that_are_as_before_are_ruled_out(planted: Planted) -> None:
    fill(planted, {})
    for case in (planted.case(), planted.case(region="us-east")):
        clues = probe_dependencies(planted.reader, case)
        assert {type(clue) for clue in clues} == {RuledOut}


@pytest.mark.parametrize("cause", ["ranker", "feature-store"])
def test_what_a_service_in_between_adds_by_itself_is_said(planted: Planted, cause: str) -> None:
    for trace, at_ns, region, after in planted.requests():
        waits = 20 + planted.random.normal(0, 1)
        stall = 300 if after and region == "us-east" else 0
        ranks = waits + 20 + stall
        planted.entry(trace, at_ns, region, ranks + 30)
        planted.span(
            "rank", trace, 2, at_ns + 5 * MS, ranks,
            parent=1, region=region, kind="server", service="ranker",
        )  # fmt: skip
        planted.span(
            "GET /features", trace, 3, at_ns + 6 * MS,
            waits + (stall if cause == "feature-store" else 0),
            parent=2, region=region, kind="server", service="feature-store",
        )  # fmt: skip
    planted.write()
    clues = probe_dependencies(planted.reader, planted.case("latency", region="us-east"))
    found = {clue.subject["upstream"]: clue for clue in clues if isinstance(clue, Finding)}
    ranker = found["ranker"]
    own = [text for text in ranker.supports if "is its own, not its callees'" in text]
    others = [text for text in ranker.contradicts if text.startswith("only ")]
    assert (len(own), len(others)) == ((1, 0) if cause == "ranker" else (0, 1))
    assert ("feature-store" in found) == (cause == "feature-store")

"""Markers, surges and replicas as suspects, and healthy twins."""

import pytest
from tests.support.otlp_factory import MINUTE
from tests.support.planted import END_NS, EVERY_NS, ONSET_NS, Planted, check_evidence

from vario.investigate.changes import probe_markers, probe_scaling, probe_traffic
from vario.model.investigation import Finding, Moment, RuledOut
from vario.model.marker import Marker


def test_markers_are_weighed_by_time_and_target(planted: Planted) -> None:
    def mark(name: str, minutes: float, kind="config", **scope: str) -> None:
        at_ns = round(ONSET_NS + minutes * MINUTE)
        planted.store.write_marker(Marker(name, at_ns, kind, name, "ml-infer", scope, by="kim"))

    mark("batch size 1", -2, region="us-east")
    mark("elsewhere", -2, region="eu-west")
    mark("long ago", -60)
    mark("too late", 5, kind="flag")
    mark("deployed", -1, kind="release")
    mark("fixed", 10, kind="fix")
    clues = probe_markers(planted.reader, planted.case(region="us-east"))
    assert [one.text for one in clues if isinstance(one, Moment)] == [
        "ml-infer: long ago (kim)",
        "ml-infer us-east: batch size 1 (kim)",
        "ml-infer eu-west: elsewhere (kim)",
        "ml-infer: deployed (kim)",
        "ml-infer: too late (kim)",
        "ml-infer: fixed (kim)",
    ]
    found = {one.statement: one for one in clues if isinstance(one, Finding)}
    best = found["ml-infer us-east: batch size 1 (kim), 2 minutes before the onset."]
    assert best.subject == {
        "change": "batch size 1", "service": "ml-infer", "region": "us-east",
    }  # fmt: skip
    assert (best.kind, best.confidence > 0.6) == ("configuration", True)
    others = [one.confidence for one in found.values() if one is not best]
    assert (len(others), max(others) < 0.5) == (2, True)
    assert [one.subject["change"] for one in clues if isinstance(one, RuledOut)] == [
        "elsewhere",
        "too late",
    ]


def surge(planted: Planted, *regions: str) -> None:
    for trace, at_ns, region, after in planted.requests():
        planted.entry(trace, at_ns, region, instance=f"{region}-{trace % 2}")
        for more in range(2 if after and region in regions else 0):
            planted.entry(100_000 * (more + 1) + trace, at_ns + EVERY_NS // 2, region)
    planted.write()


def test_a_surge_in_the_slice(planted: Planted) -> None:
    surge(planted, "us-east")
    moment, found = probe_traffic(planted.reader, planted.case(region="us-east"))
    assert isinstance(moment, Moment)
    assert isinstance(found, Finding)
    assert found.subject == {"traffic": "more", "region": "us-east"}
    assert found.effect is not None
    assert found.effect.after == pytest.approx(3 * found.effect.before, rel=0.01)
    assert abs(moment.time_ns - ONSET_NS) <= 2 * MINUTE
    assert found.confidence > 0.3
    check_evidence(planted, [found])
    assert probe_traffic(planted.reader, planted.case(region="eu-west")) == ()
    assert probe_scaling(planted.reader, planted.case(region="eu-west")) == ()


def test_a_surge_that_others_bear_is_doubted(planted: Planted) -> None:
    surge(planted, "us-east", "eu-west", "ap-south")
    _, found = probe_traffic(planted.reader, planted.case(region="us-east"))
    assert isinstance(found, Finding)
    assert found.confidence < 0.2


@pytest.mark.parametrize(
    ("before", "after", "symptom", "kinds"),
    [
        (4, 2, "latency", [Moment, Finding]),
        (2, 4, "latency", [Moment]),
        (2, 4, "cost", [Moment, Finding]),
        (3, 3, "cost", []),
    ],
)
def test_replicas_by_what_answers(planted: Planted, before, after, symptom, kinds) -> None:
    for number, at_ns in enumerate(range(ONSET_NS - 30 * MINUTE, END_NS, EVERY_NS)):
        of = after if at_ns >= ONSET_NS else before
        planted.entry(number + 1, at_ns, "us-east", instance=f"i{number % of}")
    planted.write()
    clues = probe_scaling(planted.reader, planted.case(symptom))
    assert [type(one) for one in clues] == kinds
    check_evidence(planted, clues)


def test_replicas_by_their_scrapes(planted: Planted) -> None:
    for number in range(4):
        labels = {"job": "ml-infer", "instance": f"10.0.0.{number}:80", "region": "us-east"}
        planted.series("up", labels, lambda at, n=number: float(n < 2 or at < 0))
    clues = probe_scaling(planted.reader, planted.case(region="us-east"))
    assert [type(one) for one in clues] == [Moment, Finding]
    check_evidence(planted, clues)

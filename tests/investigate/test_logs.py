"""Log patterns as suspects: a new error in one region, a shifted field, and healthy twins."""

from tests.support.otlp_factory import MS, SECOND
from tests.support.planted import ONSET_NS, Planted, check_evidence

from vario.investigate.logs import probe_logs
from vario.model.investigation import Finding


def fill(planted: Planted, *, error_in: str = "", miss: dict[str, tuple[float, float]]) -> None:
    """Writes requests with a line each; `miss` is the share of cache misses before and after."""
    for trace, at_ns, region, after in planted.requests():
        planted.entry(trace, at_ns, region)
        hit = planted.random.random() >= miss.get(region, (0.15, 0.15))[after]
        planted.log(
            f"POST /rank 200 in {trace} ms", at_ns + MS, region=region, trace=trace,
            attributes={"cache_hit": hit, "request_id": f"r{trace}"},
        )  # fmt: skip
        if trace % 40 == 0:
            planted.log("reconnected to broker 7", at_ns, region=region, severity="warn")
        if after and error_in in (region, "everywhere") and trace % 4 == 0:
            planted.log(
                f"the feature store did not answer within 0.{trace} s", at_ns + 2 * MS,
                region=region, trace=trace, severity="error",
            )  # fmt: skip
    planted.write()


def test_a_new_error_in_the_slice_is_told_with_its_lines(planted: Planted) -> None:
    fill(planted, error_in="us-east", miss={})
    clues = probe_logs(planted.reader, planted.case("errors", region="us-east"))
    (found,) = [clue for clue in clues if isinstance(clue, Finding)]
    assert found.subject == {
        "pattern": "the feature store did not answer within <*> s",
        "service": "ml-infer",
    }
    assert found.confidence > 0.5
    assert ONSET_NS <= found.onset_ns < ONSET_NS + 60 * SECOND
    assert found.effect is not None
    assert (found.effect.before, round(found.effect.after, 2)) == (0, 0.25)
    assert len(found.logs) == len(found.trace_ids) == 3
    assert [one.value for one in found.evidence] == [0, 37]
    check_evidence(planted, clues)


def test_an_error_that_is_new_everywhere_is_no_suspect_of_one_region(planted: Planted) -> None:
    fill(planted, error_in="everywhere", miss={})
    (found,) = probe_logs(planted.reader, planted.case("errors", region="us-east"))
    assert isinstance(found, Finding)
    assert found.confidence < 0.2
    assert found.contradicts


def test_a_field_that_shifted_in_the_slice_alone(planted: Planted) -> None:
    fill(planted, miss={"us-east": (0.15, 0.7)})
    clues = probe_logs(planted.reader, planted.case("latency", region="us-east"))
    (found,) = [clue for clue in clues if isinstance(clue, Finding)]
    assert (found.kind, found.subject, found.cause) == (
        "mediator",
        {"cache_hit": "false"},
        "cache",
    )
    assert found.confidence > 0.35
    check_evidence(planted, clues)


def test_nothing_is_said_of_lines_as_they_always_are(planted: Planted) -> None:
    fill(planted, miss={"us-east": (0.7, 0.7)})
    assert probe_logs(planted.reader, planted.case(region="us-east")) == []
    assert probe_logs(planted.reader, planted.case()) == []

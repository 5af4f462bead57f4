"""Resources: one that filled up where it hurts, one that moved everywhere, and calm ones."""

from tests.support.otlp_factory import MINUTE
from tests.support.planted import ONSET_NS, REGIONS, Planted, check_evidence

from vario.investigate.resources import probe_resources
from vario.model.investigation import Finding


def fill(planted: Planted, evicting: tuple[str, ...], *, hurts: bool = True) -> None:
    """Writes slow requests in us-east, and metrics of caches that evict more in some regions."""
    for trace, at_ns, region, after in planted.requests():
        slow = hurts and after and region == "us-east" and trace % 4
        planted.entry(trace, at_ns, region, 400 if slow else 0)
    planted.write()
    noise = planted.random
    for region in REGIONS:
        labels = {"region": region, "job": "ml-infer"}
        full = region in evicting
        planted.series(
            "feature_cache_evictions_total", labels,
            lambda at, full=full: (40 if full and at >= 0 else 4) + noise.normal(0, 0.5),
            counter=True,
        )  # fmt: skip
        for name, level in (("gpu_utilization_ratio", 0.6), ("process_resident_memory_bytes", 4e8)):
            planted.series(name, labels, lambda at, level=level: level * noise.normal(1, 0.05))
        planted.series("inference_queue_depth", labels, lambda at: noise.poisson(3))


def test_the_resource_that_moved_where_it_hurts(planted: Planted) -> None:
    fill(planted, ("us-east",))
    clues = probe_resources(planted.reader, planted.case(region="us-east"))
    (found,) = clues
    assert isinstance(found, Finding)
    assert found.subject == {"metric": "feature_cache_evictions_total", "region": "us-east"}
    assert (found.cause, found.confidence > 0.5) == ("cache", True)
    assert abs(found.onset_ns - ONSET_NS) <= 2 * MINUTE
    check_evidence(planted, clues)


def test_one_that_moved_everywhere_is_doubted(planted: Planted) -> None:
    fill(planted, REGIONS)
    (found,) = probe_resources(planted.reader, planted.case(region="us-east"))
    assert isinstance(found, Finding)
    assert found.confidence < 0.2


def test_nothing_is_said_of_calm_resources(planted: Planted) -> None:
    fill(planted, ())
    assert probe_resources(planted.reader, planted.case(region="us-east")) == []
    assert probe_resources(planted.reader, planted.case()) == []

import pytest

from vario.errors import BadData
from vario.ingest.scrape.config import Limits, ScrapeJob
from vario.ingest.scrape.labels import finish_labels
from vario.ingest.scrape.relabel import RelabelRule

TARGET = {"job": "j", "instance": "i"}


@pytest.mark.parametrize(
    ("target", "exposed", "expected"),
    [
        (TARGET, {"a": "1"}, {"a": "1", "job": "j", "instance": "i"}),
        (TARGET, {"job": "own"}, {"job": "j", "instance": "i", "exported_job": "own"}),
        (TARGET, {"job": ""}, {"job": "j", "instance": "i"}),
        (
            TARGET,
            {"job": "own", "exported_job": "theirs"},
            {"job": "j", "instance": "i", "exported_job": "theirs", "exported_exported_job": "own"},
        ),
        (
            {"foo": "1", "exported_foo": "2"},
            {"foo": "a", "exported_foo": "b"},
            {
                "foo": "1",
                "exported_foo": "2",
                "exported_exported_foo": "a",
                "exported_exported_exported_foo": "b",
            },
        ),
    ],
)
def test_labels_of_the_target_win(
    target: dict[str, str], exposed: dict[str, str], expected: dict[str, str]
):
    name = {"__name__": "m"}
    assert finish_labels(ScrapeJob("j"), target, name | exposed) == name | expected


@pytest.mark.parametrize(
    ("exposed", "expected"),
    [
        ({"job": "own"}, {"job": "own", "instance": "i"}),
        # An empty label of the target's own means: no such label at all (the push gateway's way).
        ({"instance": ""}, {"job": "j"}),
        ({}, TARGET),
    ],
)
def test_honor_labels(exposed: dict[str, str], expected: dict[str, str]):
    job = ScrapeJob("j", honor_labels=True)
    assert finish_labels(job, TARGET, {"__name__": "m"} | exposed) == {"__name__": "m"} | expected


def test_metric_relabelling():
    job = ScrapeJob(
        "j",
        metric_relabel_configs=(
            RelabelRule("drop", ("__name__",), regex="go_.*"),
            RelabelRule(source_labels=("a",), target_label="b"),
            RelabelRule("labeldrop", regex="a|instance"),
        ),
    )
    assert finish_labels(job, TARGET, {"__name__": "go_x"}) is None
    assert finish_labels(job, TARGET, {"__name__": "m", "a": "1"}) == {
        "__name__": "m",
        "b": "1",
        "job": "j",
    }


def test_a_name_must_be_left():
    job = ScrapeJob("j", metric_relabel_configs=(RelabelRule("labeldrop", regex="__name__"),))
    with pytest.raises(BadData, match=r"leave no metric name of m\{a="):
        finish_labels(job, TARGET, {"__name__": "m", "a": "1"})


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(labels=3), r"label_limit exceeded \(4 labels, at most 3\) by m\{"),
        (Limits(label_name_length=8), "label_name_length_limit exceeded by 'lengthy_é'"),
        (Limits(label_value_length=1), "label_value_length_limit exceeded by '"),
    ],
)
def test_limits(limits: Limits, why: str):
    job = ScrapeJob("j", limits=limits)
    exposed = {"__name__": "m", "lengthy_é": "12"}
    with pytest.raises(BadData, match=why):
        finish_labels(job, TARGET, exposed)
    assert finish_labels(ScrapeJob("j", limits=Limits(4, 0, 4, 10, 2)), TARGET, exposed)

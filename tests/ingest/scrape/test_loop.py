import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.support.exposer import OPENMETRICS, TEXT
from tests.support.scrape import Notebook, read_extras

from vario.clock import ManualClock
from vario.errors import Overloaded, Unavailable
from vario.ingest.scrape.config import Limits, ScrapeJob, TargetGroup
from vario.ingest.scrape.fetch import Fetched
from vario.ingest.scrape.loop import ScrapeLoop
from vario.ingest.scrape.targets import Target, make_targets
from vario.model.series import Metadata

NOW = 1_750_000_000_000
JOB = ScrapeJob("j", scrape_interval_s=10, scrape_timeout_s=5)


class Stage:
    """A target that says what it is told to, while the clock moves by `takes_ms`."""

    def __init__(self, job: ScrapeJob = JOB, *, refused: str = "") -> None:
        self.clock = ManualClock(NOW * 1_000_000)
        self.notebook = Notebook()
        self.answer: Callable[[], Fetched] = lambda: Fetched(b"", TEXT)
        self.takes_ms = 250
        (self.target,) = make_targets(job, [TargetGroup(("host:1",), {}, "here")]).targets
        self.loop = ScrapeLoop(job, self.target, self, self.notebook, self.clock, refused=refused)

    async def fetch(self, target: Target) -> Fetched:
        assert target is self.target
        self.clock.advance_ns(self.takes_ms * 1_000_000)
        return self.answer()

    def say(self, body: str, content_type: str = TEXT) -> None:
        self.answer = lambda: Fetched(body.encode(), content_type)

    def fail(self, reason: str) -> None:
        def answer() -> Fetched:
            raise Unavailable(reason)

        self.answer = answer

    def scrape(self, tick_ms: int | None = None) -> dict[str, tuple[int, float | str]]:
        """Samples by series without the target's labels, with milliseconds since NOW."""
        tick_ns = None if tick_ms is None else (NOW + tick_ms) * 1_000_000
        asyncio.run(self.loop.scrape(tick_ns))
        return self.stored()

    def stored(self) -> dict[str, tuple[int, float | str]]:
        own = '{instance="host:1",job="j"}'
        return {
            name.removesuffix(own): (at - NOW, value) for name, at, value in self.notebook.samples()
        }


def report(
    at: int, up: float, duration: float, scraped: float, kept: float, added: float
) -> dict[str, tuple[int, float | str]]:
    return {
        "up": (at, up),
        "scrape_duration_seconds": (at, duration),
        "scrape_samples_scraped": (at, scraped),
        "scrape_samples_post_metric_relabeling": (at, kept),
        "scrape_series_added": (at, added),
    }


def test_a_scrape_and_what_is_said_about_it():
    stage = Stage()
    stage.say("a 1\nb 2\n")
    assert stage.scrape() == {"a": (0, 1.0), "b": (0, 2.0), **report(0, 1, 0.25, 2, 2, 2)}
    stage.say("a 3\n")
    assert stage.scrape() == {
        "a": (250, 3.0),
        "b": (250, "stale"),
        **report(250, 1, 0.25, 1, 1, 0),
    }


def test_a_failed_scrape_ends_every_series():
    stage = Stage()
    stage.say("a 1\n")
    stage.scrape()
    stage.fail("nobody is there")
    assert stage.scrape() == {"a": (250, "stale"), **report(250, 0, 0.25, 0, 0, 0)}
    assert (stage.loop.state().health, stage.loop.state().last_error) == (
        "down",
        "nobody is there",
    )
    assert stage.scrape() == report(500, 0, 0.25, 0, 0, 0)


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        ("a 1\nb one\n", TEXT, "line 2 is not a sample: 'b one'"),
        ("a 1\n", "text/html", "set fallback_scrape_protocol"),
        ("a 1\n", OPENMETRICS, "does not end with # EOF"),
    ],
)
def test_nothing_is_kept_of_a_body_that_is_not_understood(body: str, content_type: str, why: str):
    stage = Stage()
    stage.say("a 1\n")
    stage.scrape()
    stage.say(body, content_type)
    assert stage.scrape() == {"a": (250, "stale"), **report(250, 0, 0.25, 0, 0, 0)}
    assert why in stage.loop.state().last_error


def test_too_many_samples_are_counted_and_not_kept():
    stage = Stage(replace(JOB, limits=Limits(samples=2)))
    stage.say("a 1\n")
    stage.scrape()
    stage.say("a 1\nb 1\nc 1\n")
    assert stage.scrape() == {"a": (250, "stale"), **report(250, 0, 0.25, 3, 3, 0)}
    assert stage.loop.state().last_error == "sample_limit exceeded: 3 samples, at most 2"


def test_an_empty_body_is_no_failure():
    stage = Stage()
    stage.say("a 1\n")
    stage.scrape()
    stage.say("", "")
    assert stage.scrape() == {"a": (250, "stale"), **report(250, 1, 0.25, 0, 0, 0)}


def test_scrapes_are_dated_by_their_moment_if_they_are_hardly_late():
    stage = Stage()
    stage.say("a 1\n")
    assert stage.scrape(tick_ms=-15)["a"] == (-15, 1.0)
    assert stage.scrape(tick_ms=200)["a"] == (250, 1.0)


def test_the_end_of_a_target():
    stage = Stage()
    asyncio.run(stage.loop.finish())
    assert stage.notebook.written == []
    stage.say("a 1\n")
    stage.scrape()
    asyncio.run(stage.loop.finish())
    assert stage.stored() == dict.fromkeys(("a", *report(0, 0, 0, 0, 0, 0)), (250, "stale"))


def test_a_refused_target_is_down_and_never_asked():
    stage = Stage(refused="target_limit exceeded")
    assert stage.scrape() == report(0, 0, 0, 0, 0, 0)
    assert stage.loop.state().last_error == "target_limit exceeded"


def test_samples_that_cannot_be_stored_are_lost_with_a_warning(
    caplog: pytest.LogCaptureFixture,
):
    stage = Stage()
    stage.say("a 1\n")
    stage.notebook.fault = Overloaded("the queue is full")
    with caplog.at_level(logging.WARNING):
        asyncio.run(stage.loop.scrape())
    lost = "6 samples could not be stored and are lost: the queue is full"
    assert caplog.messages == [f"http://host:1/metrics: {lost}"]
    state = stage.loop.state()
    assert (state.health, state.last_error) == ("up", lost)


def test_metadata_reaches_the_store_and_the_state():
    stage = Stage()
    stage.say("# TYPE a counter\n# HELP a Help.\na_total 1\n# EOF\n", OPENMETRICS)
    stage.scrape()
    extras = stage.notebook.written[-1][1]
    assert extras is not None
    assert [said.metric_family_name for said in read_extras(extras).metadata] == ["a"]
    assert stage.loop.state().metadata == (Metadata("a", "counter", "", "Help."),)


def test_the_loop_scrapes_at_its_moments_and_skips_those_it_missed(
    monkeypatch: pytest.MonkeyPatch,
):
    stage = Stage()
    stage.say("a 1\n")
    moments: list[int] = []

    async def sleep(seconds: float) -> None:
        stage.clock.advance_ns(round(seconds * 1e9))
        moments.append(stage.clock.now_ns() // 1_000_000 - NOW)
        if len(moments) == 3:
            stage.takes_ms = 25_000
        if len(moments) == 6:
            raise asyncio.CancelledError

    monkeypatch.setattr("vario.ingest.scrape.loop.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(stage.loop.run("seed"))
    first = moments[0]
    assert 0 <= first <= 10_000
    assert moments == [first + offset for offset in (0, 10_000, 20_000, 50_000, 80_000, 110_000)]
    # Each scrape is dated by its moment exactly.
    assert stage.stored()["a"][0] == first + 80_000


def test_a_fault_of_ours_does_not_end_the_loop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    stage = Stage()
    stage.notebook.fault = RuntimeError("a bug")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr("vario.ingest.scrape.loop.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(stage.loop.run("seed"))
    assert caplog.messages == ["scraping http://host:1/metrics failed; the next one is tried"] * 2

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.exposer import exposing
from tests.support.scrape import Notebook, read_samples

from vario.clock import SystemClock
from vario.errors import BadData
from vario.ingest.scrape.config import (
    FileDiscovery,
    HttpSettings,
    Limits,
    ScrapeConfig,
    ScrapeJob,
    Secret,
    TargetGroup,
    TlsSettings,
)
from vario.ingest.scrape.relabel import RelabelRule
from vario.ingest.scrape.scraper import Scraper

# A timeout that a busy machine does not reach: a scrape that fails ends its series.
JOB = ScrapeJob("j", scrape_interval_s=0.7, scrape_timeout_s=0.7)


async def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def scraper_of(notebook: Notebook, *jobs: ScrapeJob) -> Scraper:
    return Scraper(ScrapeConfig(jobs), notebook, SystemClock(), seed="here")


def values_of(notebook: Notebook, name: str) -> list[float | str]:
    return [
        value
        for body, _ in notebook.written
        for text, _, value in read_samples(body)
        if text.partition("{")[0] == name
    ]


def test_static_targets_are_scraped_until_the_end():
    async def scene() -> None:
        notebook = Notebook()
        with exposing("a 1\n") as good, exposing() as bad:
            bad.say("no", status=500)
            group = TargetGroup((good.address, bad.address, "dropped:1"), {"env": "x"}, "here")
            rule = RelabelRule("drop", ("__address__",), regex="dropped.*")
            job = replace(JOB, static_configs=(group,), relabel_configs=(rule,))
            scraper = scraper_of(notebook, job)
            assert scraper.snapshot().active == ()
            await scraper.start()
            try:
                await until(lambda: values_of(notebook, "a")[:3] == [1, 1, 1])
                await until(lambda: {s.health for s in scraper.snapshot().active} == {"up", "down"})
            finally:
                await scraper.stop()
            snapshot = scraper.snapshot()
            by_url = {state.scrape_url: state for state in snapshot.active}
            up, down = (by_url[f"http://{each.address}/metrics"] for each in (good, bad))
            assert (up.health, up.last_error, up.scrape_pool) == ("up", "", "j")
            assert up.labels == {"env": "x", "instance": good.address, "job": "j"}
            assert down.last_error == "the target answered HTTP 500 Internal Server Error"
            assert [s.discovered_labels["__address__"] for s in snapshot.dropped] == ["dropped:1"]
            assert snapshot.dropped_counts == {"j": 1}
            # A server that stops says nothing of its targets: after a restart they go on.
            assert "stale" not in values_of(notebook, "a")

    asyncio.run(scene())


def test_targets_of_files_come_and_go(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async def scene() -> None:
        notebook = Notebook()
        file = tmp_path / "targets.json"
        with exposing("a 1\n") as one, exposing("b 2\n") as two:

            def write(*addresses: str) -> None:
                file.write_text(json.dumps([{"targets": list(addresses)}]))

            write(one.address)
            job = replace(
                JOB, file_sd_configs=(FileDiscovery((tmp_path / "*.json",), refresh_s=0.05),)
            )
            scraper = scraper_of(notebook, job)
            await scraper.start()
            try:
                await until(lambda: len(values_of(notebook, "a")) > 1)
                assert values_of(notebook, "b") == []
                write(two.address)
                await until(lambda: values_of(notebook, "a")[-1] == "stale")
                await until(lambda: len(values_of(notebook, "b")) > 1)
                file.write_text("[")
                await until(lambda: "keeps its targets as they were" in caplog.text)
                count = len(values_of(notebook, "b"))
                await until(lambda: len(values_of(notebook, "b")) > count + 1)
                file.unlink()
                await until(lambda: values_of(notebook, "b")[-1] == "stale")
                assert scraper.snapshot().active == ()
            finally:
                await scraper.stop()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())


def test_too_many_targets_are_all_refused():
    async def scene() -> None:
        notebook = Notebook()
        group = TargetGroup(("a:1", "b:1"), {}, "here")
        job = replace(JOB, static_configs=(group,), limits=Limits(targets=1))
        scraper = scraper_of(notebook, job)
        await scraper.start()
        try:
            await until(lambda: {s.health for s in scraper.snapshot().active} == {"down"})
        finally:
            await scraper.stop()
        errors = {state.last_error for state in scraper.snapshot().active}
        assert errors == {"target_limit exceeded: 2 targets, at most 1"}
        assert set(values_of(notebook, "up")) == {0.0}

    asyncio.run(scene())


def test_another_configuration_is_taken_up_and_what_is_in_both_goes_on():
    async def scene() -> None:
        notebook = Notebook()
        with exposing("a 1\n") as one, exposing("b 2\n") as two, exposing("c 3\n") as three:

            def job(name: str, address: str, **changes: object) -> ScrapeJob:
                group = TargetGroup((address,), {}, "here")
                return replace(JOB, job_name=name, static_configs=(group,), **changes)

            stays, goes = job("stays", one.address), job("goes", two.address)
            scraper = scraper_of(notebook, stays, goes)
            await scraper.start()
            try:
                await until(lambda: len(values_of(notebook, "b")) > 1)
                await until(lambda: len(values_of(notebook, "a")) > 1)
                new = job("new", three.address)
                await scraper.reload(ScrapeConfig((new, stays)))
                assert values_of(notebook, "b")[-1] == "stale"
                count = len(values_of(notebook, "a"))
                await until(lambda: len(values_of(notebook, "c")) > 1)
                await until(lambda: len(values_of(notebook, "a")) > count + 1)
                pools = [state.scrape_pool for state in scraper.snapshot().active]
                assert pools == ["new", "stays"]

                http = HttpSettings(tls=TlsSettings(ca=Secret("no certificate")))
                broken = replace(JOB, job_name="broken", http=http)
                with pytest.raises(BadData):
                    await scraper.reload(ScrapeConfig((broken,)))
                assert [s.scrape_pool for s in scraper.snapshot().active] == pools

                slower = job("stays", one.address, scrape_interval_s=1.0)
                await scraper.reload(ScrapeConfig((slower,)))
                count = len(values_of(notebook, "a"))
                await until(lambda: len(values_of(notebook, "a")) > count + 1)
                assert "stale" not in values_of(notebook, "a")
                assert values_of(notebook, "c")[-1] == "stale"
            finally:
                await scraper.stop()

    asyncio.run(scene())

"""All targets of a configuration: finds them, scrapes them, notices when they come and go."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vario.clock import Clock
from vario.errors import BadData
from vario.ingest.remote_pipeline import RemotePipeline
from vario.ingest.scrape.config import ScrapeConfig, ScrapeJob, TargetGroup
from vario.ingest.scrape.fetch import Fetcher
from vario.ingest.scrape.loop import ScrapeLoop, Sink
from vario.ingest.scrape.read_config import read_target_file
from vario.ingest.scrape.targets import Discovered, Target, make_targets
from vario.model.series import Labels
from vario.model.target import TargetsSnapshot, TargetState
from vario.wire.remote_write import RemoteWrite, Version

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""How often files of targets are looked at, where their `refresh_interval` is not shorter."""


class PipelineSink:
    """Scraped samples go the way of remote write, and share its inserts."""

    def __init__(self, pipeline: RemotePipeline) -> None:
        self._pipeline = pipeline

    async def write(self, samples: bytes, extras: bytes | None) -> None:
        """Stores both requests and returns once they are durable.

        Raises:
            Overloaded, Unavailable: the store is full, behind, or stopping.
        """
        with self._pipeline.budget.hold() as hold:
            hold.grow(len(samples) + len(extras or b""))
            # More is marked than counted: all that matters here is which way a request goes.
            requests = [RemoteWrite(Version.V1, samples, samples=1)]
            if extras:
                requests.append(RemoteWrite(Version.V1, extras, metadata=1))
            await asyncio.gather(*(self._pipeline.put(request) for request in requests))


@dataclass(slots=True)
class _Pool:
    """One job at work."""

    job: ScrapeJob
    fetcher: Fetcher
    loops: dict[tuple[object, ...], ScrapeLoop] = field(
        default_factory=dict[tuple[object, ...], ScrapeLoop]
    )
    tasks: dict[tuple[object, ...], asyncio.Task[None]] = field(
        default_factory=dict[tuple[object, ...], asyncio.Task[None]]
    )
    watcher: asyncio.Task[None] | None = None
    dropped: tuple[Labels, ...] = ()
    faults: tuple[str, ...] = ()


class Scraper:
    """Everything that is scraped."""

    def __init__(self, config: ScrapeConfig, sink: Sink, clock: Clock, *, seed: str = "") -> None:
        """Makes a scraper; `start` starts it.

        Args:
            config: what to scrape.
            sink: where samples go.
            clock: dates them.
            seed: moves the moments of scrapes; the name of this machine if empty.

        Raises:
            BadData: certificates of a job cannot be read.
        """
        self._sink = sink
        self._clock = clock
        self._seed = seed or socket.gethostname()
        self._pools = [_Pool(job, Fetcher(job)) for job in config.jobs]

    async def start(self) -> None:
        """Begins to scrape and to look for targets."""
        for pool in self._pools:
            await self._begin(pool)

    async def reload(self, config: ScrapeConfig) -> None:
        """Scrapes by another configuration from now on; jobs that are in both just go on.

        The series of a job that is gone are marked as ended. Those of a job that has changed are
        not: its targets may be the same.

        Raises:
            BadData: certificates of a job cannot be read; nothing has changed.
        """
        kept = {pool.job.job_name: pool for pool in self._pools if pool.job in config.jobs}
        fresh = [_Pool(job, Fetcher(job)) for job in config.jobs if job.job_name not in kept]
        names = {job.job_name for job in config.jobs}
        old = [pool for pool in self._pools if pool.job.job_name not in kept]
        made = {pool.job.job_name: pool for pool in fresh}
        self._pools = [kept.get(job.job_name) or made[job.job_name] for job in config.jobs]
        for pool in old:
            await self._end(pool)
            if pool.job.job_name not in names:
                for loop in pool.loops.values():
                    await loop.finish()
        for pool in fresh:
            await self._begin(pool)

    async def stop(self) -> None:
        """Stops scraping. Series are not marked as ended: after a restart they go on."""
        for pool in self._pools:
            await self._end(pool)

    async def _begin(self, pool: _Pool) -> None:
        if pool.watcher is not None or pool.tasks:
            return  # a reload came before the start was through
        if pool.job.file_sd_configs:
            pool.watcher = asyncio.create_task(self._watch(pool))
        else:
            await self._update(pool, pool.job.static_configs)

    async def _end(self, pool: _Pool) -> None:
        for task in [pool.watcher, *pool.tasks.values()]:
            if task is not None:
                await _cancel(task)
        await pool.fetcher.close()

    def snapshot(self) -> TargetsSnapshot:
        """Returns the state of every target."""
        active = [loop.state() for pool in self._pools for loop in pool.loops.values()]
        dropped = [
            TargetState(labels, {}, pool.job.job_name, "")
            for pool in self._pools
            for labels in pool.dropped
        ]
        counts = {pool.job.job_name: len(pool.dropped) for pool in self._pools}
        return TargetsSnapshot(tuple(active), tuple(dropped), counts)

    async def _update(self, pool: _Pool, groups: Sequence[TargetGroup]) -> None:
        """Scrapes the targets of these groups, and no others any more."""
        found = make_targets(pool.job, groups)
        for fault in found.faults:
            if fault not in pool.faults:
                log.warning("job %s: %s", pool.job.job_name, fault)
        pool.faults, pool.dropped = found.faults, found.dropped
        wanted = {(*target.key, _refusal(pool, found)): target for target in found.targets}
        for key in [key for key in pool.loops if key not in wanted]:
            await _cancel(pool.tasks.pop(key))
            await pool.loops.pop(key).finish()
        for key, target in wanted.items():
            if key not in pool.loops:
                pool.loops[key] = self._loop(pool, target, _refusal(pool, found))
                pool.tasks[key] = asyncio.create_task(pool.loops[key].run(self._seed))

    def _loop(self, pool: _Pool, target: Target, refused: str) -> ScrapeLoop:
        return ScrapeLoop(pool.job, target, pool.fetcher, self._sink, self._clock, refused=refused)

    async def _watch(self, pool: _Pool) -> None:
        """Looks at the files of targets again and again; an unreadable one stays as it was."""
        read: dict[Path, tuple[TargetGroup, ...]] = {}
        pause_s = min([LOOK_S, *(each.refresh_s for each in pool.job.file_sd_configs)])
        before: object = None
        while True:
            read = await asyncio.to_thread(_read_files, pool.job, read)
            groups = [*pool.job.static_configs, *(g for each in read.values() for g in each)]
            if groups != before:
                before = groups
                await self._update(pool, groups)
            await asyncio.sleep(pause_s)


def _refusal(pool: _Pool, found: Discovered) -> str:
    limit = pool.job.limits.targets
    if limit and len(found.targets) > limit:
        return f"target_limit exceeded: {len(found.targets)} targets, at most {limit}"
    return ""


def _read_files(
    job: ScrapeJob, before: dict[Path, tuple[TargetGroup, ...]]
) -> dict[Path, tuple[TargetGroup, ...]]:
    """Returns the groups of each file that there is."""
    read: dict[Path, tuple[TargetGroup, ...]] = {}
    patterns = [path for each in job.file_sd_configs for path in each.files]
    for file in sorted({f for path in patterns for f in path.parent.glob(path.name)}):
        try:
            read[file] = read_target_file(file)
        except (BadData, OSError) as error:
            log.warning("job %s keeps its targets as they were: %s", job.job_name, error)
            read[file] = before.get(file, ())
    return read


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])

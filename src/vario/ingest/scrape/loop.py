"""Scrapes one target again and again, and keeps how it went."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from vario.clock import Clock
from vario.errors import BadData, VarioError
from vario.ingest.scrape.book import STALE, Batch, Book, OverLimit
from vario.ingest.scrape.config import ScrapeJob
from vario.ingest.scrape.fetch import Fetched, FetchFault
from vario.ingest.scrape.targets import Target, format_s
from vario.model.series import Metadata
from vario.model.target import Health, TargetState
from vario.wire.exposition import parse
from vario.wire.remote_encode import encode_head, encode_labels, encode_samples

log = logging.getLogger(__name__)

TOLERANCE_S = 0.02
"""A scrape so little late, or 1% of its interval if that is less, is dated as if it were not:
equal distances between samples compress well."""

REPORTED = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
"""Series that every target has, whatever it says."""


class Source(Protocol):
    """Asks targets; `vario.ingest.scrape.fetch.Fetcher` is one."""

    async def fetch(self, target: Target) -> Fetched:
        """Returns what a target says now; raises one of `FetchFault`."""
        ...


class Sink(Protocol):
    """Takes samples."""

    async def write(self, samples: bytes, extras: bytes | None) -> None:
        """Stores two requests of remote write 1.0, the second with more than samples in it."""
        ...


@dataclass(slots=True)
class _Last:
    """How the last scrape went."""

    health: Health = "unknown"
    error: str = ""
    at_ns: int = 0
    duration_s: float = 0.0


class ScrapeLoop:
    """One target being scraped."""

    def __init__(
        self,
        job: ScrapeJob,
        target: Target,
        source: Source,
        sink: Sink,
        clock: Clock,
        *,
        refused: str = "",
    ) -> None:
        """Makes a loop that has not scraped yet.

        Args:
            job: the job of the target.
            target: what to scrape.
            source: asks it.
            sink: where samples go.
            clock: dates them.
            refused: why the target is never asked, and counts as down.
        """
        self.target = target
        self._job = job
        self._source = source
        self._sink = sink
        self._clock = clock
        self._refused = refused
        self._book = Book(job, target.labels)
        self._report = [
            encode_head(encode_labels({"__name__": name, **target.labels})) for name in REPORTED
        ]
        self._last = _Last()
        self._wrote = False

    async def run(self, seed: str) -> None:
        """Scrapes until cancelled, at the moments of this target in each interval.

        Args:
            seed: differs from server to server.
        """
        interval_ns = round(self.target.interval_s * 1e9)
        offset_ns = round(self.target.offset_s(seed) * 1e9)
        tick_ns = _next_tick(self._clock.now_ns(), interval_ns, offset_ns)
        while True:
            await asyncio.sleep(max(0, tick_ns - self._clock.now_ns()) / 1e9)
            try:
                await self.scrape(tick_ns)
            except Exception:
                log.exception("scraping %s failed; the next one is tried", self.target.url)
            # A scrape that took longer than its interval skips the moments that it missed.
            now_ns = self._clock.now_ns()
            tick_ns = max(tick_ns + interval_ns, _next_tick(now_ns, interval_ns, offset_ns))

    async def scrape(self, tick_ns: int | None = None) -> None:
        """Scrapes once and stores what came, or that nothing came.

        Args:
            tick_ns: when this should have begun, nanoseconds since the epoch.
        """
        started_ns = self._clock.now_ns()
        at_ms = _date(started_ns, tick_ns, self.target.interval_s) // 1_000_000
        error = ""
        try:
            if self._refused:
                raise BadData(self._refused)
            fetched = await self._source.fetch(self.target)
            batch = await asyncio.to_thread(self._digest, fetched, at_ms)
        except FetchFault as fault:
            error = str(fault)
            batch = self._book.end(at_ms)
            if isinstance(fault, OverLimit):
                batch.scraped, batch.kept = fault.scraped, fault.kept
        duration_s = (self._clock.now_ns() - started_ns) / 1e9
        self._last = _Last("down" if error else "up", error, started_ns, duration_s)
        report = (float(not error), duration_s, batch.scraped, batch.kept, batch.added)
        await self._store(batch, at_ms, report)

    async def finish(self) -> None:
        """Marks every series of the target as ended, its own and those about it."""
        if self._wrote:
            at_ms = self._clock.now_ns() // 1_000_000
            await self._store(self._book.end(at_ms), at_ms, (STALE,) * len(REPORTED))

    def state(self) -> TargetState:
        """Returns how the target fares, as the API shows it."""
        families = self._book.families
        return TargetState(
            discovered_labels=self.target.discovered,
            labels=self.target.labels,
            scrape_pool=self.target.job,
            scrape_url=self.target.url,
            health=self._last.health,
            last_error=self._last.error,
            last_scrape_ns=self._last.at_ns,
            last_scrape_duration_s=self._last.duration_s,
            scrape_interval=format_s(self.target.interval_s),
            scrape_timeout=format_s(self.target.timeout_s),
            metadata=tuple(Metadata(f.name, f.type, f.unit, f.help) for f in families),
        )

    def _digest(self, fetched: Fetched, at_ms: int) -> Batch:
        job = self._job
        if not fetched.body:
            return self._book.end(at_ms)
        said = parse(
            fetched.body,
            fetched.content_type,
            self._book.known,
            fallback=job.fallback_scrape_protocol,
            native=job.scrape_native_histograms,
            classic=job.always_scrape_classic_histograms,
        )
        return self._book.take(said, at_ms)

    async def _store(self, batch: Batch, at_ms: int, report: tuple[float, ...]) -> None:
        heads = batch.heads + self._report
        values = np.concatenate((batch.values, np.array(report, dtype=np.float64)))
        times = np.concatenate((batch.times_ms, np.full(len(report), at_ms, dtype=np.int64)))
        try:
            await self._sink.write(encode_samples(heads, values, times), batch.extras)
            self._wrote = True
        except VarioError as error:
            lost = f"{len(heads)} samples could not be stored and are lost: {error}"
            self._last.error = "; ".join(filter(None, (self._last.error, lost)))
            log.warning("%s: %s", self.target.url, lost)


def _next_tick(now_ns: int, interval_ns: int, offset_ns: int) -> int:
    """Returns the first moment after now that lies `offset_ns` into an interval."""
    return now_ns + interval_ns - (now_ns - offset_ns) % interval_ns


def _date(started_ns: int, tick_ns: int | None, interval_s: float) -> int:
    tolerance_ns = min(TOLERANCE_S, interval_s / 100) * 1e9
    if tick_ns is not None and abs(started_ns - tick_ns) <= tolerance_ns:
        return tick_ns
    return started_ns

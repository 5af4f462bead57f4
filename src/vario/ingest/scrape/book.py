"""What is known of one target's series from scrape to scrape.

Labels are finished and encoded once in the life of a series. A series that was there and is not
any more gets a stale marker, and so do all of them when a scrape fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vario.errors import BadData
from vario.ingest.scrape.config import ScrapeJob
from vario.ingest.scrape.extras import Extras
from vario.ingest.scrape.labels import finish_labels
from vario.model.series import STALE_NAN_BITS, Labels
from vario.wire.exposition import NO_TIME, Exposition, Family
from vario.wire.exposition.series import encode_series
from vario.wire.remote_encode import encode_head, encode_labels

AHEAD_MS = 10 * 60 * 1000
"""How far in the future a target's own timestamps may lie, as in Prometheus."""
STALE = np.array([STALE_NAN_BITS], dtype=np.uint64).view(np.float64)[0]


class OverLimit(BadData):
    """A scrape has more samples than `sample_limit`: nothing of it is kept, but it is counted."""

    def __init__(self, scraped: int, kept: int, limit: int) -> None:
        super().__init__(f"sample_limit exceeded: {kept} samples, at most {limit}")
        self.scraped = scraped
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Entry:
    """A series: its labels as they are stored, encoded; `key` tells series apart."""

    key: bytes
    head: bytes


@dataclass(slots=True)
class Batch:
    """The samples of one scrape, as columns, and what else came with them.

    Attributes:
        heads: encoded labels of n series.
        values: their values, shape (n,).
        times_ms: their times, shape (n,).
        scraped: samples that the target said.
        kept: those that were left after relabelling.
        added: series that were not known before.
        extras: exemplars, native histograms and metadata as a request, None if there are none.
    """

    heads: list[bytes]
    values: NDArray[np.float64]
    times_ms: NDArray[np.int64]
    scraped: int = 0
    kept: int = 0
    added: int = 0
    extras: bytes | None = None


@dataclass(slots=True)
class _Taken:
    """Series of one scrape: parallel to each other, those that rules drop left out."""

    entries: list[Entry] = field(default_factory=list[Entry])
    at: list[int] = field(default_factory=list[int])


class Book:
    """Series of one target."""

    def __init__(self, job: ScrapeJob, target: Labels) -> None:
        """Makes an empty book.

        Args:
            job: gives rules and limits.
            target: labels of the target.
        """
        self._job = job
        self._target = target
        self._entries: dict[str, Entry | None] = {}
        self._live: dict[bytes, bytes] = {}
        self._extras = Extras()

    @property
    def known(self) -> dict[str, Entry | None]:
        """Texts of the series whose labels need not be decoded again."""
        return self._entries

    @property
    def families(self) -> tuple[Family, ...]:
        """What the target last said of each family."""
        return self._extras.families

    def take(self, said: Exposition, time_ms: int) -> Batch:
        """Returns what is to be stored of a scrape.

        Args:
            said: what the target said.
            time_ms: when it was asked; samples without a time of their own get this one.

        Raises:
            OverLimit: there are more samples than `sample_limit`; the book is as before.
            BadData: a limit on labels is exceeded or a series has no name; likewise.
        """
        added = self._learn(said)
        taken = self._match(said.series)
        histograms = [self._entry_of(sample.labels) for sample in said.histograms]
        kept = len(taken.entries) + sum(entry is not None for entry in histograms)
        scraped = len(said.series) + len(said.histograms)
        limit = self._job.limits.samples
        if limit and kept > limit:
            raise OverLimit(scraped, kept, limit)
        own_times = said.times_ms[taken.at]
        if not self._job.honor_timestamps:
            own_times = np.full(len(own_times), NO_TIME)
        timed = own_times != NO_TIME
        times = np.where(timed, own_times, time_ms)
        use = _usable(taken.entries, times, time_ms)
        heads = [taken.entries[i].head for i in use]
        tracked = use if self._job.track_timestamps_staleness else use[~timed[use]]
        now = {taken.entries[i].key: taken.entries[i].head for i in tracked}
        now.update((entry.key, entry.head) for entry in histograms if entry is not None)
        gone = [head for key, head in self._live.items() if key not in now]
        extras = self._extras.collect(said, taken.at, taken.entries, histograms, time_ms)
        self._live = now
        self._forget(said)
        return Batch(
            heads=heads + gone,
            values=np.concatenate((said.values[taken.at][use], np.full(len(gone), STALE))),
            times_ms=np.concatenate((times[use], np.full(len(gone), time_ms))),
            scraped=scraped,
            kept=kept,
            added=added,
            extras=extras,
        )

    def end(self, time_ms: int) -> Batch:
        """Returns stale markers for every series that is there, as of now none is."""
        gone = list(self._live.values())
        self._live = {}
        return Batch(gone, np.full(len(gone), STALE), np.full(len(gone), time_ms, dtype=np.int64))

    def _learn(self, said: Exposition) -> int:
        """Finishes the labels of new series; returns how many are to be stored."""
        new: dict[str, Entry | None] = {
            text: self._finish(labels) for text, labels in said.labels.items()
        }
        self._entries.update(new)
        return sum(entry is not None for entry in new.values())

    def _entry_of(self, labels: Labels) -> Entry | None:
        """The entry of a native histogram's series, which comes with its labels every time."""
        rest = [(name, value) for name, value in labels.items() if name != "__name__"]
        text = encode_series(labels["__name__"], rest)
        if text not in self._entries:
            self._entries[text] = self._finish(labels)
        return self._entries[text]

    def _finish(self, exposed: Labels) -> Entry | None:
        labels = finish_labels(self._job, self._target, exposed)
        if labels is None:
            return None
        key = encode_labels(labels)
        return Entry(key, encode_head(key))

    def _match(self, series: Sequence[str]) -> _Taken:
        taken = _Taken()
        for i, text in enumerate(series):
            entry = self._entries[text]
            if entry is not None:
                taken.entries.append(entry)
                taken.at.append(i)
        return taken

    def _forget(self, said: Exposition) -> None:
        """Drops entries long gone, once they are more than those that are there."""
        if len(self._entries) > 2 * (len(said.series) + len(said.histograms)) + 1000:
            there = set(said.series)
            self._entries = {text: e for text, e in self._entries.items() if text in there}


def _usable(entries: Sequence[Entry], times: NDArray[np.int64], time_ms: int) -> NDArray[np.intp]:
    """Returns which samples to store: times in bounds, and of two at one time the first."""
    use = np.flatnonzero((times >= 0) & (times <= time_ms + AHEAD_MS))
    if len({entry.key for entry in entries}) == len(entries):
        return use
    seen: set[tuple[bytes, int]] = set()
    first: list[int] = []
    for i in use.tolist():
        moment = (entries[i].key, int(times[i]))
        if moment not in seen:
            seen.add(moment)
            first.append(i)
    return np.array(first, dtype=np.intp)

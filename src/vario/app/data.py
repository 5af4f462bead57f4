"""The keeper of stored data: started, driven by the clock, told of changed settings, counted."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from vario.clock import Clock
from vario.config import Settings
from vario.errors import VarioError
from vario.ingest.counters import Labels, Metric
from vario.store.clickhouse import ClickHouseStore
from vario.store.retention import Keeper
from vario.store.sampling import Sampler, check_sampling

log = logging.getLogger(__name__)


class KeeperThread:
    """Runs rounds until it is stopped; a round that fails is logged and tried again."""

    def __init__(self, rounds: Mapping[str, Callable[[], object]], every_s: float) -> None:
        """Starts the thread.

        Args:
            rounds: what is done in each round, by a name for the log.
            every_s: seconds from the end of one round to the next.
        """
        self._rounds = rounds
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vario-keeper")
        self._thread.start()

    def stop(self) -> None:
        """Returns once the round under way is over."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            for name, once in self._rounds.items():
                try:
                    once()
                except VarioError as error:
                    log.error("%s failed: %s", name, error)  # noqa: TRY400
                except Exception:
                    log.exception("%s failed", name)
            self._stop.wait(self._every_s)


def make_keeper(settings: Settings, store: ClickHouseStore, clock: Clock) -> Keeper:
    """Returns the keeper of a store; where traces are sampled, their views are there afterwards.

    Raises:
        BadData: a setting of retention or sampling makes no sense.
    """
    own, sampler = settings.store, None
    check_sampling(settings.sampling, own.cluster)
    if settings.sampling.spans_per_second:
        sampler = Sampler(store.engine, clock, settings.sampling, cluster=own.cluster)
        sampler.enable()
    return Keeper(store.engine, clock, own.retention, cluster=own.cluster, sampler=sampler)


def start_keeping(
    keeper: Keeper, settings: Settings, reread: Callable[[], Settings] | None
) -> "Keeping":
    """Returns what looks after age, size, changed settings and samples traces, started.

    Args:
        keeper: what does it.
        settings: how often.
        reread: reads the settings anew, None where they cannot change.
    """
    rounds: dict[str, Callable[[], object]] = {}
    if reread is not None:
        rounds["reading changed settings"] = lambda: keeper.update(reread().store.retention)
    rounds["retention"] = keeper.run_once
    threads = [KeeperThread(rounds, settings.store.retention.check_every_s)]
    if keeper.sampler is not None:
        sampling = {"sampling traces": keeper.sampler.run_once}
        threads.append(KeeperThread(sampling, settings.sampling.every_s))
    return Keeping(threads)


class Keeping:
    """The threads of a keeper, stopped together."""

    def __init__(self, threads: Sequence[KeeperThread]) -> None:
        self._threads = threads

    def stop(self) -> None:
        """Returns once the rounds under way are over."""
        for thread in self._threads:
            thread.stop()


def data_metrics(keeper: Keeper) -> Iterator[Metric]:
    """Yields how much is stored, how much may be, and what went since the start."""
    disk = keeper.check_disk()
    yield Metric(
        "vario_retention_used_bytes", "gauge", "What telemetry takes.", {(): disk.used_bytes}
    )
    if disk.budget_bytes is not None:
        told = "What telemetry may take."
        yield Metric("vario_retention_budget_bytes", "gauge", told, {(): disk.budget_bytes})
        told = "How far the budget is exceeded, with only today's data left."
        yield Metric("vario_retention_over_budget_bytes", "gauge", told, {(): disk.over_bytes})
    if keeper.sampler is not None:
        decided: dict[Labels, float] = {
            (("outcome", outcome), ("reason", reason)): count
            for (outcome, reason), count in dict(keeper.sampler.decided).items()
        }
        yield Metric("vario_sampling_traces_total", "counter", "Traces decided.", decided)
    told = "What a day adds, from the last full days."
    growth: dict[Labels, float] = {(("kind", k),): v for k, v in disk.growth_bytes.items()}
    yield Metric("vario_retention_growth_bytes_per_day", "gauge", told, growth)
    removed = dict(keeper.removed)
    for place, (unit, told) in enumerate(
        (("pieces", "Days of tables"), ("rows", "Rows"), ("bytes", "Bytes"))
    ):
        values: dict[Labels, float] = {
            (("kind", kind), ("reason", reason)): counts[place]
            for (kind, reason), counts in removed.items()
        }
        name = f"vario_retention_removed_{unit}_total"
        yield Metric(name, "counter", f"{told} that retention took away.", values)

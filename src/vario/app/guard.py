"""The guards between the doors and the store: built, started, counted."""

import logging
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vario.clock import Clock
from vario.config import Settings
from vario.errors import Unavailable
from vario.guard.folds import Budgets
from vario.guard.guard import Guard
from vario.guard.policy import Policy
from vario.guard.report import GuardReport
from vario.guard.watch import Watch
from vario.ingest.counters import Metric
from vario.store.address import default_folder, parse_dsn
from vario.store.clickhouse import ClickHouseStore
from vario.store.guard import GuardQueries

log = logging.getLogger(__name__)

KEY_BYTES = 32


def make_guard(settings: Settings, clock: Clock) -> Guard:
    """Returns the guard that the settings ask for.

    Raises:
        BadData: a rule is not understood.
        Unavailable: the key of hashes cannot be read or made.
    """
    rules = settings.guard.rules
    # The key is made when it is first needed, so that it is not lying about for nothing.
    hashing = any(rule.split()[:1] == ["hash"] for rule in rules)
    key = _read_key(settings) if hashing else secrets.token_bytes(KEY_BYTES)
    return Guard(Policy(rules, key), clock, personal_data=settings.guard.personal_data)


def start_guard(settings: Settings, store: ClickHouseStore, clock: Clock) -> tuple[Guard, Watch]:
    """Returns the guard that the settings ask for, and its watch over labels, started.

    Raises:
        BadData: a rule is not understood.
        Unavailable: the key of hashes cannot be read or made.
    """
    asked = settings.guard
    budgets = Budgets(asked.label_values, asked.id_values, asked.cardinality_rules)
    guard = make_guard(settings, clock)
    counted = budgets if asked.cardinality else None
    watch = Watch(guard, counted, GuardQueries(store.engine), clock, poll_s=asked.poll_s)
    watch.start()
    return guard, watch


def guard_metrics(report: GuardReport) -> Iterator[Metric]:
    """Yields what the guards did, without any value."""
    found: Counter[tuple[tuple[str, str], ...]] = Counter()
    for entry in report.found:
        names = ("detector", "mode", "signal", "service")
        found[tuple((name, getattr(entry, name)) for name in names)] += entry.count
    told = "Personal data and secrets found, by what became of them."
    yield Metric("vario_guard_findings_total", "counter", told, found)
    states = report.folds
    points = {
        (("metric", state.fold.metric), ("label", state.fold.label)): float(state.points)
        for state in states
    }
    told = "Points whose label was folded since the start."
    yield Metric("vario_guard_folded_points_total", "counter", told, points)
    since = {
        (
            ("metric", state.fold.metric),
            ("label", state.fold.label),
            ("reason", state.fold.reason),
        ): state.fold.since_ns / 1e9
        for state in states
    }
    told = "When a label began to be folded, seconds since the epoch."
    yield Metric("vario_guard_fold_start_time_seconds", "gauge", told, since)
    overflows = {
        (("metric", metric), ("service", job)): 1.0
        for metric, jobs in report.overflows.items()
        for job in jobs
    }
    told = "1 for metrics whose own SDK folded attributes (otel.metric.overflow)."
    yield Metric("vario_guard_sdk_overflow", "gauge", told, overflows)


def _read_key(settings: Settings) -> bytes:
    """Returns the key of hashes, made if it is missing; one in memory for a store in memory."""
    address = parse_dsn(settings.store.dsn)
    folder = address.folder or default_folder()
    named = settings.guard.hash_key_file
    if not named and address.kind == "memory":
        return secrets.token_bytes(KEY_BYTES)
    path = Path(named) if named else folder.parent / f"{folder.name}-guard.key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(KEY_BYTES).encode())
        log.info("made the key of hashes", extra={"fields": {"file": str(path)}})
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"the key of hashes {path} cannot be read or made ({error.strerror}): name another "
            "file with guard.hash_key_file"
        ) from error

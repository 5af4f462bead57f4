"""Watches how many values labels have, folds those past their budget, and keeps the books."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

import orjson

from vario.clock import Clock
from vario.guard.advice import advise_fold
from vario.guard.folds import ID_PATTERN, Budgets, Fold, LabelUse, family_of, is_id
from vario.guard.guard import Guard
from vario.guard.report import GuardReport

log = logging.getLogger(__name__)

POLL_S = 5.0
"""How often series are counted: 2 ms for 100,000 of them. What arrives between two looks may go
past a budget before it is folded."""
WINDOW_MS = 3600 * 1000
"""Values count for an hour after their last sample."""
MAX_KNOWN = 1_000_000
MAX_SAMPLES = 5


class GuardStore(Protocol):
    """The part of the store that is used here (`vario.store.guard.GuardQueries`)."""

    def count_series_by_name(self, since_ms: int) -> Mapping[str, int]:
        """Returns how many series each name has had since a time."""
        ...

    def measure_labels(
        self, names: Sequence[str], since_ms: int, id_pattern: str
    ) -> Sequence[tuple[str, int, int, Sequence[str], Sequence[str]]]:
        """Returns label, values, ids, samples and jobs of the series of these names."""
        ...

    def find_first_values(
        self, names: Sequence[str], label: str, since_ms: int, limit: int
    ) -> Sequence[str]:
        """Returns values of a label, those first seen first."""
        ...

    def find_counters(self) -> frozenset[str]:
        """Returns the metrics whose metadata says counter."""
        ...

    def read_guard(self) -> Mapping[str, str]:
        """Returns what was written, by name."""
        ...

    def write_guard(self, values: Mapping[str, str]) -> None:
        """Writes texts by name."""
        ...


class Watch:
    """A thread that looks now and then."""

    def __init__(
        self,
        guard: Guard,
        budgets: Budgets | None,
        store: GuardStore,
        clock: Clock,
        *,
        poll_s: float = POLL_S,
    ) -> None:
        """Makes a watch; `start` starts its thread.

        Args:
            guard: where folds are put in force.
            budgets: how many values labels may have; None to count none.
            store: where series are counted and the books are kept.
            clock: what time it is.
            poll_s: how often to look.
        """
        self._guard = guard
        self._budgets = budgets
        self._store = store
        self._clock = clock
        self._poll_s = poll_s
        self._counts: Mapping[str, int] = {}
        self._overflows: dict[str, tuple[str, ...]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vario-guard")

    def start(self) -> None:
        """Takes up what an earlier life left, and starts to look."""
        state = self._store.read_guard()
        self._guard.ledger.restore(orjson.loads(state.get("found", "[]")))
        folds = orjson.loads(state.get("folds", "[]"))
        if self._budgets:
            self._guard.fold([_read_fold(values) for values in folds])
        self._thread.start()

    def stop(self) -> None:
        """Stops looking, and writes the books."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._keep_books()

    def report(self) -> GuardReport:
        """Returns what the guards did."""
        return GuardReport(
            personal_data=self._guard.personal_data,
            cardinality=self._budgets is not None,
            found=self._guard.ledger.entries(),
            folds=sorted(self._guard.folds(), key=lambda state: state.fold.since_ns),
            overflows=dict(self._overflows),
        )

    def look(self) -> list[Fold]:
        """Counts once; returns the folds that began."""
        since_ms = self._clock.now_ns() // 1_000_000 - WINDOW_MS
        counts = self._store.count_series_by_name(since_ms)
        families: dict[str, list[str]] = {}
        for name in counts:
            families.setdefault(family_of(name, counts), []).append(name)
        changed = {
            family: names
            for family, names in families.items()
            if any(counts[name] != self._counts.get(name) for name in names)
        }
        self._counts = counts
        if not changed:
            return []
        self._guard.learn_counters(self._store.find_counters())
        began = [
            fold
            for family, names in changed.items()
            for fold in self._judge(family, names, since_ms)
        ]
        if began:
            self._guard.fold(began)
            self._store.write_guard({"folds": _dump_folds(self._guard)})
            for fold in began:
                _warn(fold)
        return began

    def _judge(self, family: str, names: list[str], since_ms: int) -> list[Fold]:
        assert self._budgets is not None
        there = {(s.fold.metric, s.fold.label) for s in self._guard.folds()}
        began: list[Fold] = []
        for label, values, ids, samples, jobs in self._store.measure_labels(
            names, since_ms, ID_PATTERN
        ):
            if label == "otel_metric_overflow":
                self._overflows[family] = tuple(sorted(jobs))
            use = LabelUse(family, label, values, ids, tuple(samples), tuple(sorted(jobs)))
            verdict = self._budgets.judge(use)
            if verdict and (family, label) not in there:
                began.append(self._begin(use, names, *verdict, since_ms))
        return began

    def _begin(
        self, use: LabelUse, names: list[str], reason: str, budget: int, since_ms: int
    ) -> Fold:
        values = self._store.find_first_values(names, use.label, since_ms, MAX_KNOWN)
        kept = list(values[:budget])
        if reason == "ids":
            # The few that are no ids ("none", "total") say more than ids do.
            plain = [value for value in values if not is_id(value)]
            kept = [*plain, *(value for value in values if is_id(value))][: budget + len(plain)]
        return Fold(
            metric=use.metric,
            label=use.label,
            budget=budget,
            reason=reason,
            values=use.values,
            samples=tuple(self._guard.clean_text(v)[:80] for v in use.samples[:MAX_SAMPLES]),
            services=use.services,
            since_ns=self._clock.now_ns(),
            kept=frozenset(kept),
            known=frozenset(hash(value) for value in values),
        )

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_s):
            try:
                if self._budgets:
                    self.look()
                self._keep_books()
            except Exception as error:
                # The store may be down for a while; its words may hold labels, so they stay here.
                log.warning("the guard could not look: %s", type(error).__name__)

    def _keep_books(self) -> None:
        found = self._guard.ledger.dump()
        if found is not None:
            self._store.write_guard({"found": orjson.dumps(found).decode()})


def _warn(fold: Fold) -> None:
    log.warning(
        "cardinality: %s of %s (%s) has %d values, over its budget of %d (%s); new values are "
        "folded to __overflow__; such as %s; %s",
        fold.label,
        fold.metric,
        ", ".join(fold.services) or "an unnamed service",
        fold.values,
        fold.budget,
        "ids" if fold.reason == "ids" else "too many",
        ", ".join(fold.samples[:3]),
        advise_fold(fold),
    )


def _dump_folds(guard: Guard) -> str:
    rows: list[dict[str, Any]] = []
    for state in guard.folds():
        fold = state.fold
        kept = {"kept": sorted(fold.kept), "known": ()}
        rows.append({**{f.name: getattr(fold, f.name) for f in fields(fold)}, **kept})
    return orjson.dumps(rows).decode()


def _read_fold(values: Mapping[str, Any]) -> Fold:
    changed: dict[str, Any] = {
        "samples": tuple(values["samples"]),
        "services": tuple(values["services"]),
        "kept": frozenset(values["kept"]),
        "known": frozenset(),
        "restored": True,
    }
    return Fold(**{**values, **changed})

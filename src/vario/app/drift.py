"""The watch over drift as a thread: it asks, judges, and writes what it found as metrics."""

import logging
import threading
from collections.abc import Iterator, Mapping

import numpy as np

from vario.alert.seams import make_query
from vario.clock import Clock
from vario.config import DriftSettings
from vario.drift.judge import Limits
from vario.drift.live import OVER_ALL, Scope, Traffic
from vario.drift.outcome_watch import FEATURE, OutcomeWatch, outcome_gauges
from vario.drift.reference import Reference, load_reference
from vario.drift.report import DriftReport, Invalid
from vario.drift.watch import DriftWatch, gauges
from vario.errors import VarioError
from vario.model.series import SampleBlock
from vario.query.promql.engine import PromQL
from vario.store.base import Store

log = logging.getLogger(__name__)

STOP_S = 30.0
UNJOINED = 'sum(increase(prediction_feedback_unjoined_total{reason="unknown"}[5m]))'


class DriftLoop:
    """Steps a `DriftWatch` every so often; `report` is safe from any thread."""

    def __init__(self, settings: DriftSettings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._ask = make_query(PromQL(store))
        limits = Limits(alpha=settings.alpha, least_psi=settings.least_psi)
        self._references: list[Reference] = []
        self._watch = DriftWatch(
            self._ask,
            lambda: self._references,
            settings.segments,
            limits,
            season_s=settings.season_s,
            interval_s=settings.interval_s,
        )
        self._outcomes = OutcomeWatch(self._ask, settings.segments, limits)
        self._report = DriftReport()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drift", daemon=True)
        self._told: set[tuple[str, ...]] = set()
        self._is_new = True

    def start(self) -> None:
        """Starts the thread, unless the settings switch it off."""
        if self._settings.interval_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Waits for the step in flight."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def report(self) -> DriftReport:
        """Returns what the last step found."""
        return self._report

    def _load_references(self) -> list[Reference]:
        """Returns every reference that is kept, the newest last."""
        return [
            load_reference(body, f"reference {name!r} of model {model!r}")
            for model, name, body in self._store.find_references()
        ]

    def _run(self) -> None:
        while not self._stopping.wait(self._settings.interval_s):
            self.step()

    def step(self) -> None:
        """Judges the traffic up to now; what fails is logged and reported, and tried again."""
        at_ns = self._clock.now_ns()
        at_ms = at_ns // 1_000_000
        try:
            references = self._references = self._load_references()
            self._watch.step(at_ms)
            traffic = self._watch.traffic
            newest = {reference.model_name: reference for reference in references}
            self._outcomes.step(at_ms, newest, traffic)
            if self._is_new:
                self._recall(at_ms)
                self._is_new = False
            readings, outcomes = self._watch.readings, self._outcomes.readings
            unjoined = sum(cell.value for cell in self._ask(UNJOINED, at_ms))
            self._write([*gauges(readings), *outcome_gauges(outcomes)], at_ms)
        except VarioError as error:
            log.warning("drift could not be judged: %s", error)
            self._report = self._report.failed(str(error))
            return
        self._report = DriftReport(
            at_ms=at_ms,
            readings=tuple(readings),
            references=tuple(references),
            without_reference=tuple(sorted(_find_models(traffic) - newest.keys())),
            invalid=tuple(_find_invalid(traffic)),
            outcomes=tuple(outcomes),
            unjoined=unjoined,
        )
        self._tell()

    def _recall(self, at_ms: int) -> None:
        """Takes over since when drift has held from before a restart."""
        for cell in self._ask("drift_start_time_seconds", at_ms):
            labels = dict(cell.labels)
            segments = tuple(
                (name, labels[name]) for name in self._settings.segments if name in labels
            )
            version = labels.get("model_version", OVER_ALL)
            scope = Scope(labels.get("model_name", ""), version, segments)
            feature, since_ms = labels.get("feature", ""), int(cell.value * 1000)
            if feature == FEATURE:
                self._outcomes.recall(scope, since_ms)
            else:
                self._watch.recall(scope, feature, since_ms)

    def _write(self, found: list[tuple[dict[str, str], float]], at_ms: int) -> None:
        if not found:
            return
        count = len(found)
        block = SampleBlock(
            np.arange(count + 1, dtype=np.int64),
            np.full(count, at_ms, dtype=np.int64),
            np.array([value for _, value in found]),
        )
        self._store.write_samples([labels for labels, _ in found], block)

    def _tell(self) -> None:
        """Logs what is new."""
        findings = {(f.model_name, f.version, f.feature): f for f in self._report.findings()}
        for key in sorted(findings.keys() - self._told):
            log.warning("drift: %s: %s", findings[key].model_name, findings[key].text)
        for key in sorted(self._told - findings.keys()):
            log.info("drift is over: %s", " ".join(part for part in key if part))
        self._told = set(findings)


def _find_models(traffic: Mapping[Scope, Traffic]) -> set[str]:
    return {scope.model_name for scope, part in traffic.items() if part.predictions > 0}


def _find_invalid(traffic: Mapping[Scope, Traffic]) -> Iterator[Invalid]:
    """Yields what could not be used of each model's features, over all versions."""
    for scope, part in traffic.items():
        if scope == Scope(scope.model_name):
            for name, observed in part.features.items():
                for reason, count in observed.invalid.items():
                    if count > 0:
                        yield Invalid(count, scope.model_name, name, reason)

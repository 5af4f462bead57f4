"""What investigations read, put together from the store and the drift watch."""

from collections.abc import Callable

from vario.config import CostSettings
from vario.drift.report import DriftReport
from vario.drift.watch import CALM
from vario.investigate.reader import DriftFact, EvidenceStore, Reader

_MS = 10**6


def make_reader(
    store: EvidenceStore,
    drift: DriftReport,
    costs: CostSettings,
    canceled: Callable[[], bool] = lambda: False,
) -> Reader:
    """Returns what an investigation reads.

    Args:
        store: spans, logs and metrics.
        drift: what the watch found when it last looked.
        costs: what replicas and GPUs cost.
        canceled: asked between steps whether nobody waits any more.
    """
    return Reader(store, tuple(drift_facts(drift)), canceled, costs=costs)


def drift_facts(report: DriftReport) -> list[DriftFact]:
    """Returns what a drift report holds against features, calm ones as `stable`."""
    found: list[DriftFact] = []
    for reading in report.readings:
        drift, scope = reading.drift, reading.scope
        labels = scope.labels
        told = reading.is_held and drift.verdict not in CALM
        kind = drift.verdict if told else "stable"
        before, after, p = 0.0, drift.psi, drift.psi_p
        if kind == "new_category":
            before, after, p = drift.reference_new_ratio, drift.new_ratio, drift.new_p
        elif kind != "drifted":
            before, after, p = drift.reference_missing_ratio, drift.missing_ratio, drift.missing_p
        found.append(
            DriftFact(
                model_name=scope.model_name,
                model_version=labels.get("model_version", ""),
                segment=dict(scope.segments),
                feature=drift.feature,
                kind=kind,
                before=before,
                after=after,
                rows=drift.rows,
                p=p,
                since_ns=reading.since_ms * _MS if told else 0,
            )
        )
    return found

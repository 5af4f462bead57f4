"""Rules evaluated by vario's engine over a reader in memory, all minutes of a rule at once.

Rules without `for` fire at an evaluation where their expression gives something: evaluating one
rule as a range query over all minutes, and then the next, is all rules minute by minute.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from tests.support.metric_reader import MemoryReader

from vario.alert.rulefile import RuleGroup
from vario.model.series import STALE_NAN_BITS, SampleBlock
from vario.query.promql.engine import Options, PromQL
from vario.query.promql.testing.series_text import parse_metric

MINUTE_MS = 60_000
Fired = dict[tuple[str, str], NDArray[np.bool_]]


def write(
    reader: MemoryReader, labels: Mapping[str, str], ts_ms: NDArray[np.int64], values: NDArray
) -> None:
    """Writes one series, NaN left out."""
    here = ~np.isnan(values)
    _write(reader, labels, ts_ms[here], values[here])


def _write(
    reader: MemoryReader, labels: Mapping[str, str], ts_ms: NDArray[np.int64], values: NDArray
) -> None:
    reader.write_samples([dict(labels)], SampleBlock(np.array([0, len(values)]), ts_ms, values))


def _with_markers(
    times: NDArray[np.int64], step_ms: int, ts_ms: NDArray[np.int64], values: NDArray
) -> NDArray[np.float64]:
    """Returns a value for every time: a stale marker where a rule gave none."""
    whole = np.full(len(times), STALE_NAN_BITS, dtype=np.uint64).view(np.float64)
    whole[ts_ms // step_ms] = values
    return whole


def evaluate_rules(
    groups: Sequence[RuleGroup],
    inputs: Mapping[str, NDArray[np.float64]],
    count: int,
    *,
    step_min: int = 1,
) -> Fired:
    """Returns, by SLO and window, the evaluations at which alerts fire.

    Args:
        groups: recordings and alerts, in the order of evaluation.
        inputs: series as they are written, and their values at every evaluation.
        count: how many evaluations.
        step_min: minutes from one to the next.
    """
    reader = MemoryReader()
    step_ms = step_min * MINUTE_MS
    times = step_ms * np.arange(count, dtype=np.int64)
    for name, values in inputs.items():
        write(reader, dict(parse_metric(name)[0]), times, values)
    engine = PromQL(reader, Options(pushdown_from=None))
    fired: Fired = {}
    for rule in (rule for group in groups for rule in group.rules):
        result = engine.range(rule.expr, 0, int(times[-1]), step_ms)
        for series in result.series:
            if rule.kind == "recording":
                labels = {**dict(series.labels), "__name__": rule.name, **rule.labels}
                _write(
                    reader,
                    labels,
                    times,
                    _with_markers(times, step_ms, series.ts_ms, series.values),
                )
                continue
            labels = {**dict(series.labels), **rule.labels}
            fires = fired.setdefault(
                (labels["slo"], labels["window"]), np.zeros(count, dtype=np.bool_)
            )
            fires[series.ts_ms // step_ms] = True
    return fired

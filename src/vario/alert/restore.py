"""Gives alerts back the `for` that they had served before a restart.

The state lives in the store, as series of `ALERTS_FOR_STATE`. Source: the behaviour of
Prometheus' server ("outage tolerance", "grace period").
"""

import logging
from dataclasses import dataclass

import numpy as np

from vario.alert.evaluate import ALERTS_FOR_STATE
from vario.alert.group import RuleState
from vario.alert.state import AlertState, Patience, restore_active
from vario.errors import VarioError
from vario.model.series import STALE_NAN_BITS, Matcher
from vario.query.promql.matching import LabelSet, label_set
from vario.store.base import MetricReader

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How an outage is treated; nanoseconds (see `AlertSettings`)."""

    outage_ns: int = 3600 * 10**9
    grace_ns: int = 600 * 10**9


@dataclass(frozen=True, slots=True)
class _Seen:
    """The newest `ALERTS_FOR_STATE` of an alert."""

    seen_ns: int
    active_ns: int


def restore_rule(state: RuleState, reader: MetricReader, now_ns: int, tolerance: Tolerance) -> None:
    """Moves the pending alerts of a rule back to when they began before the restart.

    A `for` shorter than the grace period is served anew: waiting the grace would take longer.
    Where the store cannot be read the rule goes on without, and fires later rather than never.
    """
    rule = state.rule
    state.restored = True
    if rule.kind == "recording" or rule.for_ms * 1_000_000 < tolerance.grace_ns:
        return
    try:
        seen = _find_seen(state, reader, now_ns, tolerance)
    except VarioError as error:
        log.warning("cannot restore the 'for' of alert %s: %s", rule.name, error)
        return
    patience = Patience(rule.for_ms * 1_000_000, rule.keep_firing_for_ms * 1_000_000)
    state.alerts = {
        key: restore_active(
            alert, seen[key].seen_ns, seen[key].active_ns, now_ns, patience, tolerance.grace_ns
        )
        if key in seen and alert.state is not AlertState.INACTIVE
        else alert
        for key, alert in state.alerts.items()
    }


def _find_seen(
    state: RuleState, reader: MetricReader, now_ns: int, tolerance: Tolerance
) -> dict[LabelSet, _Seen]:
    """Returns when each alert was last seen, by the alert's labels."""
    rule = state.rule
    wanted = {"__name__": ALERTS_FOR_STATE, "alertname": rule.name}
    # A label from a template has another value in each series.
    wanted |= {name: text for name, text in rule.labels.items() if "{{" not in text}
    matchers = [Matcher(name, "=", value) for name, value in wanted.items()]
    end_ms = now_ns // 1_000_000
    start_ms = end_ms - tolerance.outage_ns // 1_000_000
    series = reader.find_series(matchers, start_ms, end_ms)
    block = reader.fetch_samples(series, start_ms, end_ms)
    stale = block.values.view(np.uint64) == STALE_NAN_BITS
    found: dict[LabelSet, _Seen] = {}
    for i, labels in enumerate(series.labels):
        first, last = int(block.offsets[i]), int(block.offsets[i + 1]) - 1
        if last < first or stale[last]:
            continue
        key = label_set({name: text for name, text in labels.items() if name != "__name__"})
        seen_ns = int(block.ts_ms[last]) // 1000 * 10**9
        found[key] = _Seen(seen_ns, int(block.values[last]) * 10**9)
    return found

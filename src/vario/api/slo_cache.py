"""Where SLOs stand now, kept for one evaluation: between two of them, little of it changes."""

import threading

from vario.query.promql.engine import PromQL
from vario.slo.model import Slo, SloSet
from vario.slo.status import Rates, Status, evaluate_status, find_rates
from vario.store.base import MetricReader


class SloCache:
    """The statuses of the evaluation interval that is now. For any thread.

    A status reads every event of a period, which for 30 days of a busy counter takes a tenth of a
    second: ten SLOs on a page that is loaded again and again would keep a core busy.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interval = -1
        self._known: dict[str, Status] = {}

    def statuses(self, store: MetricReader, slos: SloSet, now_s: int) -> list[Status]:
        """Returns where every SLO stands now, at most one interval of evaluation old.

        Args:
            store: what was measured and recorded.
            slos: the SLOs as they are loaded now; what has changed since is evaluated anew.
            now_s: the time, in seconds since the epoch.

        Raises:
            VarioError: the store cannot be read.
        """
        interval = now_s // slos.interval_s
        with self._lock:  # who asks at the same time waits for the same answer
            if interval != self._interval:
                self._interval, self._known = interval, {}
            missing = [slo for slo in slos.slos if not self._has(slo)]
            if missing:
                promql = PromQL(store)
                rates = find_rates(promql, now_s)
                for slo in missing:
                    self._known[slo.name] = _evaluate(promql, slo, slos, now_s, rates)
            return [self._known[slo.name] for slo in slos.slos]

    def _has(self, slo: Slo) -> bool:
        known = self._known.get(slo.name)
        return known is not None and known.slo is slo


def evaluate_all(store: MetricReader, slos: SloSet, now_s: int) -> list[Status]:
    """Returns where every SLO stood at a time.

    Raises:
        VarioError: the store cannot be read.
    """
    promql = PromQL(store)
    rates = find_rates(promql, now_s)
    return [_evaluate(promql, slo, slos, now_s, rates) for slo in slos.slos]


def _evaluate(promql: PromQL, slo: Slo, slos: SloSet, now_s: int, rates: Rates) -> Status:
    return evaluate_status(promql, slo, now_s, rates, interval_s=slos.interval_s)

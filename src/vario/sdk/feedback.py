"""Feedback finds its prediction: late, out of order, even a little too early.

Hashes of the last predictions' request ids are kept, each with its labels and its score: 10 MB at
most. Feedback is then counted under the version and the segments that predicted.

| metric | of |
|---|---|
| `prediction_feedback_total` | feedback, by `accepted`, under the labels of its prediction |
| `prediction_feedback_score` | scores of predictions with feedback, by `accepted`: a histogram |
| `prediction_error` | what turned out to be true less what was predicted, of numbers |
| `prediction_feedback_unjoined_total` | feedback without its prediction, by `reason` |
"""

import math
from collections.abc import Mapping
from threading import Lock
from typing import Any

from vario.sdk.features import Labels

MOST_ANSWERS = 50_000
"""Predictions that are remembered: at 100 a second those of the last 4 to 8 minutes."""
MOST_EARLY = 10_000
"""Feedback that waits for its prediction, from one collection of metrics to the next but one."""

_SAID = ((), None)
"""Stands for a prediction whose feedback has come."""

Answer = tuple[Labels, Any]


class FeedbackJoin:
    """Remembers predictions in two generations; the older one is let go as a whole."""

    def __init__(self, meter: Any) -> None:
        self._told = meter.create_counter(
            "prediction_feedback_total", description="Feedback to predictions."
        )
        self._scores = meter.create_sketch(
            "prediction_feedback_score", description="Scores of predictions with feedback."
        )
        self._errors = meter.create_sketch(
            "prediction_error", description="What was true less what was predicted."
        )
        self._unjoined = meter.create_counter(
            "prediction_feedback_unjoined_total",
            description="Feedback whose prediction is not known.",
        )
        self._young: dict[int, Answer] = {}
        self._old: dict[int, Answer] = {}
        self._early: dict[int, tuple[Labels, Any, Any]] = {}
        self._earlier: dict[int, tuple[Labels, Any, Any]] = {}
        self._lock = Lock()

    def remember(self, request_id: str, labels: Labels, prediction: Any) -> None:
        """Takes a prediction, by which feedback to this request will be counted."""
        young, key = self._young, hash(str(request_id))
        young[key] = (labels, prediction)
        if len(young) > MOST_ANSWERS // 2:
            with self._lock:
                if len(self._young) > MOST_ANSWERS // 2:
                    self._old, self._young = self._young, {}
        if self._early or self._earlier:
            waiting = self._early.pop(key, None) or self._earlier.pop(key, None)
            if waiting is not None:
                own, accepted, actual = waiting
                self._join(key, (labels, prediction), own, accepted, actual)

    def tell(self, request_id: str, own: Labels, accepted: Any, actual: Any) -> None:
        """Takes feedback to a request; `own` are labels that it brought itself."""
        key = hash(str(request_id))
        answer = self._young.get(key) or self._old.get(key)
        if answer is not None:
            self._join(key, answer, own, accepted, actual)
        elif len(self._early) < MOST_EARLY:
            self._early[key] = (own, accepted, actual)
        else:
            self._count_unjoined(own, "unknown", 1)

    def _join(self, key: int, answer: Answer, own: Labels, accepted: Any, actual: Any) -> None:
        if answer is _SAID:
            self._count_unjoined(own, "repeated", 1)
            return
        (self._young if key in self._young else self._old)[key] = _SAID
        self.record({**dict(answer[0]), **dict(own)}, answer[1], accepted, actual)

    def record(
        self, labels: Mapping[str, str], prediction: Any, accepted: Any, actual: Any
    ) -> None:
        """Counts feedback under the labels of its prediction."""
        score = _number(prediction)
        outcome = _outcome(prediction, score, accepted, actual)
        if outcome is None:
            self._told.find(labels).record(1, 0, None)
            truth = _number(actual)
            if score is not None and truth is not None:
                self._errors.find(labels).add_values([truth - score])
            return
        found = {**labels, "accepted": "true" if outcome else "false"}
        self._told.find(found).record(1, 0, None)
        if score is not None:
            self._scores.find(found).add_values([score])

    def age(self) -> None:
        """Gives up on feedback that has waited for its prediction since the call before."""
        with self._lock:
            gone, self._earlier, self._early = self._earlier, self._early, {}
        for own, _, _ in list(gone.values()):
            self._count_unjoined(own, "unknown", 1)

    def _count_unjoined(self, own: Labels, reason: str, count: int) -> None:
        self._unjoined.find({**dict(own), "reason": reason}).record(count, 0, None)


def _number(value: Any) -> float | None:
    """Returns a finite number as a float, None for anything else."""
    if isinstance(value, bool | str) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _outcome(prediction: Any, score: float | None, accepted: Any, actual: Any) -> bool | None:
    """Returns whether a prediction came true; None where it is no such question.

    A score between 0 and 1 comes true by a boolean, 0 or 1; a label by the same label.
    """
    if accepted is not None:
        return bool(accepted)
    if actual is None:
        return None
    if isinstance(prediction, str | bool):
        return bool(prediction == actual)
    is_flag = isinstance(actual, bool) or type(actual).__name__ == "bool" or actual in (0, 1)
    if score is not None and 0 <= score <= 1 and is_flag:
        return bool(actual)
    return None

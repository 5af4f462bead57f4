"""What the watch has learned of each feature in each part of the traffic."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from vario.drift.bins import Floats
from vario.drift.dispersion import LEAST_BLOCKS, Blocks, Dispersion, dispersion_of, study_blocks
from vario.drift.early import EarlyWarning, RatioDetector
from vario.drift.judge import Window
from vario.drift.live import OVER_ALL, Scope

MOST_BLOCKS = 48

Subject = tuple[Scope, str, str]
"""A scope, a feature's name and its reference's."""


@dataclass(slots=True)
class Memory:
    """What a feature was before in windows of one length.

    Attributes:
        alarms: whether the last looks found something.
        since_ms: when that began, 0 where there is nothing.
    """

    alarms: deque[bool] = field(default_factory=lambda: deque[bool](maxlen=3))
    since_ms: int = 0
    _blocks: deque[Floats] = field(default_factory=lambda: deque[Floats](maxlen=MOST_BLOCKS))
    _block_ms: int = 0
    _studied: Blocks | None = None

    @property
    def blocks(self) -> Blocks | None:
        """What the healthy windows show, None before there are enough of them."""
        if self._studied is None and len(self._blocks) >= LEAST_BLOCKS:
            self._studied = study_blocks(np.stack(self._blocks))
        return self._studied

    def learn(self, window: Window, at_ms: int, window_ms: int) -> None:
        """Keeps a healthy window, if it does not overlap the one kept before."""
        if at_ms - self._block_ms >= window_ms:
            self._block_ms = at_ms
            self._blocks.append(np.append(window.counts, window.missing))
            self._studied = None


class Learned:
    """Memories by subject and length of window, and the detectors by minute of each subject."""

    def __init__(self, alpha: float, new_ms: int) -> None:
        """Begins with nothing.

        Args:
            alpha: false-alarm probability of a verdict.
            new_ms: so long nothing is told where it is unknown by how much counts vary.
        """
        self._alpha = alpha
        self._new_ms = new_ms
        self._memories: dict[tuple[Subject, int], Memory] = {}
        self._early: dict[Subject, EarlyWarning] = {}

    def memory(self, subject: Subject, window_s: int) -> Memory:
        """Returns what is remembered of a subject; nothing at first."""
        return self._memories.setdefault((subject, window_s), Memory())

    def early(self, subject: Subject, at_ms: int) -> EarlyWarning:
        """Returns a subject's detectors, new ones where it has none."""
        found = self._early.get(subject)
        if found is None:
            found = self._early[subject] = EarlyWarning(RatioDetector(self._alpha), at_ms)
        return found

    def dispersion(self, subject: Subject, window_s: int, rows: float, at_ms: int) -> Dispersion:
        """Returns by how much a subject's counts vary.

        A scope that is new (a version that has just been released) is taken to vary as what it is
        a part of does. Where that is new too, nothing is told for the first minutes.

        Args:
            subject: whose counts.
            window_s: length of the window, seconds.
            rows: rows that it holds.
            at_ms: its end, milliseconds since the epoch.
        """
        minutes, blocks = math.nan, None
        for wider in _outwards(subject):
            early = self._early.get(wider)
            if math.isnan(minutes) and early is not None:
                minutes = early.effect()
            memory = self._memories.get((wider, window_s))
            if blocks is None and memory is not None:
                blocks = memory.blocks
            if blocks is not None and not math.isnan(minutes):
                break
        if math.isnan(minutes) and 0 <= at_ms - self.early(subject, at_ms).since_ms < self._new_ms:
            minutes = math.inf
        return dispersion_of(minutes, blocks, rows, self._alpha)

    def recall(self, scope: Scope, feature: str, since_ms: int) -> None:
        """Takes over from before a restart that a verdict has held since some time."""
        for ((found, name, _), _), memory in self._memories.items():
            if (found, name) == (scope, feature) and memory.since_ms:
                memory.since_ms = min(memory.since_ms, since_ms)

    def keep(self, subjects: Iterable[Subject]) -> None:
        """Drops what is remembered of any other subject."""
        kept = set(subjects)
        self._memories = {key: m for key, m in self._memories.items() if key[0] in kept}
        self._early = {key: early for key, early in self._early.items() if key in kept}


def _outwards(subject: Subject) -> Iterator[Subject]:
    """Yields a subject, the same over all versions, and over all of the model's traffic."""
    scope, feature, reference = subject
    yield subject
    yield replace(scope, model_version=OVER_ALL), feature, reference
    yield Scope(scope.model_name), feature, reference

"""Requests of a service by release and time, with their durations counted in buckets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vario.model.telemetry import TimeRange

BUCKETS_PER_OCTAVE = 16
"""Bucket i holds durations from 2^(i/16) to 2^((i+1)/16) ns: 4.4 % wide."""


@dataclass(frozen=True, slots=True)
class LoadTable:
    """One row for each step, version, segment and bucket that has requests.

    Attributes:
        window: what was read, in steps of `step_ns`.
        versions: texts that `version` is an index into; sorted.
        segments: texts that `segment` is an index into; sorted.
        step: index of the step, shape (rows,), as all that follow.
        version: index of the version.
        segment: index of the segment.
        bucket: number of the bucket of durations.
        count: requests.
        errors: those of them that failed.
    """

    window: TimeRange
    step_ns: int
    versions: tuple[str, ...]
    segments: tuple[str, ...]
    step: NDArray[np.int64]
    version: NDArray[np.int64]
    segment: NDArray[np.int64]
    bucket: NDArray[np.int64]
    count: NDArray[np.float64]
    errors: NDArray[np.float64]

    @property
    def steps(self) -> int:
        """How many steps the window has."""
        return -(-self.window.duration_ns // self.step_ns)


@dataclass(frozen=True, slots=True)
class ReplicaCount:
    """Instances of a version that answered requests in a step."""

    step: int
    version: str
    replicas: int

"""Contract of the store: requests by release, and who answered them. See `base.py`."""

from typing import Literal, Protocol

from vario.model.load import LoadTable, ReplicaCount
from vario.model.telemetry import TimeRange

SegmentBy = Literal["none", "region", "operation"]


class LoadReader(Protocol):
    """Reads how much a service had to do, how long it took, and by how many it was done."""

    def read_load(
        self,
        service: str,
        window: TimeRange,
        *,
        step_ns: int,
        model: str = "",
        by: SegmentBy = "none",
    ) -> LoadTable:
        """Counts requests by step, version, segment and bucket of duration.

        Requests that a sampler let go are counted too.
        """
        ...

    def count_replicas(
        self, service: str, window: TimeRange, *, step_ns: int
    ) -> list[ReplicaCount]:
        """Counts the instances (`service.instance.id`, else `host.name`) of each version by step.

        Empty where spans do not name their instance.
        """
        ...

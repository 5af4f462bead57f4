"""Reads a service's requests by release and time out of entry spans."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vario.model.load import BUCKETS_PER_OCTAVE, LoadTable, ReplicaCount
from vario.model.telemetry import TimeRange
from vario.store.base_load import SegmentBy
from vario.store.engine import Engine
from vario.store.services import entries_of
from vario.store.windows import IN_WINDOW, STEP, bind_window

_SEGMENTS: Mapping[SegmentBy, str] = {
    "none": "''",
    "region": "Region",
    "operation": "toString(SpanName)",
}
_INSTANCE = (
    "if(ResourceAttributes['service.instance.id'] != '',"
    " ResourceAttributes['service.instance.id'], ResourceAttributes['host.name'])"
)


class LoadQueries:
    """`vario.store.base_load.LoadReader` over entry spans."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read_load(
        self,
        service: str,
        window: TimeRange,
        *,
        step_ns: int,
        model: str = "",
        by: SegmentBy = "none",
    ) -> LoadTable:
        """Counts requests by step, version, segment and bucket of duration."""
        of_model = " AND ModelName = {model:String}" if model else ""
        entries = entries_of(self._engine)
        columns = self._engine.query_columns(
            f"""
            SELECT {STEP} AS step, toString(ModelVersion) AS version,
                toString({_SEGMENTS[by]}) AS segment,
                toInt32(floor(log2(greatest(Duration, 1)) * {BUCKETS_PER_OCTAVE} + 1e-9)) AS bucket,
                sum(Weight) AS count, sumIf(Weight, IsError) AS errors
            FROM {entries} {IN_WINDOW} AND ServiceName = {{service:String}}{of_model}
            GROUP BY step, version, segment, bucket HAVING count > 0
            """,
            {**bind_window(window, step_ns), "service": service, "model": model},
        )
        versions, version = _index(columns["version"])
        segments, segment = _index(columns["segment"])
        return LoadTable(
            window=window,
            step_ns=step_ns,
            versions=versions,
            segments=segments,
            step=np.asarray(columns["step"], dtype=np.int64),
            version=version,
            segment=segment,
            bucket=np.asarray(columns["bucket"], dtype=np.int64),
            count=np.asarray(columns["count"], dtype=np.float64),
            errors=np.asarray(columns["errors"], dtype=np.float64),
        )

    def count_replicas(
        self, service: str, window: TimeRange, *, step_ns: int
    ) -> list[ReplicaCount]:
        """Counts the instances of each version by step, in order of step and version."""
        rows = self._engine.query_rows(
            f"""
            SELECT {STEP} AS step, toString(ModelVersion) AS version, uniqExact({_INSTANCE})
            FROM otel_traces
            WHERE IsEntry AND {IN_WINDOW} AND ServiceName = {{service:String}}
                AND {_INSTANCE} != ''
            GROUP BY step, version ORDER BY step, version
            """,
            {**bind_window(window, step_ns), "service": service},
        )
        return [ReplicaCount(*row) for row in rows]


def _index(texts: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Returns the different texts, sorted, and where each text is among them."""
    known = sorted(set(texts))
    position = {text: number for number, text in enumerate(known)}
    return tuple(known), np.array([position[text] for text in texts], dtype=np.int64)

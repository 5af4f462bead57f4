"""What takes the space: rows and bytes by signal, service, metric and label."""

from collections.abc import Mapping, Sequence

from vario.model.retention import LabelUsage, MetricUsage, Piece, ServiceUsage, Usage
from vario.model.telemetry import TimeRange
from vario.store.engine import Engine
from vario.store.growth import find_growth
from vario.store.pieces import find_pieces

_JOB = "splitByChar('/', labels['job'])[-1]"
_TOP = 50
_HOUR_NS = 3_600_000_000_000


class UsageQueries:
    """Answers over the parts' sizes, and over rows where sizes say nothing.

    Bytes by service are the table's bytes by the share of its rows: rows of one table are of much
    the same size. Metrics are judged by what the last hour brought, which is what can be changed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_usage(self, now_ns: int) -> Usage:
        """Returns what takes the space now."""
        pieces = find_pieces(self._engine)
        hour = TimeRange(now_ns - _HOUR_NS, now_ns)
        return Usage(
            pieces=tuple(pieces),
            services=tuple(self._services(pieces)),
            metrics=tuple(self._metrics(hour)),
            labels=tuple(self._labels()),
            growth=tuple(find_growth(self._engine, pieces, now_ns)),
        )

    def _services(self, pieces: Sequence[Piece]) -> list[ServiceUsage]:
        found: list[ServiceUsage] = []
        for kind, table in (("traces", "otel_traces"), ("logs", "otel_logs")):
            rows = dict(
                self._engine.query_rows(f"SELECT ServiceName, count() FROM {table} GROUP BY 1")
            )
            found += _shared(kind, rows, sum(p.bytes for p in pieces if p.table == table))
        rows = dict(
            self._engine.query_rows(
                f"SELECT {_JOB} AS job, sum(n) FROM"
                " (SELECT id, count() AS n FROM metric_samples GROUP BY id) AS samples"
                " INNER JOIN (SELECT DISTINCT id, labels FROM metric_series) AS series USING (id)"
                " GROUP BY job"
            )
        )
        found += _shared("metrics", rows, sum(p.bytes for p in pieces if p.kind == "metrics"))
        return sorted(found, key=lambda one: (-one.bytes, one.kind, one.service))

    def _metrics(self, hour: TimeRange) -> list[MetricUsage]:
        rows = self._engine.query_rows(
            "SELECT name, sum(n) AS samples, count() FROM"
            " (SELECT id, count() AS n FROM metric_samples"
            " WHERE ts >= fromUnixTimestamp64Nano({start:Int64})"
            " AND ts < fromUnixTimestamp64Nano({end:Int64}) GROUP BY id) AS samples"
            " INNER JOIN (SELECT DISTINCT id, name FROM metric_series) AS series USING (id)"
            f" GROUP BY name ORDER BY samples DESC, name LIMIT {_TOP}",
            {"start": hour.start_ns, "end": hour.end_ns},
        )
        return [MetricUsage(name, samples, series) for name, samples, series in rows]

    def _labels(self) -> list[LabelUsage]:
        rows = self._engine.query_rows(
            "SELECT name, label, uniq(value) AS values, uniq(id) FROM (SELECT id, name,"
            " arrayJoin(arrayZip(mapKeys(labels), mapValues(labels))) AS pair,"
            " pair.1 AS label, pair.2 AS value FROM metric_series) WHERE label != '__name__'"
            f" GROUP BY name, label ORDER BY values DESC, name, label LIMIT {_TOP}"
        )
        return [LabelUsage(*row) for row in rows]


def _shared(kind: str, rows: Mapping[str, int], size: int) -> list[ServiceUsage]:
    total = max(sum(rows.values()), 1)
    return [
        ServiceUsage(kind, service, count, size * count // total) for service, count in rows.items()
    ]

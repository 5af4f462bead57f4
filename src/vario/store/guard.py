"""What the guards ask of the store: how many values labels have, and where their books are."""

from collections.abc import Mapping, Sequence

from vario.store.engine import Engine

_SEEN = "last_seen > fromUnixTimestamp64Milli({since:Int64})"
_SAMPLES = 5
_JOBS = 10


class GuardQueries:
    """What `vario.guard.watch` asks, over the tables of metrics."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count_series_by_name(self, since_ms: int) -> Mapping[str, int]:
        """Returns how many series each name has had since a time."""
        sql = f"SELECT name, uniq(id) FROM metric_series WHERE {_SEEN} GROUP BY name"
        return {name: int(n) for name, n in self._engine.query_rows(sql, {"since": since_ms})}

    def measure_labels(
        self, names: Sequence[str], since_ms: int, id_pattern: str
    ) -> list[tuple[str, int, int, list[str], list[str]]]:
        """Returns label, values, ids, samples and jobs of the series of these names.

        Numbers of values are HyperLogLog's, exact below some thousand.
        """
        sql = (
            "SELECT pair.1 AS label, uniqCombined(pair.2) AS n,"
            " uniqCombinedIf(pair.2, match(pair.2, {ids:String})) AS ids,"
            f" groupUniqArray({_SAMPLES})(pair.2) AS samples,"
            f" groupUniqArray({_JOBS})(job) AS jobs"
            " FROM (SELECT labels['job'] AS job, arrayJoin(arrayZip(mapKeys(labels),"
            " mapValues(labels))) AS pair FROM metric_series"
            f" WHERE name IN {{names:Array(String)}} AND {_SEEN})"
            " WHERE label != '__name__' GROUP BY label ORDER BY label"
        )
        params = {"names": list(names), "since": since_ms, "ids": id_pattern}
        return [
            (label, int(n), int(ids), list(samples), [job for job in jobs if job])
            for label, n, ids, samples, jobs in self._engine.query_rows(sql, params)
        ]

    def find_first_values(
        self, names: Sequence[str], label: str, since_ms: int, limit: int
    ) -> list[str]:
        """Returns values of a label, those first seen first."""
        sql = (
            "SELECT labels[{label:String}] AS value FROM metric_series"
            f" WHERE name IN {{names:Array(String)}} AND {_SEEN} AND value != ''"
            " GROUP BY value ORDER BY min(first_seen), value LIMIT {limit:UInt64}"
        )
        params = {"names": list(names), "label": label, "since": since_ms, "limit": limit}
        return [row[0] for row in self._engine.query_rows(sql, params)]

    def find_counters(self) -> frozenset[str]:
        """Returns the metrics whose metadata says counter."""
        sql = "SELECT DISTINCT name FROM metric_metadata WHERE type = 'counter'"
        return frozenset(row[0] for row in self._engine.query_rows(sql))

    def read_guard(self) -> Mapping[str, str]:
        """Returns what was written, by name."""
        sql = "SELECT name, argMax(value, at) FROM vario_guard GROUP BY name"
        return dict(self._engine.query_rows(sql))

    def write_guard(self, values: Mapping[str, str]) -> None:
        """Writes texts by name."""
        sql = (
            "INSERT INTO vario_guard (name, value) SELECT name, value FROM (SELECT 1) "
            "ARRAY JOIN {names:Array(String)} AS name, {values:Array(String)} AS value"
        )
        names, texts = list(values), list(values.values())
        self._engine.command(sql, {"names": names, "values": texts})

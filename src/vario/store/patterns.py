"""Log patterns: bodies grouped by what stays the same, counted in a window and before it.

The engine masks every word with a digit in it, and every quoted text; a template in which one place
takes many words is then given a wildcard there. Where there are many records, seconds of the time
are sampled: whole pieces of the table are then left unread, which a sample of records would not do.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vario.model.filter import SEVERITIES, And, Compare, Field, Filter
from vario.model.pattern import WILDCARD, FieldCounts, LogPattern, LogPatterns
from vario.model.telemetry import LogRecord, Signal, TimeRange
from vario.store.engine import Engine
from vario.store.filter_sql import SEVERITY_LEVEL, compile_filter
from vario.store.windows import LOGS_IN_WINDOW, bind_window

MOST_RECORDS = 400_000
"""Records that are masked for one answer (400,000 of 60 characters: 0.5 s of CPU)."""
MOST_FIELD_RECORDS = 60_000
BODY_CHARACTERS = 300
"""Of a body, so much is looked at."""
STEPS = 12
"""Steps of time in which a pattern's records are counted, in window and baseline each."""
VARIANTS = 8
"""So many words in one place of a template make it a wildcard."""

_MOST_TEMPLATES = 5_000
_MOST_VALUES = 40
_GRANULE = 8192
# What is quoted, then every word with a digit in it: numbers, ids, times, addresses, versions.
_MASK = r"""(?i)"(?:[^"\\]|\\.)*"|\B'[^']*'\B|[\w.:+-]*[0-9][\w.:+-]*"""
_REPEATED = r"<\*>(?:[\s,;|]+<\*>)+"
_TEMPLATE = (
    f"replaceRegexpAll(replaceRegexpAll(leftUTF8(Body, {BODY_CHARACTERS}), {{mask:String}}, '<*>'),"
    " {repeated:String}, '<*>')"
)
_IN_BASELINE = LOGS_IN_WINDOW.replace("{", "{b_")
_NOTHING = TimeRange(0, 0)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Which seconds are read: one stripe of `stripe_s` in `every`."""

    every: int
    stripe_s: int

    @property
    def sql(self) -> str:
        """Condition that holds for the records that are read."""
        if self.every == 1:
            return "1"
        stripe = f"intDiv(toUnixTimestamp(TimestampTime), {self.stripe_s})"
        return f"cityHash64({stripe}) % {self.every} = 0"


class PatternQueries:
    """`vario.store.base.PatternReader` over otel_logs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_log_patterns(
        self,
        where: Filter,
        window: TimeRange,
        *,
        baseline: TimeRange | None = None,
        limit: int = 200,
        most_records: int = MOST_RECORDS,
    ) -> LogPatterns:
        """Returns the patterns of the records that match, the most frequent first."""
        total, sample = self._sample(where, window, baseline, most_records)
        condition = compile_filter(where, Signal.LOGS)
        rows = self._engine.query_rows(
            f"""
            WITH {LOGS_IN_WINDOW} AS inside,
                toUInt16(if(inside,
                    {STEPS} + intDiv(toUnixTimestamp64Nano(Timestamp) - {{start_ns:Int64}},
                        {{step_ns:Int64}}),
                    intDiv(toUnixTimestamp64Nano(Timestamp) - {{b_start_ns:Int64}},
                        {{b_step_ns:Int64}}))) AS step
            SELECT ServiceName, {SEVERITY_LEVEL} AS level, {_TEMPLATE} AS template,
                sumMap([step], [toUInt64(1)]) AS steps,
                toUnixTimestamp64Nano(minIf(Timestamp, inside)),
                argMax((toUnixTimestamp64Nano(Timestamp), TraceId, SpanId, SeverityText,
                    SeverityNumber, Body), (inside, TraceId != '', Timestamp))
            FROM otel_logs
            WHERE (({LOGS_IN_WINDOW}) OR ({_IN_BASELINE})) AND ({sample.sql}) AND ({condition.sql})
            GROUP BY ServiceName, level, template
            ORDER BY count() DESC, template LIMIT {_MOST_TEMPLATES}
            """,
            {**_bind(window, baseline), **condition.params, "mask": _MASK, "repeated": _REPEATED},
        )
        patterns = merge_patterns(_read(row) for row in rows)
        counted = [
            sum(sum(pattern.counts[part]) for pattern in patterns)
            for part in (slice(0, STEPS), slice(STEPS, None))
        ]
        shown = patterns if baseline else [_only_window(pattern) for pattern in patterns]
        return LogPatterns(
            patterns=tuple(shown[:limit]),
            window=window,
            baseline=baseline,
            records=counted[1],
            baseline_records=counted[0],
            sampled=total,
            baseline_steps=STEPS if baseline else 0,
            steps=STEPS,
        )

    def find_log_fields(
        self,
        where: Filter,
        window: TimeRange,
        baseline: TimeRange,
        *,
        most_records: int = MOST_FIELD_RECORDS,
    ) -> list[FieldCounts]:
        """Counts the values of the attributes that have few of them, in window and baseline."""
        _, sample = self._sample(where, window, baseline, most_records)
        names = self._few_valued(where, window, baseline, sample)
        if not names:
            return []
        condition = compile_filter(where, Signal.LOGS)
        rows = self._engine.query_rows(
            f"""
            SELECT key, value, countIf(inside), countIf(NOT inside) FROM (
                SELECT {LOGS_IN_WINDOW} AS inside, LogAttributes FROM otel_logs
                WHERE (({LOGS_IN_WINDOW}) OR ({_IN_BASELINE})) AND ({sample.sql})
                    AND ({condition.sql}))
            ARRAY JOIN mapKeys(LogAttributes) AS key, mapValues(LogAttributes) AS value
            WHERE key IN {{names:Array(String)}}
            GROUP BY key, value ORDER BY key, value
            """,
            {**_bind(window, baseline), **condition.params, "names": names},
        )
        found: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
        for key, value, inside, before in rows:
            counts = found.setdefault(key, ({}, {}))
            for target, count in zip(counts, (inside, before), strict=True):
                if count:
                    target[value] = count
        return [FieldCounts(name, *counts) for name, counts in found.items()]

    def _few_valued(
        self, where: Filter, window: TimeRange, baseline: TimeRange, sample: _Sample
    ) -> list[str]:
        """Lists attributes with few values, by some of the records of both times."""
        condition = compile_filter(where, Signal.LOGS)

        def some_of(time: str) -> str:
            return (
                f"SELECT LogAttributes FROM otel_logs WHERE ({time})"
                f" AND ({sample.sql}) AND ({condition.sql}) LIMIT 5000"
            )

        rows = self._engine.query_rows(
            f"""
            SELECT key FROM
                ({some_of(LOGS_IN_WINDOW)} UNION ALL {some_of(_IN_BASELINE)})
            ARRAY JOIN mapKeys(LogAttributes) AS key, mapValues(LogAttributes) AS value
            GROUP BY key
            HAVING uniq(value) <= {_MOST_VALUES} AND max(length(value)) <= 200
            ORDER BY key
            """,
            {**_bind(window, baseline), **condition.params},
        )
        return [row[0] for row in rows]

    def _sample(
        self, where: Filter, window: TimeRange, baseline: TimeRange | None, most: int
    ) -> tuple[float, _Sample]:
        """Returns the share of records that is read, and how it is chosen.

        Only the service is heeded, for the rest of a filter may cost more than what it saves.
        """
        service = _service_of(where)
        of_service = " AND ServiceName = {service:String}" if service else ""

        def count(sample: _Sample) -> int:
            rows = self._engine.query_rows(
                f"SELECT count() FROM otel_logs WHERE (({LOGS_IN_WINDOW}) OR ({_IN_BASELINE}))"
                f"{of_service} AND ({sample.sql})",
                {**_bind(window, baseline), "service": service},
            )
            return rows[0][0]

        total = count(_Sample(1, 1))
        if total <= most:
            return 1.0, _Sample(1, 1)
        seconds = (window.duration_ns + (baseline or _NOTHING).duration_ns) / 1e9
        every = -(-total // most)
        # Stripes shorter than what the engine reads at once would save nothing; few and long ones
        # would be no sample.
        longest = max(1, int(seconds / every / 20))
        sample = _Sample(every, min(longest, max(1, round(2 * _GRANULE * seconds / total))))
        return count(sample) / total, sample


def _bind(window: TimeRange, baseline: TimeRange | None) -> dict[str, Any]:
    before = bind_window(baseline or _NOTHING, _step(baseline or _NOTHING))
    return {
        **bind_window(window, _step(window)),
        **{f"b_{name}": value for name, value in before.items()},
    }


def _step(window: TimeRange) -> int:
    return max(1, -(-window.duration_ns // STEPS))


def _service_of(where: Filter) -> str:
    """Returns the one service that a filter is limited to, empty where it is not."""
    operands = where.operands if isinstance(where, And) else (where,)
    for operand in operands:
        match operand:
            case Compare(Field("intrinsic", "service.name"), "=", str(service)):
                return service
            case And():
                if found := _service_of(operand):
                    return found
            case _:
                pass
    return ""


def _read(row: Sequence[Any]) -> LogPattern:
    service, level, template, (steps, numbers), first_ns, example = row
    counts = [0] * (2 * STEPS)
    for step, number in zip(steps, numbers, strict=True):
        counts[step] += number
    time_ns, trace_id, span_id, severity_text, severity_number, body = example
    record = LogRecord(
        time_ns, trace_id, span_id, severity_text, severity_number, service, body, {}, {}
    )
    return _count_up(
        LogPattern(
            service=service,
            severity=SEVERITIES[level - 1] if level else "",
            template=template,
            count=0,
            baseline=0,
            first_ns=first_ns,
            counts=tuple(counts),
            examples=(record,),
        )
    )


def _count_up(pattern: LogPattern) -> LogPattern:
    inside, before = sum(pattern.counts[STEPS:]), sum(pattern.counts[:STEPS])
    first_ns = pattern.first_ns if inside else 0
    return replace(pattern, count=inside, baseline=before, first_ns=first_ns)


def _only_window(pattern: LogPattern) -> LogPattern:
    return replace(pattern, counts=pattern.counts[STEPS:])


def merge_patterns(patterns: Iterable[LogPattern]) -> list[LogPattern]:
    """Returns the patterns, those that differ in one word of many joined, most frequent first.

    Two messages that differ in one word are two (`hit` and `miss`); `VARIANTS` of them in which all
    else is the same are one whose word varies. Drain asks for a share of equal words instead, and
    so joins what must be told apart.
    """
    found = list(patterns)
    for _ in range(3):
        merged = _merge_once(found)
        if len(merged) == len(found):
            break
        found = merged
    return sorted(found, key=lambda one: (-one.count - one.baseline, one.service, one.template))


def _merge_once(patterns: Sequence[LogPattern]) -> list[LogPattern]:
    frames: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    whole = {(one.service, one.severity, one.template): i for i, one in enumerate(patterns)}
    for index, pattern in enumerate(patterns):
        words = pattern.template.split(" ")
        if 1 < len(words) <= 40:
            for place, word in enumerate(words):
                if word != WILDCARD:
                    frame = " ".join((*words[:place], WILDCARD, *words[place + 1 :]))
                    frames[pattern.service, pattern.severity, frame].append(index)
    joined: set[int] = set()
    merged: list[LogPattern] = []
    for frame, members in sorted(frames.items(), key=lambda item: -len(item[1])):
        same = [whole[frame]] if frame in whole else []
        left = [index for index in (*members, *same) if index not in joined]
        if len(left) >= VARIANTS:
            joined.update(left)
            merged.append(_join(frame[2], [patterns[index] for index in left]))
    return merged + [pattern for i, pattern in enumerate(patterns) if i not in joined]


def _join(template: str, members: Sequence[LogPattern]) -> LogPattern:
    most = max(members, key=lambda one: one.count)
    return _count_up(
        replace(
            most,
            template=template,
            counts=tuple(map(sum, zip(*(one.counts for one in members), strict=True))),
            first_ns=min((one.first_ns for one in members if one.count), default=0),
        )
    )

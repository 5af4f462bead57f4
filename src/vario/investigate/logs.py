"""Log patterns that are new or multiplied since the onset, and values that records now carry.

Lines are counted for each request of the slice, so that a surge multiplies nothing; a pattern that
multiplied outside the slice just as much is no suspect of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import numpy as np

from vario.investigate.case import Case, Clue
from vario.investigate.evidence import Notebook, Select, format_select
from vario.investigate.frame import (
    believe,
    join,
    judge_time,
    make_effect,
    outside,
    percent,
    say_scope,
    scope_filter,
)
from vario.investigate.rates import (
    FALSE_DISCOVERIES,
    Change,
    Tally,
    adjust,
    compare_rates,
    compare_shares,
)
from vario.investigate.reader import Reader
from vario.model.filter import Compare, Field, Filter
from vario.model.investigation import Evidence, Finding, LogLine
from vario.model.pattern import WILDCARD, FieldCounts, LogPattern, LogPatterns
from vario.model.telemetry import LogRecord, Signal, TimeRange
from vario.query.filter_text import format_filter

MOST_FINDINGS = 3
_MOST_RECORDS = 200_000
"""Of the slice's time, so many records are looked at (1 s of CPU); half as many of the rest."""
_LEAST_RECORDS = 5
_LEAST_SHIFT = 0.05
"""By so much the share of a value must rise, by the lower bound."""
_LEAST_RATIO = {"WARN": 1.5, "ERROR": 1.5, "FATAL": 1.5}
"""How many times as frequent a pattern must be by the lower bound; 3 for lesser severities."""
_CEILING = {"FATAL": 0.75, "ERROR": 0.75, "WARN": 0.7}
# What came out, what names one thing, and what is told by other probers.
_NO_SUSPECT = re.compile(
    r"(.*[._])?(level|severity|status|status_code|latency.*|duration.*|region|model_version"
    r"|model_name|service|version|prediction|error|.*_ms|.*_id|id|message|route|method|path)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A pattern and how its frequency changed; `q` is adjusted over all patterns."""

    pattern: LogPattern
    change: Change
    q: float

    @property
    def verdict(self) -> Literal["new", "more", "same", "less", "gone"]:
        """What became of it."""
        if self.q > FALSE_DISCOVERIES or self.pattern.count + self.pattern.baseline < 3:
            return "same"
        if self.change.ratio > 1:
            return "more" if self.pattern.baseline else "new"
        return "less" if self.pattern.count else "gone"


def judge_patterns(
    found: LogPatterns, *, exposure: tuple[float, float] | None = None
) -> list[Judged]:
    """Returns each pattern with its change, in the order given.

    Args:
        found: patterns of a window and of its baseline.
        exposure: what lines are counted for, in baseline and window: requests; else the time.
    """
    split = found.baseline_steps
    baseline = found.baseline.duration_ns if found.baseline else 0
    before, after = exposure or (baseline / 1e9, found.window.duration_ns / 1e9)
    shares = (before / max(split, 1) * found.sampled, after / max(found.steps, 1) * found.sampled)
    changes = [
        compare_rates(
            Tally(counts[:split], np.full(split, shares[0])),
            Tally(counts[split:], np.full(len(counts) - split, shares[1])),
        )
        for counts in (np.array(one.counts, dtype=np.float64) for one in found.patterns)
    ]
    adjusted = adjust([change.p for change in changes])
    return [Judged(*one) for one in zip(found.patterns, changes, adjusted, strict=True)]


def filter_of(pattern: LogPattern) -> Filter:
    """Returns a filter that the records of a pattern match (and those that look the same)."""
    # Where the template was cut, more may follow.
    cut = len(pattern.examples[0].body) > 300 if pattern.examples else False
    parts = [re.escape(part) for part in pattern.template.split(WILDCARD)]
    expression = ".*".join(re.sub(r"\\([ \-#&~])", r"\1", part) for part in parts)
    body = (
        Compare(Field("intrinsic", "body"), "=~", expression + (".*" if cut else ""))
        if cut or WILDCARD in pattern.template
        else Compare(Field("intrinsic", "body"), "=", pattern.template)
    )
    service = Compare(Field("intrinsic", "service.name"), "=", pattern.service)
    if not pattern.severity:
        return join(service, body)
    severity = Compare(Field("intrinsic", "severity"), "=", pattern.severity)
    return join(service, severity, body)


def probe_logs(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns patterns that are new or multiplied in the slice, and fields whose values shifted."""
    requests = tuple(
        float(reader.store.count_spans(case.slice, part)) for part in (case.baseline, case.window)
    )
    if min(requests) < 1:
        return ()
    where = scope_filter(case, Signal.LOGS)
    found = reader.store.find_log_patterns(
        where, case.window, baseline=case.baseline, most_records=_MOST_RECORDS
    )
    if not found.records:
        return ()
    judged = judge_patterns(found, exposure=(requests[0], requests[1]))
    suspects = [one for one in judged if _is_suspect(one)]
    book = Notebook(reader)
    control = _judge_control(reader, case, where) if suspects else {}
    clues = [_tell(reader, book, case, where, one, control, found) for one in suspects]
    clues.sort(key=lambda one: -one.confidence)
    return [*clues[:MOST_FINDINGS], *_probe_fields(reader, book, case, where)]


def _is_suspect(judged: Judged) -> bool:
    pattern, least = judged.pattern, _LEAST_RATIO.get(judged.pattern.severity, 3.0)
    return (
        judged.verdict in ("new", "more")
        and pattern.count >= _LEAST_RECORDS
        and judged.change.ratio_low >= least
    )


def _key(pattern: LogPattern) -> tuple[str, str, str]:
    return pattern.service, pattern.severity, pattern.template


def _judge_control(
    reader: Reader, case: Case, where: Filter
) -> dict[tuple[str, str, str], Change] | None:
    """Returns how patterns changed outside the slice, None where there is no outside."""
    rest = outside(where)
    if rest is None or case.control is None:
        return None
    before, after = (
        float(reader.store.count_spans(case.control, part)) for part in (case.baseline, case.window)
    )
    if min(before, after) < 1:
        return None
    found = reader.store.find_log_patterns(
        rest, case.window, baseline=case.baseline, limit=1_000, most_records=_MOST_RECORDS // 2
    )
    judged = judge_patterns(found, exposure=(before, after))
    return {_key(one.pattern): one.change for one in judged}


def _tell(
    reader: Reader,
    book: Notebook,
    case: Case,
    where: Filter,
    judged: Judged,
    control: dict[tuple[str, str, str], Change] | None,
    found: LogPatterns,
) -> Finding:
    pattern, change = judged.pattern, judged.change
    lines = join(filter_of(pattern), where)
    elsewhere = control.get(_key(pattern)) if control is not None else None
    spread_wide = elsewhere is not None and elsewhere.ratio_low > 1.2
    factor = 0.75 if control is None else 0.25 if spread_wide else 1.0
    times = "new" if judged.verdict == "new" else f"{change.ratio:.1f} times as frequent as before"
    sampled = "" if found.sampled == 1 else f" (from {percent(found.sampled)} of the records)"
    began_ns = pattern.first_ns if judged.verdict == "new" else 0
    records = _find(reader, lines, case.window)
    return Finding(
        kind="log",
        subject={"pattern": pattern.template, "service": pattern.service},
        statement=(
            f'{pattern.service} logs {pattern.severity or "records"} "{_shorten(pattern.template)}"'
            f"{say_scope(case)}: {times}, {change.after:.3g} for each request{sampled}."
        ),
        effect=make_effect(
            "records per request", "1", change.before, change.after, (change.low, change.high)
        ),
        confidence=believe(
            q=judged.q,
            timing=judge_time(case, began_ns),
            control=factor,
            ceiling=_CEILING.get(pattern.severity, 0.5),
        ),
        onset_ns=began_ns,
        evidence=tuple(
            _count(book, f"such records {name}", lines, part)
            for name, part in (("before", case.baseline), ("since then", case.window))
        ),
        trace_ids=tuple(dict.fromkeys(one.trace_id for one in records if one.trace_id)),
        logs=tuple(_line(record) for record in records),
        contradicts=("it became more frequent elsewhere too",) if spread_wide else (),
        cause="log",
        next_step="Open the traces of these records and look at the span that wrote them.",
    )


def _probe_fields(reader: Reader, book: Notebook, case: Case, where: Filter) -> list[Finding]:
    """Returns fields of records whose values shifted in the slice, and not outside of it."""
    fields = reader.store.find_log_fields(where, case.window, case.baseline)
    suspects = [
        field
        for field in fields
        if not _NO_SUSPECT.fullmatch(field.name)
        and field.name not in case.scope
        and any(change.low >= _LEAST_SHIFT for change in _shifts(field).values())
    ]
    # What the spans say too is told from them, with what it explains.
    told = _span_attributes(reader, case) if suspects else set[str]()
    suspects = [field for field in suspects if field.name not in told]
    if not suspects:
        return []
    rest = outside(where)
    others: dict[str, FieldCounts] = {}
    if rest is not None and case.control is not None:
        others = {
            one.name: one for one in reader.store.find_log_fields(rest, case.window, case.baseline)
        }
    moved = [
        (field.name, value, change)
        for field in suspects
        for value, change in sorted(_shifts(field).items())
    ]
    adjusted = adjust([change.p for _, _, change in moved])
    clues: list[Finding] = []
    for (name, value, change), q in zip(moved, adjusted, strict=True):
        if q > FALSE_DISCOVERIES or change.low < _LEAST_SHIFT or change.ratio_low < 1.3:
            continue
        other = _shifts(others[name]).get(value) if name in others else None
        control = 0.75 if other is None else 0.25 if other.low > 0.5 * change.low else 1.0
        clues.append(_tell_field(reader, book, case, where, (name, value), change, (q, control)))
    clues.sort(key=lambda one: -one.confidence)
    return clues[:MOST_FINDINGS]


def _span_attributes(reader: Reader, case: Case) -> set[str]:
    sample = reader.store.sample_traces(case.slice, case.window, limit=40)
    return {name for attributes in sample.attributes for name in attributes}


# Records of a field come in bursts as others do; their steps are not read, so this is assumed.
_FIELD_DISPERSION = 4.0


def _shifts(field: FieldCounts) -> dict[str, Change]:
    """Returns for each value how its share of the records with this field changed."""
    before, after = sum(field.baseline.values()), sum(field.window.values())
    if min(before, after) < 50:
        return {}

    def tally(count: int, of: int) -> Tally:
        return Tally(np.array([count / _FIELD_DISPERSION]), np.array([of / _FIELD_DISPERSION]))

    return {
        value: compare_shares(
            tally(field.baseline.get(value, 0), before), tally(field.window.get(value, 0), after)
        )
        for value in {*field.baseline, *field.window}
    }


def _tell_field(
    reader: Reader,
    book: Notebook,
    case: Case,
    where: Filter,
    named: tuple[str, str],
    change: Change,
    weight: tuple[float, float],
) -> Finding:
    name, value = named
    carrying = join(Compare(Field("attributes", name), "=", value), where)
    records = _find(reader, carrying, case.window)
    return Finding(
        kind="mediator",
        subject={name: value},
        statement=(
            f"{name}={value} in {percent(change.after)} of the records that say so"
            f"{say_scope(case)}, before in {percent(change.before)}."
        ),
        effect=make_effect(
            f"share of records with {name}={value}", "1", change.before, change.after,
            (change.low, change.high),
        ),
        confidence=believe(q=weight[0], control=weight[1], ceiling=0.7),
        evidence=tuple(
            _count(book, f"records with {name}={value} {when}", carrying, part)
            for when, part in (("before", case.baseline), ("since then", case.window))
        ),
        trace_ids=tuple(dict.fromkeys(one.trace_id for one in records if one.trace_id)),
        logs=tuple(_line(record) for record in records),
        cause="cache" if "cache" in name else "",
        next_step=f"Look at what decides {name} in the requests shown.",
    )  # fmt: skip


def _count(book: Notebook, title: str, where: Filter, part: TimeRange) -> Evidence:
    query = format_select(Select(Signal.LOGS, "count", None, where))
    link = f"/logs?filter={quote(format_filter(where))}"
    return book.ask(title, "sql", query, part, unit="records", link=link)


def _find(reader: Reader, where: Filter, window: TimeRange) -> tuple[LogRecord, ...]:
    return reader.store.find_logs(where, window, limit=3).records


def _line(record: LogRecord) -> LogLine:
    fields = {
        name: value
        for name, value in sorted(record.attributes.items())
        if value and len(value) <= 80
    }
    return LogLine(
        record.time_ns, record.severity_text, record.body, record.trace_id,
        dict(list(fields.items())[:12]),
    )  # fmt: skip


def _shorten(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"

"""What an investigation says, what an incident is, and whether a fix worked: frozen values.

Times are integer nanoseconds since the Unix epoch, 0 for never. Shares lie between 0 and 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vario.model.telemetry import TimeRange

Verdict = Literal["explained", "partial", "unexplained", "no_change"]
"""`explained`: a cause is named with high confidence; `partial`: where it is, but not why;
`unexplained`: the symptom is there and no suspect stood; `no_change`: nothing beyond the usual."""

Symptom = Literal["latency", "errors", "traffic", "quality", "cost", "saturation"]

FindingKind = Literal[
    "slice", "operation", "mediator", "dependency", "log", "feature", "resource", "release",
    "change", "traffic", "configuration",
]  # fmt: skip

QueryLanguage = Literal["promql", "filter", "sql"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: about a service, from a symptom that was seen or told.

    Attributes:
        service: `service.name`; empty for all of them.
        window: when it was, or is, wrong; the investigation looks before it by itself.
        symptom: what is wrong; None to look at latency, errors, quality and cost, worst first.
        model: `model_name`, or empty.
        scope: attributes and values that the question is limited to, such as a region.
        expression: PromQL of the metric that is wrong, where a metric or an alert is asked about.
        alert_id: the alert that asks, or empty.
        slo: the SLO that asks, or empty.
        title: the question in words.
    """

    service: str
    window: TimeRange
    symptom: Symptom | None = None
    model: str = ""
    scope: Mapping[str, str] = field(default_factory=dict[str, str])
    expression: str = ""
    alert_id: str = ""
    slo: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number and the query that gives it again.

    Attributes:
        title: what the number is, in a few words.
        language: `promql` is evaluated at the window's end (with ranges written out), `filter` is
            the grammar of traces and logs and counts what matches in the window, `sql` is a
            SELECT that returns one row of one column.
        query: the text, ready to be pasted.
        window: what it is asked about.
        value: the number.
        unit: `s`, `1` (ratios and shares), `requests`, `/s`, `USD`, ...
        link: path of the UI's page that shows it, or empty.
    """

    title: str
    language: QueryLanguage
    query: str
    window: TimeRange
    value: float
    unit: str = "1"
    link: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """How much something moved: the same measure before and after the onset.

    `low` and `high` bound `after - before` at 95 %.
    """

    measure: str
    unit: str
    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LogLine:
    """A record that shows what is meant; `fields` are the ones worth a look."""

    time_ns: int
    severity: str
    body: str
    trace_id: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspect and all that speaks for and against it.

    Attributes:
        kind: what sort of thing it is.
        subject: what is meant, by name: `{"span": "ml-infer.encode_features"}`,
            `{"region": "us-east"}`, `{"feature": "session_length", "region": "eu-west"}`.
        statement: the finding in one sentence with its numbers.
        effect: what moved; None where nothing measurable did.
        explained: share of the damage that goes with it, with bounds; None where unknown.
        confidence: 0 to 1, calibrated on incidents with known causes.
        onset_ns: when it began by its own data.
        evidence: numbers and their queries.
        trace_ids: example requests, the clearest first.
        logs: example records.
        supports: what else speaks for it, in short sentences.
        contradicts: what speaks against it.
        cause: a class of causes, such as `cache`, `release`, `upstream`, `batching`, `capacity`.
        next_step: what to check or do next.
        command: a command that does it, or empty.
    """

    kind: FindingKind
    subject: Mapping[str, str]
    statement: str
    effect: Effect | None = None
    explained: float | None = None
    explained_low: float | None = None
    explained_high: float | None = None
    confidence: float = 0.0
    onset_ns: int = 0
    evidence: tuple[Evidence, ...] = ()
    trace_ids: tuple[str, ...] = ()
    logs: tuple[LogLine, ...] = ()
    supports: tuple[str, ...] = ()
    contradicts: tuple[str, ...] = ()
    cause: str = ""
    next_step: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class RuledOut:
    """Something that was looked at and is not the cause, and why not."""

    subject: Mapping[str, str]
    reason: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, on the way from the cause to now.

    `kind` is `release`, `configuration`, `scaling`, `traffic`, `onset`, `alert`, `note`,
    `acknowledged`, `fix`, `verdict`, `relapse`, `opened`, `resolved` or `finding`.
    """

    time_ns: int
    kind: str
    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was read: rows, the sampled share where not all, what took longest, what was left."""

    spans: int = 0
    logs: int = 0
    series: int = 0
    sampled: float = 1.0
    placebos: int = 0
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Investigation:
    """The answer to a question.

    Attributes:
        id: 16 hexadecimal digits from the question and `asked_ns`.
        verdict: how far it got.
        window: what was looked at as "after".
        baseline: what was looked at as "before".
        onset_ns: when the symptom began, between `onset_low_ns` and `onset_high_ns`.
        scope: whom it hurts: attributes and values; empty where it is everybody.
        symptom: which kind of symptom, and its effect over the scope.
        measured: the metric that shows the symptom, over a minute; None where requests show it.
        summary: at most six sentences in plain words: what, whom, since when, why, what to do.
        findings: suspects, the strongest first.
        days: what rises at this time of day was told apart by the same time so many days back.
    """

    id: str
    question: Question
    verdict: Verdict
    asked_ns: int
    window: TimeRange
    baseline: TimeRange
    summary: tuple[str, ...]
    symptom: Symptom | None = None
    effect: Effect | None = None
    measured: Evidence | None = None
    onset_ns: int = 0
    onset_low_ns: int = 0
    onset_high_ns: int = 0
    scope: Mapping[str, str] = field(default_factory=dict[str, str])
    findings: tuple[Finding, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    timeline: tuple[Moment, ...] = ()
    coverage: Coverage = Coverage()
    took_ms: float = 0.0
    days: tuple[int, ...] = ()


FixVerdict = Literal["too_early", "recovered", "improved", "not_recovered", "relapsed"]

FixSource = Literal["person", "release", "recovery"]


@dataclass(frozen=True, slots=True)
class FixPoint:
    """One block of the sequential test: the measure in it, in the slice and where all was well."""

    time_ns: int
    value: float
    requests: int
    control: float | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a fix worked, so far.

    Attributes:
        verdict: `recovered` is said wrongly at most once in a hundred.
        claimed_ns: when it was said to be fixed.
        source: who said so.
        checked_ns: up to when data was looked at.
        measure: what is compared, in `unit`.
        baseline: its value before the incident, `incident` during it, `now` since the fix; all
            with the traffic mix of the baseline.
        to_baseline_low: bounds of `now / baseline` that hold whenever one looks.
        to_incident_low: bounds of `now / incident`, likewise.
        tolerance: how far above the baseline still counts as recovered (0.1 is 10 %).
        guards: other measures that must not have become worse: name and whether they held.
        points: the blocks so far.
        eta_ns: when a verdict is expected at the present variance; 0 where unknown.
        statement: the verdict in one or two sentences.
        evidence: the numbers and their queries.
    """

    verdict: FixVerdict
    claimed_ns: int
    source: FixSource
    checked_ns: int
    measure: str
    unit: str
    baseline: float
    incident: float
    now: float
    to_baseline_low: float
    to_baseline_high: float
    to_incident_low: float
    to_incident_high: float
    tolerance: float
    statement: str
    requests: int = 0
    mix_adjusted: bool = False
    controlled: bool = False
    guards: Mapping[str, bool] = field(default_factory=dict[str, bool])
    points: tuple[FixPoint, ...] = ()
    eta_ns: int = 0
    evidence: tuple[Evidence, ...] = ()


IncidentState = Literal["open", "verifying", "resolved"]


@dataclass(frozen=True, slots=True)
class Incident:
    """Alerts that belong together, what was found out, and what became of it.

    Attributes:
        id: 12 hexadecimal digits.
        version: grows with every change; the highest holds.
        title: the symptom and whom it hurts.
        state: `verifying` from a claimed fix to its verdict.
        severity: the gravest of its alerts: `page`, `ticket` or another word of the rules'.
        owner: of the alerts, or empty.
        runbook: link, or empty.
        service: `service.name` or the job that the alerts name.
        scope: labels that all of its alerts share.
        alert_ids: alerts of it, the first one first.
        opened_ns: when the first alert fired.
        resolved_ns: when it ended.
        relapses: how often it came back after a `recovered`.
        acknowledged_by: who looks after it, or empty.
        investigation: the latest answer.
        verification: of the latest fix, None while none is claimed.
        timeline: what happened to it, oldest first.
    """

    id: str
    version: int
    title: str
    state: IncidentState
    severity: str
    owner: str
    runbook: str
    service: str
    scope: Mapping[str, str]
    alert_ids: tuple[str, ...]
    opened_ns: int
    updated_ns: int
    resolved_ns: int = 0
    relapses: int = 0
    acknowledged_by: str = ""
    investigation: Investigation | None = None
    verification: Verification | None = None
    timeline: tuple[Moment, ...] = ()

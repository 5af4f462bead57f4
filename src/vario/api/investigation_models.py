"""Shapes of investigations and of the proof of a fix, as `vario.model.investigation` has them.

Times are float seconds since the epoch, as in Prometheus, and null for never; numbers that do not
exist are null.
"""

from vario.api.models import Shape
from vario.model.investigation import (
    FindingKind,
    FixSource,
    FixVerdict,
    QueryLanguage,
    Symptom,
    Verdict,
)


class WindowOut(Shape):
    """A half-open range of time."""

    start: float
    end: float


class QuestionOut(Shape):
    """What was asked."""

    service: str
    window: WindowOut
    symptom: Symptom | None
    model: str
    scope: dict[str, str]
    expression: str
    alert_id: str
    slo: str
    title: str


class EvidenceOut(Shape):
    """One number and the query that gives it again.

    `promql` is evaluated at the window's end, `filter` counts what matches in the window, `sql` is
    a SELECT of one row and one column. `link` is the path of a page, or empty.
    """

    title: str
    language: QueryLanguage
    query: str
    window: WindowOut
    value: float | None
    unit: str
    link: str


class EffectOut(Shape):
    """How much something moved; `low` and `high` bound `after - before` at 95 %."""

    measure: str
    unit: str
    before: float | None
    after: float | None
    low: float | None
    high: float | None


class LogLineOut(Shape):
    """A log record that shows what is meant."""

    time: float
    severity: str
    body: str
    trace_id: str
    fields: dict[str, str]


class SuspectOut(Shape):
    """A suspect and all that speaks for and against it."""

    kind: FindingKind
    subject: dict[str, str]
    statement: str
    effect: EffectOut | None
    explained: float | None
    explained_low: float | None
    explained_high: float | None
    confidence: float
    onset: float | None
    evidence: list[EvidenceOut]
    trace_ids: list[str]
    logs: list[LogLineOut]
    supports: list[str]
    contradicts: list[str]
    cause: str
    next_step: str
    command: str


class RuledOutOut(Shape):
    """Something that was looked at and is not the cause, and why not."""

    subject: dict[str, str]
    reason: str
    evidence: list[EvidenceOut]


class MomentOut(Shape):
    """Something that happened."""

    time: float
    kind: str
    text: str
    link: str


class CoverageOut(Shape):
    """What was read, and what was left out."""

    spans: int
    logs: int
    series: int
    sampled: float
    placebos: int
    left_out: list[str]


class InvestigationOut(Shape):
    """The answer to a question: `findings` are suspects, the strongest first.

    `days` says how many days back the same time was looked at, to know what is usual then.
    """

    id: str
    question: QuestionOut
    verdict: Verdict
    asked: float
    window: WindowOut
    baseline: WindowOut
    summary: list[str]
    symptom: Symptom | None
    effect: EffectOut | None
    measured: EvidenceOut | None
    onset: float | None
    onset_low: float | None
    onset_high: float | None
    scope: dict[str, str]
    findings: list[SuspectOut]
    ruled_out: list[RuledOutOut]
    timeline: list[MomentOut]
    coverage: CoverageOut
    took_ms: float
    days: list[int]


class FixPointOut(Shape):
    """One block of the sequential test: the measure in the slice, and where all was well."""

    time: float
    value: float | None
    requests: int
    control: float | None


class VerificationOut(Shape):
    """Whether a fix worked, so far.

    `baseline`, `incident` and `now` are in `unit`, with the traffic mix of the baseline. The bounds
    of `now / baseline` and `now / incident` hold whenever one looks; null where nothing is known
    yet. `tolerance` is how far above the baseline still counts as recovered.
    """

    verdict: FixVerdict
    claimed: float
    source: FixSource
    checked: float | None
    measure: str
    unit: str
    baseline: float | None
    incident: float | None
    now: float | None
    to_baseline_low: float | None
    to_baseline_high: float | None
    to_incident_low: float | None
    to_incident_high: float | None
    tolerance: float
    statement: str
    requests: int
    mix_adjusted: bool
    controlled: bool
    guards: dict[str, bool]
    points: list[FixPointOut]
    eta: float | None
    evidence: list[EvidenceOut]

"""Writes incidents of the past into a store: `python -m tests.web.plant_incident DSN NOW_NS`.

One was explained, fixed and proved; one has no clear cause and a name that is too long.
"""

import sys
from dataclasses import replace

from tests.web.fleet import SLOW_TRACE

from vario.cli.stores import opened
from vario.config import StoreSettings
from vario.model.investigation import (
    Coverage,
    Effect,
    Evidence,
    Finding,
    FixPoint,
    Incident,
    Investigation,
    LogLine,
    Moment,
    Question,
    RuledOut,
    Verification,
)
from vario.model.telemetry import TimeRange

S = 10**9
MINUTE = 60 * S
EXPLAINED, UNEXPLAINED = "0000000000e1", "0000000000e2"
LONG_TITLE = "payments-fraud-scoring-inference-eu-central-1-canary-of-the-second-generation: errors"


def make_explained(now_ns: int) -> Incident:
    """Returns an incident of three days ago: explained, fixed, proved, over.

    It is so long ago that what fires now is no relapse of it.
    """
    onset_ns = now_ns - 3 * 24 * 60 * MINUTE
    fixed_ns, proved_ns = onset_ns + 25 * MINUTE, onset_ns + 31 * MINUTE
    return Incident(
        id=EXPLAINED,
        version=7,
        title="ml-infer: slow in us-east",
        state="resolved",
        severity="page",
        owner="ml-platform",
        runbook="# Slow answers\n\n1. Look at the cache.\n2. Look at the newest release.",
        service="ml-infer",
        scope={"region": "us-east"},
        alert_ids=("00000000000000a1",),
        opened_ns=onset_ns + MINUTE,
        updated_ns=proved_ns,
        resolved_ns=proved_ns,
        relapses=1,
        acknowledged_by="ada",
        investigation=_investigation(onset_ns),
        verification=_proof(fixed_ns, proved_ns),
        timeline=(
            Moment(onset_ns + MINUTE, "alert", "SlowAnswers fires", "/alerts/00000000000000a1"),
            Moment(onset_ns + 2 * MINUTE, "acknowledged", "ada looks after it"),
            Moment(onset_ns + 9 * MINUTE, "note", "ada: the cache was shrunk yesterday"),
            Moment(fixed_ns, "fix", "ada: capacity of the cache raised"),
            Moment(proved_ns, "verdict", "recovered"),
        ),
    )


def make_unexplained(now_ns: int) -> Incident:
    """Returns an incident of the same time of which nobody knows why it was."""
    whole = make_explained(now_ns)
    assert whole.investigation is not None
    return replace(
        whole,
        id=UNEXPLAINED,
        title=LONG_TITLE,
        severity="ticket",
        owner="",
        runbook="",
        scope={},
        alert_ids=("00000000000000a2",),
        relapses=0,
        acknowledged_by="",
        verification=None,
        investigation=replace(
            whole.investigation,
            verdict="unexplained",
            summary=("Errors rose, and no suspect stood up to the evidence.",),
            findings=(),
            scope={},
            symptom="errors",
        ),
        timeline=(),
    )


def _cache(onset_ns: int, window: TimeRange) -> Finding:
    """Returns the cause: a step that is slow when its cache misses."""
    misses = 'service.name = "ml-infer" and attributes.cache_hit = false and region = "us-east"'
    return Finding(
        kind="operation",
        subject={"span": "ml-infer.encode_features", "cache_hit": "false", "region": "us-east"},
        statement=(
            "ml-infer.encode_features takes 310 ms instead of 24 ms when the cache misses, "
            "and it misses 71 % of the time in us-east"
        ),
        effect=Effect("p95 of ml-infer.encode_features", "s", 0.024, 0.31, 0.27, 0.301),
        explained=0.87,
        explained_low=0.8,
        explained_high=0.93,
        confidence=0.94,
        onset_ns=onset_ns,
        evidence=(
            Evidence(
                "requests that missed the cache",
                "filter",
                misses,
                window,
                1840.0,
                "requests",
                "/traces?filter=attributes.cache_hit+%3D+false&from=now-15m",
            ),
            Evidence(
                "p95 since the onset",
                "promql",
                "histogram_quantile(0.95, sum by (le) (rate(encode_seconds_bucket[10m])))",
                window,
                0.31,
                "s",
            ),
        ),
        trace_ids=(SLOW_TRACE,),
        logs=(
            LogLine(onset_ns + MINUTE, "WARN", "cache is full: evicting 512 entries", SLOW_TRACE),
        ),
        supports=(
            "It began within 5 s of the surge.",
            "More misses, slower answers: in every region.",
        ),
        contradicts=("eu-west misses a little more too, and is not slow.",),
        cause="cache",
        next_step="Raise the capacity of the feature cache in us-east to 20,000 entries.",
        command="vario demo --fix latency-surge",
    )


def _surge() -> Finding:
    """Returns what set it off: more traffic."""
    return Finding(
        kind="traffic",
        subject={"region": "us-east"},
        statement="us-east has 2.4 times its traffic since 14:00",
        effect=Effect("requests", "/s", 41.0, 98.0, 52.0, 61.0),
        confidence=0.55,
    )


def _investigation(onset_ns: int) -> Investigation:
    window = TimeRange(onset_ns, onset_ns + 10 * MINUTE)
    before = TimeRange(onset_ns - 60 * MINUTE, onset_ns)
    return Investigation(
        id="00000000000000f1",
        question=Question(
            "ml-infer",
            window,
            symptom="latency",
            scope={"region": "us-east"},
            title="Why is ml-infer slow in us-east?",
        ),
        verdict="explained",
        asked_ns=onset_ns + 10 * MINUTE,
        window=window,
        baseline=before,
        summary=(
            "Requests of ml-infer in us-east take 338 ms at p95 instead of 52 ms.",
            "It began at the onset of a surge of traffic; eu-west is not hurt.",
            "The step ml-infer.encode_features takes the time, when its cache misses.",
            "The release v23.1 and the upstreams are not the cause.",
            "Raise the capacity of the feature cache in us-east.",
        ),
        symptom="latency",
        effect=Effect("p95 latency", "s", 0.052, 0.338, 0.26, 0.31),
        onset_ns=onset_ns,
        onset_low_ns=onset_ns - 4 * S,
        onset_high_ns=onset_ns + 7 * S,
        scope={"region": "us-east"},
        findings=(_cache(onset_ns, window), _surge()),
        ruled_out=(
            RuledOut({"release": "v23.1"}, "It came an hour earlier, in every region."),
            RuledOut({"upstream": "feature-store"}, "Its answers take as long as before."),
        ),
        timeline=(
            Moment(onset_ns - 55 * MINUTE, "release", "v23.1 of ml-infer"),
            Moment(onset_ns, "onset", "requests become slow in us-east"),
        ),
        coverage=Coverage(120_400, 31_000, 240, 0.5, 48, ("spans older than a day",)),
        took_ms=842.0,
    )


def _proof(fixed_ns: int, proved_ns: int) -> Verification:
    blocks = [
        FixPoint(fixed_ns + index * 30 * S, 0.11 - 0.005 * min(index, 11), 240, 0.05)
        for index in range(1, 13)
    ]
    return Verification(
        verdict="recovered",
        claimed_ns=fixed_ns,
        source="person",
        checked_ns=proved_ns,
        measure="mean duration",
        unit="s",
        baseline=0.05,
        incident=0.21,
        now=0.052,
        to_baseline_low=0.99,
        to_baseline_high=1.08,
        to_incident_low=0.22,
        to_incident_high=0.27,
        tolerance=0.1,
        statement="Recovered: 2,880 requests took 52 ms, as before the incident (50 ms).",
        requests=2880,
        mix_adjusted=True,
        controlled=True,
        guards={"errors": True, "traffic": False},
        points=tuple(blocks),
    )


def main() -> None:
    """Writes them."""
    dsn, now_ns = sys.argv[1], int(sys.argv[2])
    with opened(StoreSettings(dsn=dsn)) as store:
        store.write_incidents([make_explained(now_ns), make_unexplained(now_ns)])


if __name__ == "__main__":
    main()

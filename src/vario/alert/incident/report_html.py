"""A draft of the post-mortem as one HTML file: no script, nothing fetched, and it prints well."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from html import escape

from vario.alert.incident import chart, report
from vario.alert.incident.changes import VERDICTS, headline
from vario.errors import VarioError
from vario.investigate.picture import (
    Picture,
    choose_evidence,
    drawn_window,
    symptom_evidence,
)
from vario.model.investigation import (
    Effect,
    Evidence,
    Finding,
    Incident,
    Investigation,
    Verification,
)
from vario.model.telemetry import TimeRange

Draw = Callable[[Evidence, TimeRange], Picture]
"""Answers a piece of evidence over time."""

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:46rem;
margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid
#d0d7de}h3{font-size:1rem;margin-bottom:.25rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;
padding:.2rem .75rem .2rem 0;border-bottom:1px solid #eaeef2}th{width:11rem;font-weight:600}
td.when{white-space:nowrap;width:11rem;font-variant-numeric:tabular-nums}
pre{background:#f6f8fa;padding:.5rem;white-space:pre-wrap;word-break:break-word;font-size:.8rem}
svg{width:100%;height:auto;font:11px system-ui,sans-serif;fill:#57606a}svg .grid{stroke:#eaeef2}
.verdict{font-weight:600}.recovered{color:#1a7f37}.relapsed,.not_recovered{color:#b42318}
.improved,.too_early{color:#9a6700}.gap{color:#57606a;font-style:italic}
.bar{display:inline-block;height:.7rem;background:#8c959f}.bar.after{background:#b42318}
section{break-inside:avoid}
@media print{body{margin:0;max-width:none;font-size:11pt}pre{font-size:8pt}}
"""


def write(incident: Incident, base: str = "", draw: Draw | None = None) -> str:
    """Returns the draft as one file.

    Args:
        incident: what it is about.
        base: how users reach this server, without a slash at the end; for links.
        draw: asks for what charts of the symptom and of each cause show; without it there are none.
    """
    title = f"Incident {incident.id}: {incident.title}"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *_body(incident, base, draw),
            "</body></html>\n",
        ]
    )


def _body(incident: Incident, base: str, draw: Draw | None) -> Iterator[str]:
    facts = report.facts(incident)
    yield _table(facts)
    if base:
        address = escape(f"{base}/incidents/{incident.id}")
        yield f'<p><a href="{address}">{address}</a></p>'
    found, proof = incident.investigation, incident.verification
    if proof is not None:
        yield from _proof(proof, incident)
    if found is not None:
        sentences = found.summary or (headline(found),)
        yield "<h2>What happened</h2>" + _list(sentences)
        yield _chart(found, symptom_evidence(found), draw)
        if found.effect is not None:
            yield _bars(found.effect)
        if found.findings:
            yield "<h2>Causes and traces of them</h2>"
        for number, finding in enumerate(found.findings, start=1):
            shown = _chart(found, choose_evidence(finding.evidence), draw)
            yield _finding(number, finding, shown)
        if found.ruled_out:
            ruled = [f"{report.subject(one.subject)}: {one.reason}" for one in found.ruled_out]
            yield "<h2>Ruled out</h2>" + _list(ruled)
    yield "<h2>Timeline</h2><table>"
    for moment in report.moments(incident):
        when = report.format_time(moment.time_ns)
        yield f'<tr><td class="when">{when}</td><td>{escape(moment.text)}</td></tr>'
    yield "</table>"
    for title, text in report.GAPS:
        yield f'<section><h2>{title}</h2><p class="gap">{escape(text)}</p></section>'


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
    return f"<table>{cells}</table>"


def _list(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in sentences) + "</ul>"


def _chart(found: Investigation, evidence: Evidence | None, draw: Draw | None) -> str:
    """Returns evidence over time, with the onset; nothing where it cannot be drawn."""
    if evidence is None or draw is None:
        return ""
    try:
        picture = draw(evidence, drawn_window(found))
    except VarioError as error:
        return (
            f'<p class="gap">The chart of {escape(evidence.title)} failed: {escape(str(error))}</p>'
        )
    curve = chart.Curve(picture.times_ns, picture.values, picture.measure, "#0969da")
    marks = [chart.Mark(found.onset_ns, "onset", "#b42318")] if found.onset_ns else []
    title = re.sub(r" (before|since then|then|now)$", "", evidence.title)
    drawn = chart.draw([curve], [], marks, picture.unit, f"{title} over time")
    return f"<p>{escape(title)}: {escape(picture.measure)} over time</p>{drawn}" if drawn else ""


def _finding(number: int, finding: Finding, shown: str) -> str:
    said = [f"Confidence {finding.confidence:.0%}."]
    if finding.explained is not None:
        said.append(f"{finding.explained:.0%} of the damage goes with it.")
    items = [
        *(f"for it: {one}" for one in finding.supports),
        *(f"against it: {one}" for one in finding.contradicts),
        *([f"next: {finding.next_step}"] if finding.next_step else []),
        *([f"traces: {', '.join(finding.trace_ids[:5])}"] if finding.trace_ids else []),
    ]
    return (
        f"<section><h3>{number}. {escape(finding.statement)}</h3><p>{escape(' '.join(said))}</p>"
        + shown
        + (_bars(finding.effect) if finding.effect is not None else "")
        + (_list(items) if items else "")
        + (f"<pre>{escape(finding.command)}</pre>" if finding.command else "")
        + "".join(_evidence(one) for one in finding.evidence)
        + "</section>"
    )


def _bars(effect: Effect) -> str:
    """Returns before and after as two bars."""
    top = max(effect.before, effect.after)
    if not math.isfinite(top) or top <= 0:
        return f"<p>{escape(report.describe(effect))}</p>"
    rows = ""
    for name, value, kind in (("before", effect.before, ""), ("after", effect.after, " after")):
        bar = f'<span class="bar{kind}" style="width:{max(0.0, value) / top * 20:.2f}rem"></span>'
        rows += f"<tr><td>{name}</td><td>{bar} {report.quantity(value, effect.unit)}</td></tr>"
    return f"<p>{escape(effect.measure)}</p><table>{rows}</table>"


def _evidence(one: Evidence) -> str:
    window = f"{report.format_time(one.window.start_ns)} to {report.format_time(one.window.end_ns)}"
    value = report.quantity(one.value, one.unit)
    return (
        f"<p>{escape(one.title)}: {escape(value)} ({window})</p>"
        f"<pre>{escape(one.language)}: {escape(one.query)}</pre>"
    )


def _proof(proof: Verification, incident: Incident) -> Iterator[str]:
    yield "<section><h2>Did the fix work?</h2>"
    verdict = VERDICTS[proof.verdict].capitalize()
    yield (
        f'<p><span class="verdict {proof.verdict}">{escape(verdict)}.</span> '
        f"{escape(proof.statement)}</p>"
    )
    yield draw_proof(proof, incident)
    yield _table(report.proof_facts(proof)) + "</section>"
    for one in proof.evidence:
        yield _evidence(one)


def draw_proof(proof: Verification, incident: Incident) -> str:
    """Returns the measure over time as SVG: its levels before and during, and when it was fixed."""
    times = [point.time_ns for point in proof.points]
    curves = [chart.Curve(times, [point.value for point in proof.points], proof.measure, "#0969da")]
    control = [math.nan if p.control is None else p.control for p in proof.points]
    if any(math.isfinite(value) for value in control):
        curves.append(chart.Curve(times, control, "where all was well", "#8c959f", dashed=True))
    lines = [
        chart.Line(proof.baseline, "before", "#1a7f37"),
        chart.Line(proof.incident, "during", "#b42318"),
    ]
    marks = [
        chart.Mark(report.begun_ns(incident), "began", "#b42318"),
        chart.Mark(proof.claimed_ns, "fixed", "#1a7f37"),
    ]
    return chart.draw(curves, lines, marks, proof.unit, f"{proof.measure} over time")

"""Endpoints that answer questions: why it is slow, since when, for whom; and the numbers again."""

import math
from dataclasses import replace
from time import perf_counter
from typing import Annotated

from fastapi import Query

from vario.api.alerts import get_desk
from vario.api.context import Context, CurrentContext
from vario.api.investigate_models import EvidenceAnswerOut, PictureOut, QuestionIn
from vario.api.investigation_models import InvestigationOut
from vario.api.investigation_reader import make_reader
from vario.api.investigation_shapes import show_investigation
from vario.api.params import parse_window
from vario.api.shapes import to_seconds
from vario.errors import BadData, NotFound
from vario.investigate.evidence import run_query
from vario.investigate.picture import draw_evidence, step_of
from vario.investigate.pipeline import investigate
from vario.investigate.probers import PROBERS
from vario.investigate.questions import guess_symptom, question_of_alert
from vario.model.investigation import QueryLanguage, Question, Symptom
from vario.model.telemetry import Signal
from vario.query.filter import parse_field
from vario.query.steps import align

Name = Annotated[str, Query(max_length=500)]
Time = Annotated[str, Query(max_length=64, description="as elsewhere")]


def ask_question(context: CurrentContext, body: QuestionIn) -> InvestigationOut:
    """Investigates: what is wrong, for whom, since when, why, and what to do."""
    return _answer(context, body)


def get_answer(
    context: CurrentContext,
    service: Name = "",
    symptom: Symptom | None = None,
    model: Name = "",
    start: Time = "now-1h",
    end: Time = "now",
    alert_id: Annotated[str, Query(max_length=64)] = "",
    slo: Name = "",
    expression: Annotated[str, Query(max_length=5000)] = "",
    scope: Annotated[
        list[str], Query(max_length=20, description="field=value, such as region=us-east")
    ] = [],  # noqa: B006 - FastAPI copies it
) -> InvestigationOut:
    """The same as a link: what is wrong, for whom, since when, why, and what to do."""
    pairs: dict[str, str] = {}
    for one in scope:
        name, equals, value = one.partition("=")
        if not equals:
            raise BadData(f"scope: {one!r} is no field=value, such as region=us-east")
        pairs[name] = value
    body = QuestionIn(
        service=service, symptom=symptom, model=model, start=start, end=end, alert_id=alert_id,
        slo=slo, expression=expression, scope=pairs, title="",
    )  # fmt: skip
    return _answer(context, body)


def draw(
    context: CurrentContext,
    language: QueryLanguage,
    query: Annotated[str, Query(max_length=10_000)],
    unit: Annotated[str, Query(max_length=64)] = "1",
    start: Time = "now-1h",
    end: Time = "now",
) -> PictureOut:
    """A finding's query over time: the measure for each step of the window."""
    asked = parse_window(start, end, context.clock.now_ns())
    window = align(asked, step_of(asked))
    picture = draw_evidence(context.store, language, query, unit, window)
    return PictureOut(
        measure=picture.measure,
        unit=picture.unit,
        times=[to_seconds(time_ns) for time_ns in picture.times_ns],
        values=[None if math.isnan(value) else value for value in picture.values],
    )


def run_evidence(
    context: CurrentContext,
    language: QueryLanguage,
    query: Annotated[str, Query(max_length=10_000)],
    start: Time = "now-1h",
    end: Time = "now",
    signal: Signal = Signal.TRACES,
) -> EvidenceAnswerOut:
    """The number that a finding's query gives; `promql` is evaluated at `end`."""
    window = parse_window(start, end, context.clock.now_ns())
    reader = make_reader(context.store, context.drift(), context.costs)
    value = run_query(reader, language, query, window, signal=signal)
    return EvidenceAnswerOut(value=value if value == value else None)  # noqa: PLR0124 - NaN


def _answer(context: Context, body: QuestionIn) -> InvestigationOut:
    question = make_question(context, body)
    reader = make_reader(context.store, context.drift(), context.costs)
    started_s = perf_counter()
    found = investigate(reader, question, context.clock, PROBERS)
    return show_investigation(replace(found, took_ms=1000 * (perf_counter() - started_s)))


def make_question(context: Context, body: QuestionIn) -> Question:
    """Returns what is asked, with what the alert or the SLO says about it.

    Raises:
        BadData: a time or a field cannot be read.
        NotFound: there is no such alert or SLO.
    """
    now_ns = context.clock.now_ns()
    window = parse_window(body.start, body.end, now_ns)
    for name in body.scope:
        parse_field(name, Signal.TRACES)
    if body.alert_id:
        event = get_desk(context).find_view(body.alert_id).event
        return question_of_alert(event, now_ns, expression=body.expression)
    service, symptom = body.service, body.symptom
    if body.slo:
        slo = next((one for one in context.slos().slos if one.name == body.slo), None)
        if slo is None:
            raise NotFound(f'no SLO "{body.slo}" is loaded; GET /api/slos lists those that are')
        service = service or slo.service
        symptom = symptom or guess_symptom(slo.name, slo.sli.kind, slo.sli.words)
    return Question(
        service=service,
        window=window,
        symptom=symptom,
        model=body.model,
        scope=body.scope,
        expression=body.expression,
        slo=body.slo,
        title=body.title,
    )

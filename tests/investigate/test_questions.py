"""Questions that alerts ask by themselves."""

import pytest

from vario.investigate.questions import guess_symptom, question_of_alert
from vario.model.alert import AlertEvent
from vario.model.investigation import Symptom

FIRED_NS = 10**18


def burning(slo: str, bad: str, **labels: str) -> AlertEvent:
    """Returns an SLO's alert as it fires."""
    return AlertEvent(
        id="0123456789abcdef",
        version=1,
        time_ns=FIRED_NS,
        rule="slos;burn;ErrorBudgetBurn",
        name="ErrorBudgetBurn",
        state="firing",
        labels={"service": "ml-infer", "slo": slo, "window": "1h", **labels},
        annotations={"description": f"Wakes someone when more than 10% are {bad} over the last 1h"},
        value=14.4,
        active_ns=FIRED_NS,
    )


@pytest.mark.parametrize(
    ("slo", "bad", "symptom"),
    [
        ("ml-infer-session-length", "requests without session_length", "quality"),
        ("ml-infer-fast", "requests slower than 200 ms", "latency"),
        ("ml-infer-up", "failed requests", "errors"),
        ("ml-infer-gpus", "readings of gpu_utilization_ratio below 30%", "cost"),
        ("ml-infer-other", "bad events", None),
    ],
)
def test_an_slo_says_what_is_bad_about_its_events(
    slo: str, bad: str, symptom: Symptom | None
) -> None:
    expression = f'slo:sli_error:ratio_rate1h{{slo="{slo}"}} > 14.4 * 0.01'
    asked = question_of_alert(burning(slo, bad), FIRED_NS + 1, expression=expression)
    assert asked.symptom == symptom


def test_a_version_is_a_suspect_and_no_scope() -> None:
    event = burning("fast", "slow", region="eu-west", model_version="v23.1", route="/rank")
    asked = question_of_alert(event, FIRED_NS + 60)
    assert asked.scope == {"region": "eu-west", "attributes.http.route": "/rank"}
    assert (asked.service, asked.slo, asked.window.end_ns) == ("ml-infer", "fast", FIRED_NS + 60)


def test_words_of_every_slo_tell_nothing() -> None:
    assert guess_symptom("ErrorBudgetBurn", "x", "slo:sli_error:ratio_rate1h") is None

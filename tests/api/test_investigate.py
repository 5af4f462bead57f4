"""Questions over HTTP, and the numbers of an answer asked again."""

import pytest
from bench.service import Plan, Simulation
from tests.conftest import START_NS
from tests.support.asgi_client import AppClient

from vario.store.clickhouse import ClickHouseStore

MINUTE_NS = 60 * 10**9
MINUTES = 12


@pytest.fixture
def asked(client: AppClient, store: ClickHouseStore) -> AppClient:
    """The application over twelve minutes of a service whose upstream stalls in one region."""
    start_ns = START_NS - MINUTES * MINUTE_NS
    plan = Plan("upstream", seed=1, minutes=MINUTES, rate=5.0, severity=1.5)
    Simulation(plan, "ml-infer", start_ns).write(store)
    return client


def test_an_answer_and_its_numbers(asked: AppClient) -> None:
    answer = asked.post("/api/investigate", json={"service": "ml-infer", "start": "now-10m"}).json()
    assert (answer["verdict"], answer["symptom"]) == ("explained", "errors")
    assert answer["scope"] == {"region": "us-east"}
    first = answer["findings"][0]
    assert first["subject"]["upstream"] == "feature-store-ml-infer"
    assert answer["took_ms"] > 0
    link = "/api/investigate?service=ml-infer&start=now-10m"
    again = asked.get(link).json()
    assert {**again, "took_ms": 0} == {**answer, "took_ms": 0}
    for one in first["evidence"]:
        given = asked.get(
            "/api/evidence",
            params={
                "language": one["language"],
                "query": one["query"],
                "start": f"{one['window']['start']:.9f}",
                "end": f"{one['window']['end']:.9f}",
            },
        ).json()
        assert given == {"value": pytest.approx(one["value"])}, one


def test_a_scope_that_is_asked_for_is_kept(asked: AppClient) -> None:
    link = "/api/investigate?service=ml-infer&start=now-10m&scope=region%3Deu-west&symptom=errors"
    answer = asked.get(link).json()
    assert (answer["verdict"], answer["question"]["scope"]) == ("no_change", {"region": "eu-west"})


@pytest.mark.parametrize(
    ("path", "status", "fault"),
    [
        ("/api/investigate?scope=region", 400, "no field=value"),
        ("/api/investigate?scope=%22%3Dx", 400, "quote is not closed"),
        ("/api/investigate?slo=none", 404, 'no SLO "none"'),
        ("/api/investigate?alert_id=0", 503, "evaluates no alerts"),
        ("/api/investigate?start=tomorrow", 400, "start"),
        ("/api/investigate?symptom=sadness", 400, "symptom"),
        ("/api/evidence?language=sql&query=DROP%20TABLE%20x", 400, "SELECT function"),
        ("/api/evidence?language=promql&query=sum(", 400, ""),
        ("/api/evidence?language=cypher&query=x", 400, "language"),
    ],
)
def test_a_question_that_cannot_be_read(
    empty_client: AppClient, path: str, status: int, fault: str
) -> None:
    answer = empty_client.get(path)
    assert answer.status_code == status, answer.text
    assert fault in answer.json()["error"]


def test_nothing_to_look_at(empty_client: AppClient) -> None:
    answer = empty_client.post("/api/investigate", json={}).json()
    assert (answer["verdict"], answer["findings"]) == ("no_change", [])

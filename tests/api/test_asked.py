"""Questions of the API answered with their SQL: it runs again, and gives the same rows."""

from tests.api.test_services import AT_NS, write
from tests.support.asgi_client import AppClient

from vario.store.asked import fill_in
from vario.store.clickhouse import ClickHouseStore

SQL = {"accept": "application/sql"}


def test_the_sql_of_a_chart_runs_by_itself(store: ClickHouseStore, client: AppClient) -> None:
    write(store, "it's \\ml")
    begin = AT_NS / 1e9
    path = f"/api/services/it's%20%5Cml/traffic?start={begin}&end={begin + 60}&step=60&model=ranker"
    (series,) = client.get(path).json()["series"]
    answer = client.get(path, headers=SQL)
    assert answer.headers["content-type"].startswith("application/sql")
    *_, sql = [part for part in answer.text.split(";\n") if part.strip()]
    assert "'it\\'s \\\\ml'" in sql
    ((_, step, spans, requests, errors, *_),) = store.engine.query_rows(sql)
    assert (step, spans, requests, errors) == (0, 2, 2, 1)
    assert (series["samples"], series["points"][0]["requests"]) == (2, 2)


def test_filters_are_written_out(store: ClickHouseStore, client: AppClient) -> None:
    write(store)
    begin = AT_NS / 1e9
    asked = {"start": begin, "end": begin + 60, "filter": "model_name in ('ranker', 'x')"}
    for path in ("/api/traces/heatmap", "/api/logs/histogram", "/api/traces"):
        answer = client.get(path, params=asked, headers=SQL)
        assert answer.status_code == 200, answer.text
        for sql in answer.text.split(";\n"):
            if sql.strip():
                store.engine.query_rows(sql)


def test_a_refusal_stays_a_refusal(empty_client: AppClient) -> None:
    answer = empty_client.get("/api/logs?filter=(", headers=SQL)
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "bad_data"
    told = empty_client.get("/api/guard", headers=SQL).text
    assert told == "-- no SELECT was needed: this answer is kept in memory\n"


def test_literals() -> None:
    params = {"a": -5, "b": ["x'", "y"], "c": True, "d": None, "e": 3}
    sql = "SELECT {a:Int64}, {b:Array(String)}, {c:Bool}, {d:Nullable(String)} LIMIT {e:UInt32}"
    assert fill_in(sql, params) == (
        "SELECT -5::Int64, ['x\\'', 'y']::Array(String), True::Bool, NULL::Nullable(String) LIMIT 3"
    )

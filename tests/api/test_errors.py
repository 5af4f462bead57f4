import re

import pytest

from vario import errors
from vario.api.errors import STATUS_BY_KIND
from vario.errors import VarioError


def every_error(root: type[VarioError] = VarioError) -> set[type[VarioError]]:
    return {root}.union(*(every_error(child) for child in root.__subclasses__()))


def test_every_kind_has_a_status_and_no_status_lacks_a_kind() -> None:
    ours = {error for error in every_error() if error.__module__ == "vario.errors"}
    assert {error.kind for error in ours} == set(STATUS_BY_KIND)


def test_kinds_of_other_modules_are_known_too() -> None:
    assert {error.kind for error in every_error()} <= set(STATUS_BY_KIND)


def test_the_table_is_the_one_drawn_in_the_docstring() -> None:
    drawn = re.findall(r"── \w+\s+(\w+)\s+(\d{3})", errors.__doc__ or "")
    assert {kind: int(status) for kind, status in drawn} == dict(STATUS_BY_KIND)


@pytest.mark.parametrize(
    ("path", "status", "kind", "message"),
    [
        (
            "/api/none",
            404,
            "not_found",
            "GET /api/none: no such endpoint; /openapi.json",
        ),
        ("/api/v1/none", 404, "not_found", "/openapi.json"),
        ("/assets/none.js", 404, "not_found", "/assets/none.js: Not Found"),
        ("/api/traces?limit=0", 400, "bad_data", "limit: Input should be greater than or equal"),
        ("/api/traces?order=best", 400, "bad_data", "order: Input should be 'newest' or 'slowest'"),
        ("/api/traces?start=yesterday", 400, "bad_data", "start: 'yesterday' is no time; write"),
        ("/api/traces?start=now&end=now-1h", 400, "bad_data", "start (now) must be before end"),
        ("/api/traces?filter=duration>2", 400, "bad_data", "'2' is no duration"),
        ("/api/logs?cursor=x", 400, "bad_data", "next_cursor of an earlier page"),
        ("/api/logs/histogram?step=0", 400, "bad_data", "step: '0' is not positive"),
        ("/api/logs/histogram?step=1ms", 400, "bad_data", "more than 2000 steps; widen it"),
        ("/api/fields", 400, "bad_data", "signal: Field required"),
        ("/api/fields?signal=metrics", 400, "bad_data", "signal: "),
        ("/api/fields/values?signal=logs&field=a%20b", 400, "bad_data", "name of a field"),
        (f"/api/traces/{'ab' * 16}", 404, "not_found", "is not stored"),
        ("/api/traces/xyz", 400, "bad_data", "trace_id: String should match pattern"),
    ],
)
def test_failures_have_one_shape(
    empty_client, path: str, status: int, kind: str, message: str
) -> None:
    answer = empty_client.get(path)
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"status", "errorType", "error"}
    assert (body["status"], body["errorType"]) == ("error", kind)
    assert message in body["error"]


def test_another_method_is_refused_in_the_same_shape(empty_client) -> None:
    answer = empty_client.post("/api/traces")
    assert answer.status_code == 405
    assert answer.json()["errorType"] == "bad_data"

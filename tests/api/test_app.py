import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest
from tests.support.asgi_client import AppClient

from vario.api.app import ROUTES, create_app, declare_app
from vario.api.context import ServerFacts
from vario.errors import Unavailable

FACTS = ServerFacts("1", 0, "nowhere", "", "")


class NoStore:
    """Any question of it fails as it is told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str):
        def fail(*args, **kwargs):
            raise self._error

        return fail


@pytest.fixture
def asking(static: Path) -> Iterator[Callable[[Exception], AppClient]]:
    """Opens clients of an application whose store fails with the error given."""
    with ExitStack() as opened:

        def ask(error: Exception) -> AppClient:
            app = create_app(NoStore(error), FACTS, static=static)
            return opened.enter_context(AppClient(app, raise_faults=False))

        yield ask


def test_the_document_needs_no_engine() -> None:
    code = (
        "import sys, runpy; runpy.run_module('vario.api.openapi', run_name='__main__');"
        "assert 'chdb' not in sys.modules and 'clickhouse_connect' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    document = orjson.loads(done.stdout)
    routes = {route.path.replace(":path", "") for route in ROUTES}
    assert routes | {"/api/alerts", "/api/silences"} <= set(document["paths"])


def test_every_route_is_described_and_every_failure_has_a_shape() -> None:
    for path, methods in declare_app().openapi()["paths"].items():
        for operation in methods.values():
            assert operation["description"], path
            shapes = {
                code: answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                for code, answer in operation["responses"].items()
                if code in ("4XX", "5XX")
            }
            assert shapes["4XX"] == shapes["5XX"] == "ErrorBody", path


def test_there_are_no_pages_that_load_from_elsewhere(empty_client) -> None:
    for path in ("/docs", "/redoc"):
        assert empty_client.get(path).text == "<!doctype html><title>vario</title>"


def test_headers_of_every_answer(empty_client) -> None:
    for path in ("/", "/api/status", "/api/none", "/assets/index-abc123.js", "/assets/none.js"):
        headers = empty_client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "access-control-allow-origin" not in headers


def test_large_answers_are_compressed(empty_client) -> None:
    for path in ("/openapi.json", "/assets/index-abc123.js"):
        assert empty_client.get(path).headers["content-encoding"] == "gzip"
        plain = empty_client.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7070", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:7070", 200),
        ("evil.example:7070", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
def test_other_names_for_this_server_are_refused(empty_client, host: str, status: int) -> None:
    answer = empty_client.get("/healthz", headers={"Host": host})
    assert answer.status_code == status
    if status != 200:
        assert answer.json()["errorType"] == "bad_data"
        assert "--host" in answer.json()["error"]


def test_without_a_list_any_name_will_do(asking) -> None:
    client = asking(Unavailable("x"))
    assert client.get("/healthz", headers={"Host": "gpu-box:7070"}).json() == {"status": "ok"}


def test_readiness_follows_the_store(empty_client, asking) -> None:
    assert empty_client.get("/readyz").json() == {"status": "ok"}
    stopped = asking(Unavailable("the store is closed", retry_after_s=3))
    assert stopped.get("/healthz").status_code == 200
    answer = stopped.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "3"
    assert answer.json() == {
        "status": "error",
        "errorType": "unavailable",
        "error": "the store is closed",
    }


def test_a_fault_inside_says_little_to_the_caller(asking) -> None:
    answer = asking(KeyError("secret")).get("/api/status")
    assert answer.status_code == 500
    assert answer.json() == {
        "status": "error",
        "errorType": "internal",
        "error": "GET /api/status failed inside vario (KeyError); the server's log has the details",
    }

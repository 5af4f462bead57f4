from pathlib import Path

from tests.api.conftest import FACTS
from tests.support.asgi_client import AppClient

from vario.api.app import create_app

PAGE = "<!doctype html><title>vario</title>"


def test_client_routes_serve_the_page(empty_client) -> None:
    for path in ("/", "/services/ml-infer?model=ranker", "/traces/abc", "/logs", "/apis"):
        answer = empty_client.get(path)
        assert (answer.status_code, answer.text) == (200, PAGE), path
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_hashed_assets_are_kept_for_ever(empty_client) -> None:
    answer = empty_client.get("/assets/index-abc123.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert empty_client.get("/assets/none.js").headers["cache-control"] == "no-store"


def test_other_files_are_asked_for_again(empty_client) -> None:
    answer = empty_client.get("/favicon.svg")
    assert answer.text == "<svg/>"
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-cache"


def test_nothing_outside_the_folder_is_served(empty_client) -> None:
    hostile = ("/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt")
    for path in (*hostile, "//etc/passwd"):
        assert "outside" not in empty_client.get(path).text
        assert "root:" not in empty_client.get(path).text


def test_without_a_built_ui_a_page_says_what_to_do(empty_store, clock, tmp_path: Path) -> None:
    with AppClient(create_app(empty_store, FACTS, clock=clock, static=tmp_path / "none")) as client:
        answer = client.get("/")
        assert answer.status_code == 503
        assert "make ui" in answer.text
        assert client.get("/api/status").status_code == 200

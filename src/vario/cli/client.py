"""How commands ask a running server: its HTTP API, nothing else."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from vario.errors import BadData, NotFound, Unavailable

if TYPE_CHECKING:
    import httpx

DEFAULT_SERVER = "http://127.0.0.1:7070"


def server_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--server`, by default `$VARIO_SERVER` or this machine."""
    return click.option(
        "--server",
        envvar="VARIO_SERVER",
        default=DEFAULT_SERVER,
        show_default=True,
        help="Address of a running vario; also $VARIO_SERVER.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--json`: the API's answer as it came, for other programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print the API's JSON.")(command)


def ask(server: str, path: str, params: Mapping[str, object] | None = None) -> Any:
    """Returns the API's answer to a GET, parsed.

    Args:
        server: the server's address.
        path: such as `/api/traces`.
        params: query parameters; those that are None are left out, lists are given repeatedly.

    Raises:
        Unavailable: nothing answers there, or the server cannot serve now.
        NotFound: there is no such thing.
        BadData: the question is refused, or what answers is no vario.
    """
    given = {
        name: [str(one) for one in value] if isinstance(value, list) else str(value)
        for name, value in (params or {}).items()
        if value is not None
    }
    return _request(server, "GET", path, params=given)


def send(server: str, method: str, path: str, body: object = None) -> Any:
    """Returns the API's answer to a request that changes something, None where it has none.

    Args:
        server: the server's address.
        method: such as `PUT`.
        path: such as `/api/references`.
        body: what is sent, as JSON.

    Raises:
        Unavailable: nothing answers there, or the server cannot serve now.
        NotFound: there is no such thing.
        BadData: the request is refused, or what answers is no vario.
    """
    return _request(server, method, path, json=body)


def ask_text(server: str, path: str, params: Mapping[str, str] | None = None) -> str:
    """Returns the text of a file that the API gives.

    Raises:
        Unavailable: nothing answers there, or the server cannot serve now.
        NotFound: there is no such thing.
        BadData: the question is refused.
    """
    answer = _fetch(server, "GET", path, params=params or {})
    if answer.is_success:
        return answer.text
    return _read(server, path, answer)


def _request(server: str, method: str, path: str, **given: Any) -> Any:
    return _read(server, path, _fetch(server, method, path, **given))


def _fetch(server: str, method: str, path: str, **given: Any) -> "httpx.Response":
    import httpx

    try:
        return httpx.request(method, server.rstrip("/") + path, timeout=60, **given)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Unavailable(
            f"no vario answers at {server} ({error}): start one with 'vario up', or name another "
            "with --server"
        ) from error


def _read(server: str, path: str, answer: "httpx.Response") -> Any:
    """Returns what an answer holds; raises what it says where it is an error."""
    if answer.status_code == 204:
        return None
    try:
        document = answer.json()
    except ValueError as error:
        raise BadData(f"what answers at {server}{path} is no vario of this version") from error
    if answer.is_success:
        return document
    message = document.get("error", answer.text) if isinstance(document, dict) else answer.text
    if answer.status_code == 404:
        raise NotFound(message)
    raise (Unavailable if answer.status_code >= 500 else BadData)(message)

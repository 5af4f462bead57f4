import socket
from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot

from vario.app.ports import Port, check_distinct, listen, url_of
from vario.errors import BadData, Unavailable


def port(number: int) -> Port:
    return Port(number, "API and UI", "server.port", "--port")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_free_port_is_given() -> None:
    with listen("127.0.0.1", port(0)) as listener:
        assert listener.getsockname()[1] > 0


def test_a_taken_port_is_named_with_its_setting_and_flag(taken: int) -> None:
    with pytest.raises(Unavailable) as caught:
        listen("127.0.0.1", port(taken))
    assert str(caught.value).replace(str(taken), "7070") == snapshot(
        "port 7070 (API and UI) on 127.0.0.1 is already in use: stop what listens there, or "
        "choose another with --port or the setting server.port"
    )


def test_a_port_of_ours_is_nobody_elses_from_the_start() -> None:
    with (
        listen("127.0.0.1", port(0)) as ours,
        pytest.raises(Unavailable, match="is already in use"),
    ):
        listen("127.0.0.1", port(ours.getsockname()[1]))


def test_a_port_that_is_asked_for_twice_is_named_with_both_purposes() -> None:
    otlp = Port(7070, "OTLP over HTTP", "ingest.otlp_http_port", "--otlp-http-port")
    with pytest.raises(BadData) as caught:
        check_distinct([port(7070), otlp])
    assert str(caught.value) == snapshot(
        "port 7070 is asked for twice, for API and UI (server.port) and for OTLP over HTTP "
        "(ingest.otlp_http_port): choose another with --port or --otlp-http-port"
    )


def test_free_ports_may_be_asked_for_as_often_as_one_likes() -> None:
    check_distinct([port(0), port(0), port(7070)])


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1"])
def test_a_host_that_is_not_this_machine_is_named(host: str) -> None:
    with pytest.raises(BadData, match=f"'{host}' is (no address|not an address).* see --host"):
        listen(host, port(0))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:7070"),
        ("localhost", "http://localhost:7070"),
        ("0.0.0.0", "http://127.0.0.1:7070"),
        ("::", "http://[::1]:7070"),
        ("::1", "http://[::1]:7070"),
    ],
)
def test_an_address_is_one_that_a_client_can_reach(host: str, url: str) -> None:
    assert url_of(host, 7070) == url

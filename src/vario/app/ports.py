"""Ports to listen on, and one clear sentence where one cannot be had."""

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from vario.errors import BadData, Unavailable


@dataclass(frozen=True, slots=True)
class Port:
    """A port and where a user changes it."""

    number: int
    purpose: str
    setting: str
    flag: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running server is reached, and where its data are (without a password)."""

    store: str
    api: str
    otlp_http: str
    otlp_grpc: str


def check_distinct(ports: Iterable[Port]) -> None:
    """Does nothing when every port has a number of its own, or asks the system for one (0).

    Raises:
        BadData: two of them have the same number; the message names both.
    """
    seen: dict[int, Port] = {}
    for port in ports:
        other = seen.setdefault(port.number, port)
        if port.number and other is not port:
            raise BadData(
                f"port {port.number} is asked for twice, for {other.purpose} ({other.setting}) and "
                f"for {port.purpose} ({port.setting}): choose another with {other.flag} or "
                f"{port.flag}"
            )


def listen(host: str, port: Port) -> socket.socket:
    """Returns a listening socket, whose callers wait until something accepts them.

    It listens from here on, since a bound socket alone keeps nobody else off its port: the system
    lets a second one bind it too, and which of both gets the callers is anyone's guess.

    Args:
        host: address or name to listen on.
        port: the port; number 0 asks the system for a free one.

    Raises:
        Unavailable: the port is taken, or this user may not have it.
        BadData: the host is no address of this machine.
    """
    remedy = f"choose another with {port.flag} or the setting {port.setting}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port.number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise BadData(f"{host!r} is no address to listen on: {error}; see --host") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL:
            raise BadData(f"{host!r} is not an address of this machine; see --host") from error
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise Unavailable(
                f"port {port.number} ({port.purpose}) on {host} is already in use: stop what "
                f"listens there, or {remedy}"
            ) from error
        raise Unavailable(
            f"cannot listen on port {port.number} ({port.purpose}) of {host}: {error}; {remedy}"
        ) from error
    return listener


def url_of(host: str, port: int) -> str:
    """Returns the address at which a client on this machine reaches a listener."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104
    name = reached.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"

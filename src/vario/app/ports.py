"""Ports to listen on, and one clear sentence where one cannot be had."""

import errno
import socket
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


def listen(host: str, port: Port) -> socket.socket:
    """Returns a bound socket that does not accept connections yet.

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

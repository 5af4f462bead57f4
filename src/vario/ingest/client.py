"""Who sends: what clients are told apart by when they share the doors."""

import ipaddress
from urllib.parse import unquote


def client_of(host: str, port: int) -> str:
    """Returns the client behind an address: a machine, or a connection from this machine.

    On one machine everything has one address, so there each connection is a client.

    Example:
        >>> client_of("10.0.0.7", 41000), client_of("127.0.0.1", 41000)
        ('10.0.0.7', '127.0.0.1:41000')
    """
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    return f"{host}:{port}" if local else host


def client_of_scope(scope: object) -> str:
    """Returns the client of an ASGI connection, empty where the server does not know it."""
    address = scope.get("client") if isinstance(scope, dict) else None
    return client_of(*address) if address else ""


def client_of_peer(peer: str) -> str:
    """Returns the client of a gRPC call from what gRPC calls its peer.

    Example:
        >>> client_of_peer("ipv4:10.0.0.7:41000"), client_of_peer("ipv6:%5B::1%5D:41000")
        ('10.0.0.7', '::1:41000')
    """
    kind, _, address = unquote(peer).partition(":")
    host, _, port = address.rpartition(":")
    if kind not in ("ipv4", "ipv6") or not port.isdigit():
        return peer
    return client_of(host.strip("[]"), int(port))

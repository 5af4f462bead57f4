"""Guards around every answer: security headers, and the Host check against DNS rebinding."""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vario.api.errors import error_response

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

SECURITY_HEADERS = {
    # Chart libraries set styles from script, which `style-src 'self'` allows; no inline anything.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders:
    """Adds `SECURITY_HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HostGuard:
    """Refuses requests that name another host than this server is reached by.

    A page on the internet can point its own host name at 127.0.0.1 and would then read this API
    as its own origin; the browser still sends that name in `Host`.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "")
            if _without_port(host).lower() not in self._hosts:
                refusal = error_response(
                    "bad_data",
                    f"the Host header says {host!r}, but this server is reached as "
                    f"{', '.join(sorted(self._hosts))}; use one of these names, or serve on "
                    "another address with --host",
                    status=421,
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host

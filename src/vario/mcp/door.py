"""`/mcp`: the Streamable HTTP transport over the API of the same process."""

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from vario.clock import Clock
from vario.mcp.ask import Api

if TYPE_CHECKING:
    from starlette.applications import Starlette

PATH = "/mcp"


class McpDoor:
    """Answers MCP requests, each on its own: there are no sessions to keep or to lose."""

    def __init__(self, face: ASGIApp, address: str, clock: Clock) -> None:
        """Makes a door; the protocol's library is loaded at the first request.

        Args:
            face: the application whose API is asked.
            address: its URL, such as `http://127.0.0.1:7070`.
            clock: what "now" means.
        """
        self._face = face
        self._address = address
        self._clock = clock
        self._opening: asyncio.Task[Starlette] | None = None
        self._open: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request as an ASGI application."""
        if scope["method"] != "POST":
            said = "MCP requests are sent by POST; this server keeps no sessions"
            answer = JSONResponse({"error": said}, status_code=405, headers={"Allow": "POST"})
            await answer(scope, receive, send)
            return
        if self._opening is None:
            self._opening = asyncio.create_task(self._start())
        app = await asyncio.shield(self._opening)
        await app({**scope, "path": PATH, "root_path": ""}, receive, send)

    async def stop(self) -> None:
        """Ends what the first request began."""
        self._closing.set()
        if self._open is not None:
            await self._open

    async def _start(self) -> "Starlette":
        app = await asyncio.to_thread(self._load)
        ready = asyncio.Event()
        self._open = asyncio.create_task(self._hold(app, ready))
        await ready.wait()
        return app

    async def _hold(self, app: "Starlette", ready: asyncio.Event) -> None:
        async with app.router.lifespan_context(app):
            ready.set()
            await self._closing.wait()

    def _load(self) -> "Starlette":
        import httpx
        from mcp.server.transport_security import TransportSecuritySettings

        from vario.mcp.server import make_server

        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._face), base_url=self._address
        )
        server = make_server(Api(client, self._address), self._clock, version("vario"))
        # The application around this one looks at the Host header already.
        checked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        return server.streamable_http_app(
            streamable_http_path=PATH,
            json_response=True,
            stateless_http=True,
            transport_security=checked,
        )

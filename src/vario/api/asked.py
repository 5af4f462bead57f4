"""Any question of the API, answered with the SQL that answers it."""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vario.store.asked import listening

SQL = "application/sql"
_NONE = "-- no SELECT was needed: this answer is kept in memory"


class SqlInstead:
    """Answers a GET that accepts `application/sql` with the SELECTs that were run for it.

    They did run: what they cost is what the answer costs. A refusal stays the refusal.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        asked = scope["type"] == "http" and scope["method"] == "GET"
        if not asked or Headers(scope=scope).get("accept") != SQL:
            await self._app(scope, receive, send)
            return
        kept: list[Message] = []

        async def keep(message: Message) -> None:
            kept.append(message)

        with listening() as heard:
            await self._app(scope, receive, keep)
        if kept and kept[0].get("status") == 200:
            text = ";\n\n".join(dict.fromkeys(heard)) + ";\n" if heard else f"{_NONE}\n"
            await PlainTextResponse(text, media_type=SQL)(scope, receive, send)
            return
        for message in kept:
            await send(message)

"""`POST /-/reload`, as Prometheus has it: files are read again."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from vario.errors import BadData

ReloadFunction = Callable[[], Awaitable[None]]
"""Takes up the files as they are now; raises BadData for what cannot be used."""


def make_reload_router(reload: ReloadFunction) -> APIRouter:
    """Returns the route that reads files again: 200, or 500 and what is wrong in them."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/-/reload", methods=["POST", "PUT"])
    async def read_again() -> PlainTextResponse:
        try:
            await reload()
        except BadData as error:
            return PlainTextResponse(f"failed to reload config: {error}\n", status_code=500)
        return PlainTextResponse("")

    return router

"""Asks an ASGI application in process, one request after the other, without a server."""

import asyncio
from types import TracebackType
from typing import Any, Self

import httpx


class AppClient:
    """`httpx`'s client over an application, for tests that are not coroutines."""

    def __init__(
        self, app: Any, *, base_url: str = "http://127.0.0.1:7070", raise_faults: bool = True
    ) -> None:
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=raise_faults)
        self._client = httpx.AsyncClient(transport=transport, base_url=base_url)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._runner.run(self._client.request(method, path, **options))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

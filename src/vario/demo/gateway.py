"""The gateway: sends each request to the model server of its region, and takes feedback."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import vario
from vario.demo.cache import Cache

UPSTREAM_TIMEOUT_S = 1.5
LOG = logging.getLogger("gateway")


class Gateway:
    """The service; `app` is its ASGI application."""

    def __init__(self, models: Mapping[str, str], stores: Mapping[str, str], model: str) -> None:
        self._model = model
        self._clients = {region: _client(url) for region, url in models.items()}
        self._stores = {region: _client(url) for region, url in stores.items()}
        # Who answered which request: feedback is counted for the version that it is about.
        self._answered: Cache[str, tuple[str, str, int, float]] = Cache(10_000, ttl_s=600)
        routes = [
            Route("/recommend", self.recommend, methods=["POST"]),
            Route("/feedback", self.feedback, methods=["POST"]),
        ]
        self.app = vario.instrument_asgi(Starlette(routes=routes, lifespan=self._lifespan))

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        yield
        for client in (*self._clients.values(), *self._stores.values()):
            await client.aclose()

    async def recommend(self, request: Request) -> Response:
        """Answers with recommendations of the user's region."""
        asked = await request.json()
        region = str(asked["region"])
        if region not in self._clients:
            raise HTTPException(400, "no such region")
        vario.annotate(user_region=region)
        answer = await self._call(self._clients[region], "call_ml_infer", "/rank", asked, region)
        if answer.is_success:
            body = answer.json()
            best = float(body["items"][0]["score"])
            known = (region, str(body["model_version"]), int(asked["user_id"]), best)
            self._answered.put(vario.request_id(), known)
            return JSONResponse({"request_id": vario.request_id(), **body})
        return JSONResponse({"error": answer.text}, answer.status_code)

    async def feedback(self, request: Request) -> Response:
        """Takes whether a user accepted what was recommended."""
        told = await request.json()
        answered = self._answered.get(str(told["request_id"]))
        if answered is None:
            raise HTTPException(404, "no such recommendation")
        region, version, user_id, score = answered
        vario.annotate(user_region=region)
        vario.record_feedback(
            str(told["request_id"]),
            accepted=bool(told["accepted"]),
            model_name=self._model,
            model_version=version,
            score=score,
            region=region,
        )
        event = {
            "user_id": user_id,
            "item_id": int(told["item_id"]),
            "category": int(told["category"]),
            "accepted": bool(told["accepted"]),
        }
        answer = await self._call(
            self._stores[region], "call_feature_store", "/events", event, region
        )
        return Response(status_code=204 if answer.is_success else 502)

    async def _call(
        self, client: httpx.AsyncClient, step: str, path: str, body: Any, region: str
    ) -> httpx.Response:
        with vario.step(step, user_region=region) as span:
            try:
                answer = await client.post(path, json=body)
            except httpx.TimeoutException as error:
                LOG.warning("%s did not answer within %g s", path, UPSTREAM_TIMEOUT_S)
                raise HTTPException(504, "the answer took too long") from error
            except httpx.TransportError as error:
                LOG.warning("%s cannot be reached: %s", path, error)
                raise HTTPException(502, "a service behind the gateway is away") from error
            span.set_attribute("http.response.status_code", answer.status_code)
            return answer


def _client(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    return vario.instrument_httpx(
        httpx.AsyncClient(base_url=url, timeout=UPSTREAM_TIMEOUT_S, limits=limits, trust_env=False)
    )

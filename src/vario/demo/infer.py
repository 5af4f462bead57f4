"""The model server: fetches features, ranks candidates, answers with the best."""

import asyncio
import logging
import pickle
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import vario
from vario.demo.batching import Batcher
from vario.demo.features import Floats, ItemColumns, encode
from vario.demo.knobs import LiveKnobs
from vario.demo.releases import read_session_length
from vario.demo.world import CATEGORIES, COUNTRIES

SCHEMA_VERSION = "1.3"
CANDIDATES = 60
ANSWERS = 5
FEATURE_TIMEOUT_S = 1.0
MAX_IN_FLIGHT = 40
# What a neighbour on the same machine takes from a noisy replica: seldom, and never much.
NOISE_SHARE, NOISE_S = 0.08, 0.06
LOG = logging.getLogger("ml-infer")


class ModelServer:
    """The service in one region; `app` is its ASGI application."""

    def __init__(
        self,
        region: str,
        model: Path,
        feature_store: str,
        version: str,
        *,
        knobs: LiveKnobs,
        seed: int | None = None,
    ) -> None:
        # The file was written by this demo's own `prepare` a moment ago.
        trained = pickle.loads(model.read_bytes())  # noqa: S301
        self._region = region
        self._version = version
        self._items: ItemColumns = trained["items"]
        self._batcher = Batcher(trained["model"], region, max_size=8, max_wait_s=0.003)
        self._knobs = knobs
        self._random = np.random.default_rng(seed)
        self._client = vario.instrument_httpx(
            httpx.AsyncClient(base_url=feature_store, timeout=FEATURE_TIMEOUT_S, trust_env=False)
        )
        self._in_flight = 0
        routes = [Route("/rank", self.rank, methods=["POST"])]
        self.app = vario.instrument_asgi(Starlette(routes=routes, lifespan=self._lifespan))

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        batches = asyncio.create_task(self._batcher.run())
        yield
        batches.cancel()
        await self._client.aclose()

    async def rank(self, request: Request) -> JSONResponse:
        """Answers with the items that a user will most likely accept."""
        if self._in_flight >= MAX_IN_FLIGHT:
            raise HTTPException(503, "too many requests at once")
        self._in_flight += 1
        try:
            asked = await request.json()
            chosen = self._random.choice(len(self._items.price), CANDIDATES, replace=False)
            session_length = read_session_length(asked, self._version, self._region, self._random)
            rows, user = await self._encode(int(asked["user_id"]), session_length, chosen)
            scores = await self._predict(rows)
            ranked = self._postprocess(chosen, scores)
        finally:
            self._in_flight -= 1
        vario.annotate(user_region=self._region, input_schema_version=SCHEMA_VERSION)
        vario.record_prediction(
            features={
                "age": user["age"],
                "country": COUNTRIES[user["country"]][0],
                "session_length": session_length,
            },
            prediction=ranked[0]["score"],
        )
        return JSONResponse({"items": ranked, "model_version": self._version})

    async def _encode(
        self, user_id: int, session_length: float | None, chosen: Any
    ) -> tuple[Floats, dict[str, Any]]:
        """Returns the model's input, and what the feature store knows of the user."""
        with vario.step("encode_features") as span:
            found = await self._fetch(user_id)
            span.set_attribute("cache_hit", found["cache_hit"])
            vario.annotate(cache_hit=found["cache_hit"])
            user = found["features"]
            category = self._items.category[chosen]
            rows = encode(
                age=user["age"],
                country=user["country"],
                session_length=float("nan") if session_length is None else session_length,
                user_accept_rate=user["user_accept_rate"],
                category_accept_rate=np.array(user["category_accept_rate"])[category],
                peer_accept_rate=np.array(user["peer_accept_rate"])[category],
                items=self._items,
                chosen=chosen,
            )
            return rows, user

    async def _fetch(self, user_id: int) -> dict[str, Any]:
        try:
            answer = await self._client.post("/features", json={"user_id": user_id})
        except httpx.TimeoutException as error:
            LOG.warning("the feature store did not answer within %g s", FEATURE_TIMEOUT_S)
            raise HTTPException(504, "the feature store took too long") from error
        except httpx.TransportError as error:
            LOG.warning("the feature store cannot be reached: %s", error)
            raise HTTPException(502, "the feature store cannot be reached") from error
        if answer.status_code == 404:
            raise HTTPException(404, "no such user")
        if answer.is_error:
            raise HTTPException(503, "the feature store has too much to do")
        return answer.json()

    async def _predict(self, rows: Floats) -> Floats:
        with vario.step("predict") as span:
            if self._region in self._knobs.now.noisy and self._random.random() < NOISE_SHARE:
                await asyncio.sleep(self._random.exponential(NOISE_S))
            made = await self._batcher.predict(rows)
            span.set_attributes(
                {
                    "batch_id": made.batch_id,
                    "batch_size": made.batch_size,
                    "queue_ms": round(made.queued_s * 1000, 3),
                }
            )
            vario.annotate(batch_id=made.batch_id, batch_size=made.batch_size)
            return made.scores

    def _postprocess(self, chosen: Any, scores: Floats) -> list[dict[str, Any]]:
        """Returns the best, at most two of a category."""
        with vario.step("postprocess", candidates=len(chosen)):
            ranked: list[dict[str, Any]] = []
            taken = [0] * len(CATEGORIES)
            for index in np.argsort(-scores):
                item = int(chosen[index])
                category = int(self._items.category[item])
                if taken[category] < 2:
                    taken[category] += 1
                    score = round(float(scores[index]), 4)
                    ranked.append({"item_id": item + 1, "category": category, "score": score})
                if len(ranked) == ANSWERS:
                    break
            return ranked

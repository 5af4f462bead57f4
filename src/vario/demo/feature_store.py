"""The feature store: a cache for each region in front of one database.

Besides what the SDK sends, it exposes `/metrics`, which the demo's server scrapes: many a service
had that before it knew OpenTelemetry.
"""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import vario
from vario.demo.cache import Cache
from vario.demo.database import Database
from vario.demo.exposition import CacheMetrics, Exposed

# About 2,000 users a region come, some often and most rarely. The cache of us-east is too small
# for them, as in the classic incident: of 100 requests it misses 47, that of eu-west 23.
CAPACITY = {"us-east": 60, "eu-west": 1_000}
TTL_S = 300.0
READERS = 2
MAX_WAITING = 48


class FeatureStore:
    """The service; `app` is its ASGI application."""

    def __init__(self, database: Path) -> None:
        self._database = Database(database)
        self._caches: dict[str, Cache[int, dict[str, Any]]] = {
            region: Cache(capacity, TTL_S) for region, capacity in CAPACITY.items()
        }
        self._metrics = CacheMetrics({name: cache.__len__ for name, cache in self._caches.items()})
        self._pool = ThreadPoolExecutor(READERS, "sqlite")
        self._waiting = 0
        routes = [
            Route("/features", self.get_features, methods=["POST"]),
            Route("/events", self.add_event, methods=["POST"]),
        ]
        recorded = vario.instrument_asgi(Starlette(routes=routes, lifespan=self._lifespan))
        self.app = Exposed(recorded, self._metrics.render)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        yield
        self._pool.shutdown()
        self._database.close()

    async def get_features(self, request: Request) -> Response:
        """Answers with a user's features and whether they came from the cache."""
        asked = await request.json()
        user_id, region = int(asked["user_id"]), str(asked["region"])
        cache = self._caches[region]
        with vario.step("read_cache", region=region) as span:
            features = cache.get(user_id)
            is_hit = features is not None
            span.set_attribute("cache_hit", is_hit)
        (self._metrics.hits if is_hit else self._metrics.misses)[region] += 1
        vario.count("feature_cache_requests_total", region=region, cache_hit=is_hit)
        vario.annotate(user_region=region, cache_hit=is_hit)
        if features is None:
            if self._waiting >= MAX_WAITING:
                return JSONResponse({"error": "too many requests wait for the database"}, 503)
            features = await self._read(user_id, region)
            if features is None:
                return JSONResponse({"error": "no such user"}, 404)
            cache.put(user_id, features)
        vario.gauge("feature_cache_entries", len(cache), region=region)
        return JSONResponse({"features": features, "cache_hit": is_hit})

    async def _read(self, user_id: int, region: str) -> dict[str, Any] | None:
        self._waiting += 1
        start_s = perf_counter()
        try:
            with vario.step("read_database", region=region, waiting=self._waiting):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool, self._database.read_features, user_id)
        finally:
            self._waiting -= 1
            self._metrics.reads[region].observe(perf_counter() - start_s)

    async def add_event(self, request: Request) -> Response:
        """Stores what a user did; features in a cache stay as they are until their time."""
        event = await request.json()
        with vario.step("write_database"):
            await asyncio.get_running_loop().run_in_executor(
                self._pool,
                lambda: self._database.write_event(
                    int(event["user_id"]),
                    int(event["item_id"]),
                    int(event["category"]),
                    accepted=bool(event["accepted"]),
                ),
            )
        return Response(status_code=204)

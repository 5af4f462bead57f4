"""The feature store of one region: a cache in front of the database.

Besides what the SDK sends, it exposes `/metrics`, which the demo's server scrapes: many a service
had that before it knew OpenTelemetry.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import vario
from vario.demo.cache import Cache
from vario.demo.database import Database
from vario.demo.exposition import CacheMetrics, Exposed
from vario.demo.knobs import LiveKnobs

TTL_S = 3600.0
READERS = 8
MAX_WAITING = 48
REMEMBERED = 4_000
# The database is a file here; a real one is across a network, and some of its reads wait for locks
# and disks. Each read really waits that long: half of them less than 0.125 s, one in twenty 0.33 s.
AWAY_S, AWAY_SPREAD, AWAY_AT_MOST_S = 0.125, 0.6, 0.8
# A snapshot of what is cached goes to a shared volume now and then, under the cache's lock. Where
# the volume hangs, everybody waits for longer than the model server does.
SNAPSHOT_EVERY_S = (8.0, 20.0)
HANGS_S = 2.4
LOG = logging.getLogger("feature-store")


class FeatureStore:
    """The service; `app` is its ASGI application.

    Args:
        database: the file.
        region: whom it serves.
        knobs: how large its cache is, and whether its volume hangs.
        seed: of waiting times.
        lately: users who came before it started, the last one last.
    """

    def __init__(
        self,
        database: Path,
        region: str,
        knobs: LiveKnobs,
        *,
        seed: int | None = None,
        lately: Iterable[int] = (),
    ) -> None:
        self._database = Database(database)
        self._region = region
        self._knobs = knobs
        self._random = np.random.default_rng(seed)
        self._cache = Cache[int, dict[str, Any]](knobs.now.cache[region], TTL_S)
        self._lock = asyncio.Lock()
        self._lately = deque(lately, REMEMBERED)
        self._metrics = CacheMetrics({region: self._cache.__len__})
        self._pool = ThreadPoolExecutor(READERS, "sqlite")
        self._side_pool = ThreadPoolExecutor(1, "sqlite-side")
        self._volume = ThreadPoolExecutor(1, "volume")
        self._snapshot = database.parent / f"cached-{region}"
        self._waiting = 0
        routes = [
            Route("/features", self.get_features, methods=["POST"]),
            Route("/events", self.add_event, methods=["POST"]),
        ]
        recorded = vario.instrument_asgi(Starlette(routes=routes, lifespan=self._lifespan))
        self.app = Exposed(recorded, self._metrics.render)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        tasks = [asyncio.create_task(work) for work in (self._write_snapshots(), self._resize())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.close()

    async def close(self) -> None:
        """Ends its threads and closes the database."""
        for pool in (self._pool, self._side_pool, self._volume):
            await asyncio.to_thread(pool.shutdown)
        self._database.close()

    async def get_features(self, request: Request) -> Response:
        """Answers with a user's features and whether they came from the cache."""
        asked = await request.json()
        user_id, region = int(asked["user_id"]), self._region
        with vario.step("read_cache", region=region) as span:
            async with self._lock:
                features = self._cache.get(user_id)
            is_hit = features is not None
            span.set_attribute("cache_hit", is_hit)
        self._lately.append(user_id)
        (self._metrics.hits if is_hit else self._metrics.misses)[region] += 1
        vario.count("feature_cache_requests_total", region=region, cache_hit=is_hit)
        vario.annotate(user_region=region, cache_hit=is_hit, cache_miss=not is_hit)
        if features is None:
            if self._waiting >= MAX_WAITING:
                return JSONResponse({"error": "too many requests wait for the database"}, 503)
            features = await self._read(user_id, region)
            if features is None:
                return JSONResponse({"error": "no such user"}, 404)
            self._cache.put(user_id, features)
        vario.gauge("feature_cache_entries", len(self._cache), region=region)
        return JSONResponse({"features": features, "cache_hit": is_hit})

    async def _read(self, user_id: int, region: str) -> dict[str, Any] | None:
        self._waiting += 1
        start_s = perf_counter()
        away_s = min(AWAY_AT_MOST_S, AWAY_S * self._random.lognormal(0.0, AWAY_SPREAD))
        try:
            with vario.step("read_database", region=region, waiting=self._waiting):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._pool, self._read_far, user_id, away_s)
        finally:
            self._waiting -= 1
            self._metrics.reads[region].observe(perf_counter() - start_s)

    def _read_far(self, user_id: int, away_s: float) -> dict[str, Any] | None:
        time.sleep(away_s)
        return self._database.read_features(user_id)

    async def add_event(self, request: Request) -> Response:
        """Stores what a user did; features in a cache stay as they are until their time."""
        event = await request.json()
        with vario.step("write_database"):
            await asyncio.get_running_loop().run_in_executor(
                self._side_pool,
                lambda: self._database.write_event(
                    int(event["user_id"]),
                    int(event["item_id"]),
                    int(event["category"]),
                    accepted=bool(event["accepted"]),
                ),
            )
        return Response(status_code=204)

    async def _resize(self) -> None:
        """Warms the cache up, and again whenever it is given another size."""
        warmed = 0
        while True:
            capacity = self._knobs.now.cache[self._region]
            if capacity != warmed:
                self._cache.resize(capacity)
                warmed = capacity
                read = await self.warm_up()
                LOG.info("the cache holds up to %d users; %d were read ahead", capacity, read)
            await asyncio.sleep(0.5)

    async def warm_up(self) -> int:
        """Returns how many users' features were read ahead: of those who came lately."""
        wanted: dict[int, None] = {}
        for user_id in reversed(self._lately):
            if len(wanted) == self._cache.capacity:
                break
            wanted[user_id] = None
        cold = [user_id for user_id in reversed(wanted) if user_id not in self._cache]
        loop, read = asyncio.get_running_loop(), 0
        for user_id in cold:
            features = await loop.run_in_executor(
                self._side_pool, self._database.read_features, user_id
            )
            if features is not None:
                self._cache.put(user_id, features)
                read += 1
        return read

    async def _write_snapshots(self) -> None:
        while True:
            await asyncio.sleep(float(self._random.uniform(*SNAPSHOT_EVERY_S)))
            with vario.step("write_snapshot", region=self._region):
                await self.write_snapshot()

    async def write_snapshot(self) -> None:
        """Writes down who is cached; nobody can read the cache meanwhile."""
        async with self._lock:
            text = "\n".join(str(user_id) for user_id in self._cache)
            hangs_s = HANGS_S if self._region in self._knobs.now.hanging else 0.0
            await asyncio.get_running_loop().run_in_executor(
                self._volume, self._write_to_volume, text, hangs_s
            )

    def _write_to_volume(self, text: str, hangs_s: float) -> None:
        time.sleep(hangs_s)
        self._snapshot.write_text(text, encoding="utf-8")

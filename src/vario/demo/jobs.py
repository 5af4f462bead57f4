"""The offline path's work: users to score, one after another at a steady pace, all day."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import httpx
import numpy as np

from vario.demo.knobs import REPLICAS
from vario.demo.world import USERS

RATE = 12.0
JITTER = 0.3
TIMEOUT_S = 120.0


class OfflineJobs:
    """Sends requests to the replica that has the fewest, whether they are answered or not.

    Args:
        folder: where the replicas' addresses are.
        rate: requests a second.
        seed: of the pace.
    """

    def __init__(self, folder: Path, rate: float = RATE, seed: int | None = None) -> None:
        self._path = folder / REPLICAS
        self._rate = rate
        self._random = np.random.default_rng(seed)
        self._in_flight = Counter[str]()
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Sends requests until it is cancelled."""
        limits = httpx.Limits(max_connections=500, max_keepalive_connections=20)
        async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False) as client:
            try:
                for number in range(1_000_000_000):
                    spread = self._random.uniform(1 - JITTER, 1 + JITTER)
                    await asyncio.sleep(spread / self._rate)
                    if urls := self._find_replicas():
                        url = min(urls, key=lambda url: self._in_flight[url])
                        call = asyncio.create_task(self._call(client, url, number % USERS + 1))
                        self._calls.add(call)
                        call.add_done_callback(self._calls.discard)
            finally:
                for call in self._calls:
                    call.cancel()
                await asyncio.gather(*self._calls, return_exceptions=True)

    def _find_replicas(self) -> list[str]:
        if not self._path.exists():
            return []
        found: list[str] = json.loads(self._path.read_text(encoding="utf-8"))
        return found

    async def _call(self, client: httpx.AsyncClient, url: str, user_id: int) -> None:
        self._in_flight[url] += 1
        try:
            await client.post(f"{url}/score", json={"user_id": user_id})
        except httpx.HTTPError:
            return  # the replica left: tonight's next round scores this user again
        finally:
            self._in_flight[url] -= 1

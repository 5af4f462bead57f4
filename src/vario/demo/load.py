"""The users: `python -m vario.demo.load GATEWAY_URL REQUESTS_PER_SECOND FOLDER [SEED]`.

They come in a wave like a day's, compressed to some minutes, a few of them often and most rarely.
Now and then a message goes out to many of them at once, or there is a live event, whose viewers
come back again and again. Some have deleted their accounts. They look at the first recommendation,
think, and many then accept or reject it by what they really like.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from math import pi, sin
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import numpy as np

from vario.demo import world
from vario.demo.jobs import OfflineJobs
from vario.demo.knobs import Knobs, LiveKnobs

WAVE_PERIOD_S = 240.0
VIEWERS_REGION = "us-east"
VIEWERS_BACK_S = (76.0, 84.0)
SURGE_EVERY_S = 150.0
SURGE_REQUESTS = 100
SURGE_LASTS_S = 1.2
UNKNOWN_SHARE = 0.005
REACTING_SHARE = 0.6
THINK_S = 1.5


class Load:
    """Sends requests at a mean rate, whether they are answered or not."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        rate: float,
        find_knobs: Callable[[], Knobs],
        seed: int | None = None,
    ) -> None:
        self._client = client
        self._rate = rate
        self._find_knobs = find_knobs
        self._random = np.random.default_rng(seed)
        self._users, self._items = world.make_users(), world.make_items()
        self._crowds = world.make_crowds(self._users)
        own = self._crowds[VIEWERS_REGION].ids
        self._viewers = self._random.permutation(own)
        self._watching = 0
        self._visits: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Sends requests until it is cancelled; users who are still there then leave."""
        try:
            await self._send()
        finally:
            for visit in self._visits:
                visit.cancel()
            await asyncio.gather(*self._visits, return_exceptions=True)

    async def _send(self) -> None:
        start_s = monotonic()
        next_surge_s = self._random.exponential(SURGE_EVERY_S)
        while True:
            knobs, now_s = self._find_knobs(), monotonic() - start_s
            self._seat_viewers(knobs.viewers)
            rate = self._rate * (1 + knobs.wave * sin(2 * pi * now_s / WAVE_PERIOD_S))
            east = rate * knobs.east_share * knobs.east_surge
            rate = east + rate * (1 - knobs.east_share)
            await asyncio.sleep(self._random.exponential(1 / rate))
            self._begin(world.REGIONS[0 if self._random.random() < east / rate else 1])
            if now_s > next_surge_s:
                next_surge_s = now_s + self._random.exponential(SURGE_EVERY_S)
                if knobs.bursts:
                    self._burst()

    def _burst(self) -> None:
        region = str(self._random.choice(world.REGIONS))
        for delay_s in self._random.uniform(0, SURGE_LASTS_S, SURGE_REQUESTS):
            self._begin(region, delay_s)

    def _seat_viewers(self, count: int) -> None:
        """Has so many users watch; those who watch beyond that leave when they would come back."""
        for seat in range(self._watching, count):
            self._keep(self._watch(seat))
        self._watching = count

    async def _watch(self, seat: int) -> None:
        await asyncio.sleep(self._random.uniform(0, VIEWERS_BACK_S[1]))
        while seat < self._watching:
            self._keep(self._visit(VIEWERS_REGION, int(self._viewers[seat])))
            await asyncio.sleep(self._random.uniform(*VIEWERS_BACK_S))

    def _begin(self, region: str, delay_s: float = 0.0) -> None:
        crowd = self._crowds[region]
        user = int(world.draw_visits(crowd, 1, self._random)[0])
        self._keep(self._visit(region, user, delay_s))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        visit = asyncio.create_task(work)
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _visit(self, region: str, user: int, delay_s: float = 0.0) -> None:
        await asyncio.sleep(delay_s)
        length = float(world.draw_session_length(self._users.session_length[user], self._random))
        question: dict[str, Any] = {"user_id": user + 1, "region": region}
        if self._random.random() < UNKNOWN_SHARE:
            question["user_id"] = world.USERS + 1 + user
        if self._random.random() >= world.MISSING_SESSION_SHARE:
            question["session_length"] = round(length, 1)
        try:
            answer = await self._client.post("/recommend", json=question)
            if answer.is_success and self._random.random() < REACTING_SHARE:
                await self._react(user, length, answer.json())
        except httpx.HTTPError:
            return  # the user goes away; the gateway's own telemetry says why

    async def _react(self, user: int, length: float, answer: dict[str, Any]) -> None:
        await asyncio.sleep(self._random.exponential(THINK_S))
        first = answer["items"][0]
        item = first["item_id"] - 1
        users, items = self._users, self._items
        probability = world.accept_probability(
            users.age[user],
            users.country[user],
            length,
            items.category[item],
            items.price[item],
            items.quality[item],
        )
        told = {
            "request_id": answer["request_id"],
            "item_id": first["item_id"],
            "category": first["category"],
            "accepted": bool(self._random.random() < probability),
        }
        await self._client.post("/feedback", json=told)


async def main(url: str, rate: float, folder: Path, seed: int | None) -> None:
    """Sends requests to the gateway, and the offline path's, until the process is stopped."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
    knobs = LiveKnobs(folder)
    async with httpx.AsyncClient(base_url=url, timeout=5, limits=limits, trust_env=False) as client:
        users = Load(client, rate, lambda: knobs.now, seed)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(users.run())
            tasks.create_task(OfflineJobs(folder, seed=seed).run())


if __name__ == "__main__":
    url, rate, folder, *seed = sys.argv[1:]
    asyncio.run(main(url, float(rate), Path(folder), int(seed[0]) if seed else None))

"""A replica of the offline path: scores users for tonight's messages, on an accelerator.

Nobody waits for its answers, so requests wait until a batch is full.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

import vario
from vario.demo.accelerator import Accelerator
from vario.demo.knobs import LiveKnobs

MAX_WAIT_S = 4.0
REPORT_EVERY_S = 0.5
GPU_USD_PER_HOUR = 2.5
_FACTORS = 16


class OfflineServer:
    """The service, an ASGI application.

    Args:
        knobs: how many requests a batch may have.
        accelerator: the device; one of its own where it is not given.
    """

    def __init__(self, knobs: LiveKnobs, accelerator: Accelerator | None = None) -> None:
        self._knobs = knobs
        self._accelerator = accelerator or Accelerator()
        self._queue: asyncio.Queue[tuple[vario.Ticket, int, asyncio.Future[float]]] = (
            asyncio.Queue()
        )
        self._in_flight = 0
        self._taste = np.random.default_rng(7).normal(0, 1, (_FACTORS, _FACTORS))
        routes = [Route("/score", self.score, methods=["POST"])]
        self._recorded = vario.instrument_asgi(Starlette(routes=routes, lifespan=self._lifespan))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one connection. What the autoscaler asks is no user's request."""
        app = self._recorded
        if scope["type"] == "http" and scope["path"] == "/load":
            app = JSONResponse(self.load())
        await app(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        tasks = [asyncio.create_task(work) for work in (self.run(), self._report())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def score(self, request: Request) -> JSONResponse:
        """Answers with a user's score, once a batch was full or has waited long enough."""
        asked = await request.json()
        self._in_flight += 1
        try:
            answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
            await self._queue.put((vario.enqueue(), int(asked["user_id"]), answer))
            score = await answer
        finally:
            self._in_flight -= 1
        vario.annotate(path="offline", prediction=round(score, 4))
        return JSONResponse({"score": score})

    def load(self) -> dict[str, float]:
        """Returns how busy this replica is."""
        return {"in_flight": self._in_flight, "occupancy": self._accelerator.occupancy()}

    async def run(self) -> None:
        """Makes batches until it is cancelled."""
        while True:
            batch = await self._collect()
            tickets = [ticket for ticket, _, _ in batch]
            with vario.batch(tickets, name="predict", path="offline"):
                await self._accelerator.run(len(batch))
                scores = self._compute([user_id for _, user_id, _ in batch])
            for (_, _, answer), score in zip(batch, scores, strict=True):
                if not answer.done():
                    answer.set_result(score)

    async def _collect(self) -> list[tuple[vario.Ticket, int, asyncio.Future[float]]]:
        batch = [await self._queue.get()]
        due_s = monotonic() + MAX_WAIT_S
        while len(batch) < self._knobs.now.offline_batch:
            try:
                batch.append(await asyncio.wait_for(self._queue.get(), due_s - monotonic()))
            except TimeoutError:
                break
        return batch

    def _compute(self, user_ids: list[int]) -> list[float]:
        tastes = np.sin(np.outer(user_ids, np.arange(1, _FACTORS + 1)))
        values = np.einsum("ij,jk,ik->i", tastes, self._taste, tastes) / _FACTORS
        return (1 / (1 + np.exp(-values))).tolist()

    async def _report(self) -> None:
        """Reports the device's utilisation, and what it costs whether it computes or not."""
        paid_s = monotonic()
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            vario.gauge("gpu_utilization_ratio", self._accelerator.utilisation(), gpu="0")
            now_s = monotonic()
            vario.count("gpu_cost_usd_total", GPU_USD_PER_HOUR * (now_s - paid_s) / 3600, gpu="0")
            paid_s = now_s

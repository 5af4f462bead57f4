"""Predictions of requests that come together are made together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """Scores of one request's rows, and the batch that they were made in."""

    scores: Floats
    batch_id: str
    batch_size: int
    queued_s: float


@dataclass(frozen=True)
class _Waiting:
    rows: Floats
    since_s: float
    answer: "asyncio.Future[Prediction]"


class Batcher:
    """Runs a model on up to `max_size` requests at once, in a thread of its own.

    A request waits for others at most `max_wait_s`, and longer where the model is busy.
    """

    def __init__(self, model: Any, name: str, *, max_size: int, max_wait_s: float) -> None:
        self._model = model
        self._name = name
        self._max_size = max_size
        self._max_wait_s = max_wait_s
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._pool = ThreadPoolExecutor(1, "model")
        self._count = 0

    @property
    def waiting(self) -> int:
        """Returns how many requests wait."""
        return self._queue.qsize()

    async def predict(self, rows: Floats) -> Prediction:
        """Returns the model's scores of the rows of one request."""
        answer: asyncio.Future[Prediction] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Waiting(rows, perf_counter(), answer))
        return await answer

    async def run(self) -> None:
        """Makes batches until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._collect()
            started_s = perf_counter()
            self._count += 1
            try:
                scores = await loop.run_in_executor(
                    self._pool, self._score, [waiting.rows for waiting in batch]
                )
            except Exception as error:
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
                continue
            for waiting, own in zip(batch, scores, strict=True):
                if not waiting.answer.done():
                    queued_s = started_s - waiting.since_s
                    waiting.answer.set_result(
                        Prediction(own, f"{self._name}-{self._count}", len(batch), queued_s)
                    )

    async def _collect(self) -> list[_Waiting]:
        batch = [await self._queue.get()]
        deadline_s = batch[0].since_s + self._max_wait_s
        while len(batch) < self._max_size:
            left_s = deadline_s - perf_counter()
            try:
                if left_s > 0:
                    batch.append(await asyncio.wait_for(self._queue.get(), left_s))
                else:
                    batch.append(self._queue.get_nowait())
            except (TimeoutError, asyncio.QueueEmpty):
                break
        return batch

    def _score(self, parts: list[Floats]) -> list[Floats]:
        scores = self._model.predict_proba(np.vstack(parts))[:, 1]
        return np.split(scores, np.cumsum([len(part) for part in parts])[:-1])

"""The parts of the demo, each by itself."""

import asyncio
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from vario.demo import world
from vario.demo.batching import Batcher
from vario.demo.cache import Cache
from vario.demo.database import Database
from vario.demo.feature_store import FeatureStore
from vario.demo.features import FEATURES, encode
from vario.demo.gateway import Gateway
from vario.demo.infer import ModelServer
from vario.demo.knobs import Knobs, LiveKnobs
from vario.demo.load import Load
from vario.demo.prepare import DATABASE, MODEL
from vario.demo.processes import Child, check_alive, stop_in_order
from vario.errors import Unavailable


def test_a_cache_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    cache = Cache[int, str](2, ttl_s=10, now_s=lambda: 0.0)
    cache.put(1, "one")
    cache.put(2, "two")
    assert cache.get(1) == "one"
    cache.put(3, "three")
    assert [cache.get(key) for key in (1, 2, 3)] == ["one", None, "three"]
    assert len(cache) == 2


def test_nothing_stays_in_a_cache_beyond_its_time() -> None:
    now_s = [0.0]
    cache = Cache[int, str](2, ttl_s=10, now_s=lambda: now_s[0])
    cache.put(1, "one")
    now_s[0] = 9.9
    assert cache.get(1) == "one"
    now_s[0] = 10.0
    assert cache.get(1) is None
    assert len(cache) == 0


def test_features_are_what_users_did(system: Path) -> None:
    database = Database(system / DATABASE)
    features = database.read_features(1)
    assert features is not None
    with sqlite3.connect(system / DATABASE) as connection:
        shown, accepted = connection.execute(
            "SELECT count(*), sum(accepted) FROM events WHERE user_id = 1"
        ).fetchone()
    connection.close()
    assert features["user_accept_rate"] == pytest.approx((accepted + 1) / (shown + 4))
    assert len(features["category_accept_rate"]) == len(features["peer_accept_rate"]) == 8
    users = world.make_users()
    assert (features["age"], features["country"]) == (users.age[0], users.country[0])
    assert database.read_features(world.USERS + 1) is None
    database.close()


def test_what_users_do_changes_their_features(system: Path, tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    path.write_bytes((system / DATABASE).read_bytes())
    database = Database(path)
    before = database.read_features(7)
    for _ in range(20):
        database.write_event(7, 1, 3, accepted=True)
    after = database.read_features(7)
    database.close()
    assert before is not None
    assert after is not None
    assert after["category_accept_rate"][3] > before["category_accept_rate"][3]
    assert after["user_accept_rate"] > before["user_accept_rate"]


def test_the_model_has_learnt_what_users_like(system: Path) -> None:
    """Of two items, one liked and one not, it puts the liked one first in 7 cases of 10."""
    trained = pickle.loads((system / MODEL).read_bytes())
    users, items = world.make_users(), world.make_items()
    database = Database(system / DATABASE)
    rng = np.random.default_rng(5)
    wins: list[float] = []
    for user in rng.integers(0, world.USERS, 60):
        known = database.read_features(int(user) + 1)
        assert known is not None
        chosen = rng.choice(world.ITEMS, 100, replace=False)
        category = items.category[chosen]
        rows = encode(
            age=known["age"],
            country=known["country"],
            session_length=users.session_length[user],
            user_accept_rate=known["user_accept_rate"],
            category_accept_rate=np.array(known["category_accept_rate"])[category],
            peer_accept_rate=np.array(known["peer_accept_rate"])[category],
            items=trained["items"],
            chosen=chosen,
        )
        truth = world.accept_probability(
            users.age[user],
            users.country[user],
            users.session_length[user],
            category,
            items.price[chosen],
            items.quality[chosen],
        )
        accepted = rng.random(100) < truth
        scores = trained["model"].predict_proba(rows)[:, 1]
        wins.extend((scores[accepted][:, None] > scores[~accepted][None, :]).ravel())
    database.close()
    assert rows.shape == (100, len(FEATURES))
    assert np.mean(wins) > 0.7


class _SlowModel:
    """Remembers how many rows each call had; the first call waits until it is let go."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.gate = Event()

    def predict_proba(self, rows: Any) -> Any:
        self.sizes.append(len(rows))
        assert self.gate.wait(10)
        if np.isnan(rows).any():
            raise ValueError("no")
        return np.stack([1 - rows[:, 0], rows[:, 0]], axis=1)


@pytest.mark.anyio
async def test_requests_that_come_together_are_predicted_together() -> None:
    model = _SlowModel()
    batcher = Batcher(model, "b", max_size=4, max_wait_s=0.001)
    running = asyncio.create_task(batcher.run())
    rows = [np.full((2, 1), number / 10) for number in range(6)]
    first = asyncio.create_task(batcher.predict(rows[0]))
    while not model.sizes:  # the model is busy with the first
        await asyncio.sleep(0)
    others = [asyncio.create_task(batcher.predict(part)) for part in rows[1:]]
    while batcher.waiting < 5:
        await asyncio.sleep(0)
    model.gate.set()
    made = [await task for task in (first, *others)]
    running.cancel()
    assert model.sizes == [2, 8, 2]
    assert [one.scores.tolist() for one in made] == [part[:, 0].tolist() for part in rows]
    assert [one.batch_size for one in made] == [1, 4, 4, 4, 4, 1]
    assert [one.batch_id for one in made] == ["b-1", "b-2", "b-2", "b-2", "b-2", "b-3"]


@pytest.mark.anyio
async def test_a_model_that_fails_fails_its_batch_only() -> None:
    model = _SlowModel()
    model.gate.set()
    batcher = Batcher(model, "b", max_size=1, max_wait_s=0.001)
    running = asyncio.create_task(batcher.run())
    with pytest.raises(ValueError, match="no"):
        await batcher.predict(np.full((1, 1), np.nan))
    assert (await batcher.predict(np.full((1, 1), 0.5))).scores.tolist() == [0.5]
    running.cancel()


class _Routed(httpx.AsyncBaseTransport):
    """Reaches applications of this process by their host's name."""

    def __init__(self, apps: dict[str, Any]) -> None:
        self._apps = apps

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = httpx.ASGITransport(self._apps[request.url.host])
        return await transport.handle_async_request(request)


@pytest.mark.anyio
async def test_one_recommendation_through_all_services(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps: dict[str, Any] = {}
    plain = httpx.AsyncClient

    def client(**options: Any) -> httpx.AsyncClient:
        return plain(**{**options, "transport": _Routed(apps)})

    monkeypatch.setattr(httpx, "AsyncClient", client)
    knobs = LiveKnobs(system)
    store = FeatureStore(system / DATABASE, "eu-west", knobs)
    model = ModelServer("eu-west", system / MODEL, "http://store", "v23", knobs=knobs)
    gateway = Gateway({"eu-west": "http://model"}, {"eu-west": "http://store"}, "recommender")
    apps |= {"store": store.app, "model": model.app, "gateway": gateway.app}
    batches = asyncio.create_task(model._batcher.run())
    async with client(base_url="http://gateway") as user:
        asked = {"user_id": 3, "region": "eu-west", "session_length": 4.0}
        answer = (await user.post("/recommend", json=asked)).json()
        assert len(answer["items"]) == 5
        scores = [item["score"] for item in answer["items"]]
        assert scores == sorted(scores, reverse=True)
        unknown = await user.post("/recommend", json={**asked, "user_id": world.USERS + 1})
        assert unknown.status_code == 404
        lost = await user.post("/feedback", json={"request_id": "none", "accepted": True})
        assert lost.status_code == 404
        elsewhere = await user.post("/recommend", json={**asked, "region": "mars"})
        assert elsewhere.status_code == 400
        scraped = await user.get("http://store/metrics")
    batches.cancel()
    await store.close()
    assert scraped.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = scraped.text.splitlines()
    told = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)
            if not name.startswith("# ")}  # fmt: skip
    eu = 'feature_store_{}{{region="eu-west"}}'
    assert told[eu.format("cache_hits_total")] == 0
    assert told[eu.format("cache_misses_total")] == 2
    assert told[eu.format("cache_entries")] == 1
    assert told[eu.format("read_seconds_count")] == 2
    assert 0 < told[eu.format("read_seconds_sum")] < 10
    assert told['feature_store_read_seconds_bucket{region="eu-west",le="+Inf"}'] == 2


@pytest.mark.anyio
async def test_users_react_to_what_they_are_shown() -> None:
    told: list[dict[str, Any]] = []
    enough = asyncio.Event()

    def gateway(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/feedback":
            told.append(body)
            if len(told) == 100:
                enough.set()
            return httpx.Response(204)
        first = {"item_id": 1 + body["user_id"] % 500, "category": 2, "score": 0.5}
        return httpx.Response(200, json={"request_id": "r", "items": [first]})

    transport = httpx.MockTransport(gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        load = Load(client, rate=400, find_knobs=Knobs, seed=1)
        running = asyncio.create_task(load.run())
        await asyncio.wait_for(enough.wait(), 30)
        running.cancel()
        await asyncio.wait([running])
    assert {one["accepted"] for one in told} == {True, False}


def child(tmp_path: Path, code: str) -> Child:
    module = tmp_path / "told.py"
    module.write_text(code)
    environment = {"PYTHONPATH": str(tmp_path)}
    return Child("told", ["told"], tmp_path / "out", environment=environment)


def wait_until(is_true: Any, timeout_s: float = 20) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_dead_child_is_named_with_its_last_words(tmp_path: Path) -> None:
    dead = child(tmp_path, "print('first'); raise SystemExit('the disk is full')")
    dead.wait()
    with pytest.raises(
        Unavailable, match=r"told ended with exit code 1.*\nfirst\nthe disk is full"
    ):
        check_alive([dead])


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    deaf = child(
        tmp_path,
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()\n",
    )
    wait_until(lambda: "ready" in deaf.last_lines())
    stop_in_order([[deaf]], timeout_s=0.2)
    assert deaf.exit_code == -signal.SIGKILL


def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text("import signal\nwhile True: signal.pause()\n")
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, signal\n"
            "from vario.demo.processes import Child\n"
            f"child = Child('endless', ['endless'], pathlib.Path({str(tmp_path / 'out')!r}))\n"
            "print(child._process.pid, flush=True)\n"
            "signal.pause()\n",
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert parent.stdout is not None
    orphan = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE)

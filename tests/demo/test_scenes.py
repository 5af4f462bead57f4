"""What goes wrong in the demo really does, part by part; and what mends it really mends it."""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, cast

import httpx
import numpy as np
import pytest
from click.testing import CliRunner

from vario.cli.rules import rules
from vario.cli.slo import slo
from vario.config import load_settings
from vario.demo import accelerator, autoscale, load, offline
from vario.demo.accelerator import ITEM_S, LAUNCH_S, Accelerator
from vario.demo.autoscale import COOL_S, LEAST, MOST, SETTLE_S, Scaling
from vario.demo.cache import Cache
from vario.demo.feature_store import FeatureStore
from vario.demo.files import write_server_files
from vario.demo.incident import Incident, mend
from vario.demo.jobs import RATE
from vario.demo.knobs import KNOBS, Knobs, LiveKnobs, change_knobs, read_knobs, write_knobs
from vario.demo.load import Load
from vario.demo.notices import Notices
from vario.demo.offline import OfflineServer
from vario.demo.prepare import DATABASE
from vario.demo.releases import HARMLESS, HEALTHY, SILENT, read_session_length
from vario.demo.rollout import Rollout
from vario.demo.scenes import CONTROLS, INCIDENTS, SCENES, VIEWERS, Stage
from vario.demo.world import draw_visits, make_crowds, make_users
from vario.errors import BadData
from vario.slo.load import load_slos


def test_knobs_are_read_as_they_were_written_and_when_they_change(tmp_path: Path) -> None:
    live = LiveKnobs(tmp_path)
    assert live.now == Knobs()
    write_knobs(tmp_path, Knobs(offline_batch=1, hanging=("eu-west",), noisy=("us-east",)))
    assert live.now == Knobs(offline_batch=1, hanging=("eu-west",), noisy=("us-east",))
    changed = change_knobs(tmp_path, offline_batch=8, viewers=3)
    assert live.now == changed == replace(Knobs(), offline_batch=8, viewers=3,
                                          hanging=("eu-west",), noisy=("us-east",))  # fmt: skip


class _Rollout(Rollout):
    """Remembers what was rolled out."""

    def __init__(self) -> None:
        self.gone: list[str] = []

    def go(self, version: str) -> Iterator[None]:
        self.gone.append(version)
        yield


class _Stage:
    """A stage of which everything can be seen."""

    def __init__(self, folder: Path, knobs: Mapping[str, Any]) -> None:
        write_knobs(folder, Knobs(**knobs))
        self.folder = folder
        self.rollout = _Rollout()
        self.marks: list[tuple[str, str, str, Mapping[str, str]]] = []
        self.stage = Stage(folder, self.rollout, lambda *mark: self.marks.append(mark))

    @property
    def knobs(self) -> Knobs:
        return read_knobs(self.folder / KNOBS)


@pytest.mark.parametrize("name", SCENES)
def test_an_incident_changes_the_system_and_its_end_changes_it_back(
    name: str, tmp_path: Path
) -> None:
    scene = SCENES[name]
    seen = _Stage(tmp_path, scene.knobs)
    before = seen.knobs
    list(scene.begin(seen.stage))
    during = seen.knobs
    assert (scene.mend is None) == (name in CONTROLS)
    if scene.mend is not None:
        assert during != before or seen.rollout.gone == [SILENT]
        list(scene.mend(seen.stage))
        assert len(seen.stage.did) == 1
        assert seen.marks[-1][0] == "fix"
    after = seen.knobs
    if name == "latency-surge":  # the surge goes on: twice the cache is what mends it
        assert after == replace(before, viewers=VIEWERS, cache={"us-east": 1_600, "eu-west": 800})
    elif name in INCIDENTS:
        assert (after, seen.rollout.gone[1:]) == (before, [HEALTHY] if seen.rollout.gone else [])


def test_markers_are_what_a_teams_tooling_knows(tmp_path: Path) -> None:
    """Nobody knows that a surge comes or that a volume hangs; of controls nothing else is told."""
    told: dict[str, list[str]] = {}
    for name, scene in SCENES.items():
        seen = _Stage(tmp_path, scene.knobs)
        list(scene.begin(seen.stage))
        told[name] = [f"{kind}: {text}" for kind, text, _, _ in seen.marks]
    assert {name: texts for name, texts in told.items() if texts} == {
        "silent-release": [f"release: ml-infer {SILENT}"],
        "cost-spike": ["config: batch_size of the offline path: 8 -> 1"],
        "harmless-release": [f"release: ml-infer {HARMLESS}"],
    }


def misses(capacity: int, viewers: int, seed: int = 1) -> float:
    """Returns the share of look-ups of us-east that miss, over five minutes."""
    rng = random.Random(seed)
    own = make_crowds(make_users())["us-east"]
    draws = np.random.default_rng(seed)
    cache = Cache[int, bool](capacity, ttl_s=3600, now_s=lambda: 0.0)
    for user in draw_visits(own, 4_000, draws):
        cache.put(int(user), True)
    visits = [(rng.uniform(0, 300), int(user)) for user in draw_visits(own, 6 * 300, draws)]
    for user in draws.permutation(own.ids)[:viewers]:
        at_s = rng.uniform(0, load.VIEWERS_BACK_S[1])
        while at_s < 300:
            visits.append((at_s, int(user)))
            at_s += rng.uniform(*load.VIEWERS_BACK_S)
    missed, counted = 0, 0
    for at_s, user in sorted(visits):
        is_miss = cache.get(user) is None
        if is_miss:
            cache.put(user, True)
        if at_s > 30:
            missed, counted = missed + is_miss, counted + 1
    return missed / counted


def test_viewers_are_more_than_the_cache_holds_and_twice_the_cache_holds_them() -> None:
    usual, surge, doubled = misses(800, 0), misses(800, VIEWERS), misses(1_600, VIEWERS)
    assert usual < 0.15
    assert surge > 0.5
    assert doubled < usual


def test_only_the_silent_release_loses_a_feature_and_only_in_one_region() -> None:
    asked = {"session_length": 4.0}

    def lost(version: str, region: str) -> float:
        rng = np.random.default_rng(3)
        read = [read_session_length(asked, version, region, rng) for _ in range(2_000)]
        return sum(value is None for value in read) / 2_000

    assert 0.26 < lost(SILENT, "eu-west") < 0.32
    healthy = [(HEALTHY, "eu-west"), (SILENT, "us-east"), (HARMLESS, "eu-west")]
    assert [lost(*one) for one in healthy] == [0, 0, 0]


@pytest.mark.anyio
async def test_a_larger_cache_is_filled_with_those_who_came_lately(
    system: Path, tmp_path: Path
) -> None:
    write_knobs(tmp_path, Knobs(cache={"us-east": 4}))
    live = LiveKnobs(tmp_path)
    lately = [9, 8, 7, 6, 5, 4, 3, 2, 1, 2]
    store = FeatureStore(system / DATABASE, "us-east", live, seed=1, lately=lately)
    assert await store.warm_up() == 4
    assert list(store._cache) == [4, 3, 1, 2]
    change_knobs(tmp_path, cache={"us-east": 8})
    resizing = asyncio.create_task(store._resize())
    while len(store._cache) < 8:
        await asyncio.sleep(0.01)
    resizing.cancel()
    assert set(store._cache) == {1, 2, 3, 4, 5, 6, 7, 8}
    features = store._cache.get(8)
    await store.close()
    assert features is not None
    assert features["age"] == make_users().age[7]


@pytest.mark.anyio
async def test_nobody_reads_the_cache_while_a_volume_hangs(
    system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, hangs = Event(), list[float]()

    def sleep(seconds: float) -> None:
        hangs.append(seconds)
        if seconds > 1:
            assert let_go.wait(30)

    monkeypatch.setattr(time, "sleep", sleep)
    write_knobs(tmp_path, Knobs(hanging=("eu-west",)))
    database = tmp_path / DATABASE
    database.write_bytes((system / DATABASE).read_bytes())
    store = FeatureStore(database, "eu-west", LiveKnobs(tmp_path), seed=1)
    transport = httpx.ASGITransport(store.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://store") as client:
        assert (await client.post("/features", json={"user_id": 3})).json()["cache_hit"] is False
        hanging = asyncio.create_task(store.write_snapshot())
        while len(hangs) < 2:  # the read of the database above, and the snapshot
            await asyncio.sleep(0.001)
        stuck = asyncio.create_task(client.post("/features", json={"user_id": 3}))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(stuck), 0.2)
        let_go.set()
        await hanging
        answer = (await stuck).json()
        change_knobs(tmp_path, hanging=())
        await store.write_snapshot()
    await store.close()
    assert answer["cache_hit"] is True
    assert hangs[1:] == [2.4, 0.0]
    assert (tmp_path / "cached-eu-west").read_text() == "3"


class _Time:
    """A clock that waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.anyio
async def test_small_batches_keep_an_accelerator_busy_and_idle() -> None:
    shares: dict[int, tuple[float, float]] = {}
    for size in (1, 8):
        clock = _Time()
        device = Accelerator(now_s=clock, wait=clock.wait)
        for _ in range(100):
            await device.run(size)
        shares[size] = (device.occupancy(), device.utilisation())
    alone, full = ITEM_S / (LAUNCH_S + ITEM_S), 8 * ITEM_S / (LAUNCH_S + 8 * ITEM_S)
    assert shares[1] == (pytest.approx(1), pytest.approx(alone))
    assert shares[8] == (pytest.approx(1), pytest.approx(full))
    assert (round(alone, 2), round(full, 2)) == (0.31, 0.78)


@pytest.mark.anyio
async def test_an_idle_accelerator_forgets() -> None:
    clock = _Time()
    device = Accelerator(now_s=clock, wait=clock.wait)
    await device.run(8)
    clock.now += accelerator.WINDOW_S
    assert (device.occupancy(), device.utilisation()) == pytest.approx((0, 0))


def replicas_over(batch: int, seconds: float, start: int) -> list[int]:
    """Returns how many replicas there are each second at the demo's offline traffic."""
    now_s = [0.0]
    scaling = Scaling(lambda: now_s[0])
    batch_s = LAUNCH_S + ITEM_S * batch
    count, seen, waiting = start, list[int](), 0.0
    while now_s[0] < seconds:
        capacity = count * batch / batch_s
        waiting = max(0.0, waiting + (RATE - capacity))
        occupancy = 1.0 if waiting > batch else RATE / capacity
        count = scaling.decide(count, min(1.0, occupancy))
        now_s[0] += 1.0
        seen.append(count)
    return seen


def test_batches_of_one_double_the_replicas_and_batches_of_eight_halve_them() -> None:
    healthy = replicas_over(8, 300, LEAST)
    broken = replicas_over(1, 300, LEAST)
    mended = replicas_over(8, 300, broken[-1])
    assert set(healthy) == {2}
    assert (sorted(set(broken)), broken[-1]) == ([2, 3, 4], 4)
    assert broken.index(4) <= 4 * SETTLE_S
    assert (sorted(set(mended)), mended[-1]) == ([2, 3, 4], 2)
    assert mended.index(2) <= 3 * COOL_S
    utilisation = {count: RATE * ITEM_S / count for count in (2, 4)}
    assert utilisation == {2: pytest.approx(0.5, abs=0.01), 4: pytest.approx(0.25, abs=0.01)}


def test_replicas_stay_within_their_quota() -> None:
    assert [autoscale.find_desired(count, 1.0) for count in (2, 3, 4)] == [3, 4, MOST]
    assert [autoscale.find_desired(count, 0.0) for count in (2, 3, 4)] == [LEAST] * 3


@pytest.mark.anyio
async def test_the_offline_path_batches_as_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    class Device(Accelerator):
        async def run(self, items: int) -> None:
            sizes.append(items)

    monkeypatch.setattr(offline, "MAX_WAIT_S", 60.0)
    write_knobs(tmp_path, Knobs(offline_batch=8))
    server = OfflineServer(LiveKnobs(tmp_path), Device())
    running = asyncio.create_task(server.run())
    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url="http://offline") as client:

        async def score(count: int) -> list[float]:
            calls = [client.post("/score", json={"user_id": n}) for n in range(count)]
            return [answer.json()["score"] for answer in await asyncio.gather(*calls)]

        together = await score(8)
        idle = (await client.get("/load")).json()
        change_knobs(tmp_path, offline_batch=1)
        alone = await score(8)
    running.cancel()
    assert sizes == [8, *[1] * 8]
    assert together == pytest.approx(alone)
    assert idle == {"in_flight": 0, "occupancy": 0}


@pytest.mark.anyio
async def test_viewers_come_to_us_east_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "VIEWERS_BACK_S", (0.01, 0.02))
    monkeypatch.setattr(load, "UNKNOWN_SHARE", 0.0)
    knobs = Knobs(viewers=3)
    came: list[tuple[str, int]] = []
    enough = asyncio.Event()

    def gateway(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        came.append((body["region"], body["user_id"]))
        if len(came) > 60:
            enough.set()
        return httpx.Response(503)

    transport = httpx.MockTransport(gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        users = Load(client, rate=50, find_knobs=lambda: knobs, seed=4)
        monkeypatch.setattr(users, "_begin", lambda region, delay_s=0.0: None)
        running = asyncio.create_task(users.run())
        await asyncio.wait_for(enough.wait(), 30)
        knobs = Knobs(viewers=0)
        while users._visits:
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])
    assert {region for region, _ in came} == {"us-east"}
    assert len({user for _, user in came}) == 3


def test_an_incident_begins_is_mended_and_says_what_was_done(tmp_path: Path) -> None:
    said, claims = list[str](), list[str]()
    seen = _Stage(tmp_path, {})
    incident = Incident(
        "cost-spike",
        seen.stage,
        tmp_path,
        after_s=0.0,
        url="http://here",
        say=said.append,
        claim=claims.append,
    )
    with pytest.raises(BadData, match="no incident is on in"):
        mend(tmp_path)
    while not (tmp_path / "incident.json").exists():
        incident.step()
    begun = json.loads((tmp_path / "incident.json").read_text())
    assert (begun["incident"], seen.knobs.offline_batch) == ("cost-spike", 1)
    assert f"vario demo --fix --data {tmp_path}" in said[-1]
    (tmp_path / "incident-fix").touch()
    while not (tmp_path / "incident-fixed.json").exists():
        incident.step()
    assert seen.knobs.offline_batch == 8
    fixed = cast("dict[str, Any]", json.loads((tmp_path / "incident-fixed.json").read_text()))
    assert fixed["at"] >= begun["at"]
    assert claims == [" ".join(fixed["did"])]
    assert "batch_size of the offline path is 8 again" in claims[0]


def test_changes_and_fixes_are_told_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, Any]] = []

    def server(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, str(request.url), body))
        found = {"incidents": [{"id": "a1"}, {"id": "b2"}]}
        return httpx.Response(200, json=found if request.method == "GET" else {})

    notices = Notices("http://api", "http://otlp")
    client = httpx.Client(base_url="http://api", transport=httpx.MockTransport(server))
    monkeypatch.setattr(notices, "_client", lambda: nullcontext(client))
    notices.mark("config", "batch_size: 8 -> 1", "ml-infer-offline", {"path": "offline"})
    notices.claim_fixed("it is back")
    client.close()
    method, url, told = asked[0]
    (resource,) = told["resourceLogs"]
    (record,) = resource["scopeLogs"][0]["logRecords"]
    assert (method, url) == ("POST", "http://otlp/v1/logs")
    assert record["eventName"] == "config.change"
    assert record["body"] == {"stringValue": "batch_size: 8 -> 1"}
    assert resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "ml-infer-offline"}}
    ]
    claim = {"by": "demo", "note": "it is back"}
    assert asked[1:] == [
        ("GET", "http://api/api/incidents?state=open", None),
        ("POST", "http://api/api/incidents/a1/fixed", claim),
        ("POST", "http://api/api/incidents/b2/fixed", claim),
    ]


def test_the_files_for_the_server_are_sound(tmp_path: Path) -> None:
    options = write_server_files(tmp_path, [1234, 1235], has_incident=True)
    named = dict(zip(options[::2], options[1::2], strict=True))
    assert set(named) == {"--prometheus-config", "--slos", "--config", "--rules"}
    checked = CliRunner().invoke(slo, ["check", str(tmp_path / "slos" / "slos.yml")])
    assert checked.exit_code == 0, checked.output
    checked = CliRunner().invoke(rules, ["check", named["--rules"]])
    assert checked.exit_code == 0, checked.output
    assert load_settings(Path(named["--config"])).slo.evaluation_interval_s < 30
    for one in load_slos([str(tmp_path / "slos" / "slos.yml")]).slos:
        assert (tmp_path / "slos" / one.runbook).is_file()
        assert one.owner

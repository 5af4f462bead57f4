"""What goes wrong in the demo and how it is mended; and what only looks as if something did.

A scene breaks the running system for real: it changes who comes, what is configured, what is
rolled out, or how a volume answers. Nothing that vario shows is written by a scene, except for the
markers that a team's own tooling would send when somebody changes a setting or rolls out a version.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vario.demo.knobs import KNOBS, change_knobs, read_knobs
from vario.demo.releases import HARMLESS, HEALTHY, SILENT
from vario.demo.rollout import Rollout

VIEWERS = 820
OFFLINE = "ml-infer-offline"


@dataclass(frozen=True)
class Stage:
    """What a scene can change.

    Attributes:
        system: folder of what the demo's processes share.
        rollout: takes versions of the model server to the regions.
        mark: tells the server of a change, as a team's tooling does: kind, text, service, scope.
        did: what was done to mend it, in words; added to by scenes.
    """

    system: Path
    rollout: Rollout
    mark: Callable[[str, str, str, Mapping[str, str]], None]
    did: list[str] = field(default_factory=list[str])

    def turn(self, **changes: Any) -> None:
        """Changes knobs."""
        change_knobs(self.system, **changes)


Play = Callable[[Stage], Iterator[None]]


@dataclass(frozen=True)
class Scene:
    """An incident, or a control in which nothing is wrong.

    Attributes:
        plan: what will happen, told at the start.
        told: what has happened and where to look, told when it has.
        begin: makes it happen.
        mend: mends it; None where there is nothing to mend.
        knobs: how the demo is set up for it.
    """

    plan: str
    told: str
    begin: Play
    mend: Play | None = None
    knobs: Mapping[str, Any] = field(default_factory=dict[str, Any])


def _latency_surge(stage: Stage) -> Iterator[None]:
    stage.turn(viewers=VIEWERS)
    yield


def _double_the_cache(stage: Stage) -> Iterator[None]:
    cache = read_knobs(stage.system / KNOBS).cache
    before, after = cache["us-east"], 2 * cache["us-east"]
    stage.turn(cache={**cache, "us-east": after})
    text = f"feature cache of us-east: {before} -> {after} users, read ahead"
    stage.mark("fix", text, "feature-store", {"region": "us-east"})
    stage.did.append(
        f"The feature cache of us-east went from {before} to {after} users, and the users who came"
        " lately were read ahead. The surge goes on."
    )
    yield


def _silent_release(stage: Stage) -> Iterator[None]:
    stage.mark("release", f"ml-infer {SILENT}", "ml-infer", {"model_version": SILENT})
    yield from stage.rollout.go(SILENT)


def _take_back(stage: Stage) -> Iterator[None]:
    yield from stage.rollout.go(HEALTHY)
    stage.mark("fix", f"ml-infer back to {HEALTHY}", "ml-infer", {"model_version": HEALTHY})
    stage.did.append(f"ml-infer is back at {HEALTHY} in us-east and eu-west.")


def _cost_spike(stage: Stage) -> Iterator[None]:
    stage.turn(offline_batch=1)
    stage.mark("config", "batch_size of the offline path: 8 -> 1", OFFLINE, {"path": "offline"})
    yield


def _batch_again(stage: Stage) -> Iterator[None]:
    stage.turn(offline_batch=8)
    stage.mark("fix", "batch_size of the offline path: 1 -> 8", OFFLINE, {"path": "offline"})
    stage.did.append(
        "batch_size of the offline path is 8 again. The autoscaler takes replicas away as soon as"
        " the others are no longer busy."
    )
    yield


def _region_timeouts(stage: Stage) -> Iterator[None]:
    stage.turn(hanging=("eu-west",))
    yield


def _new_volume(stage: Stage) -> Iterator[None]:
    stage.turn(hanging=())
    text = "feature store of eu-west moved to another volume"
    stage.mark("fix", text, "feature-store", {"region": "eu-west"})
    stage.did.append("The feature store of eu-west writes its snapshots to another volume.")
    yield


def _harmless_release(stage: Stage) -> Iterator[None]:
    stage.mark("release", f"ml-infer {HARMLESS}", "ml-infer", {"model_version": HARMLESS})
    yield from stage.rollout.go(HARMLESS)


def _absorbed_surge(stage: Stage) -> Iterator[None]:
    stage.turn(east_surge=2.5)
    yield


def _mix_shift(stage: Stage) -> Iterator[None]:
    stage.turn(east_share=0.3)
    yield


def _nothing(stage: Stage) -> Iterator[None]:
    yield


INCIDENTS: Mapping[str, Scene] = {
    "latency-surge": Scene(
        "a live event begins, and its viewers come to us-east",
        "The viewers of a live event are in us-east, more than its feature cache holds: p95 rises"
        " from about 0.13 s to 0.3 s, and no request fails. Which step, for whom, and why?",
        _latency_surge,
        _double_the_cache,
    ),
    "silent-release": Scene(
        "a new release of ml-infer rolls out",
        f"Release {SILENT} of ml-infer is out in us-east and eu-west.\n"
        "  It is as fast as the one before, and no request fails. Yet its pipeline loses a feature"
        " for some users, and they get worse recommendations. Which feature, for whom, since when?",
        _silent_release,
        _take_back,
    ),
    "cost-spike": Scene(
        "somebody changes a setting of the offline path",
        "The offline path makes batches of one: its requests are as many as before, its replicas"
        " twice as many within two minutes, and their GPUs compute a quarter of the time.",
        _cost_spike,
        _batch_again,
    ),
    "region-timeouts": Scene(
        "something behind the model server of one region stalls",
        "Now and then requests time out in eu-west and nowhere else. Nothing was released and"
        " nothing was changed. For whom do they wait?",
        _region_timeouts,
        _new_volume,
    ),
}
"""By the name that `--incident` takes."""

CONTROLS: Mapping[str, Scene] = {
    "absorbed-surge": Scene(
        "more of the usual users come to us-east",
        "Of the usual users of us-east 2.5 times as many come, and nobody waits longer.",
        _absorbed_surge,
    ),
    "daily-wave": Scene(
        "traffic swings as it does every day",
        "Traffic swings by 60% around its mean.",
        _nothing,
        knobs={"wave": 0.6},
    ),
    "harmless-release": Scene(
        "a new release of ml-infer rolls out",
        f"Release {HARMLESS} of ml-infer is out in us-east and eu-west, and nothing is wrong.",
        _harmless_release,
    ),
    "mix-shift": Scene(
        "users move from us-east to eu-west",
        "Of 100 users 30 come to us-east, 70 to eu-west.",
        _mix_shift,
    ),
    "noisy-replica": Scene(
        "nothing: one model server has a noisy neighbour all along",
        "The model server of eu-west stops for a moment now and then, within what was promised.",
        _nothing,
        knobs={"noisy": ("eu-west",)},
    ),
}
"""Controls of the same form, in which nothing is wrong; for measurements."""

SCENES: Mapping[str, Scene] = {**INCIDENTS, **CONTROLS}

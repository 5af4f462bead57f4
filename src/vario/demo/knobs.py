"""What can be changed while the demo runs: a file that its services look at, as real ones do.

A fleet has a configuration service for this; here it is one small JSON file that is replaced
whole, so that nobody ever reads half of it.
"""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

KNOBS = "knobs.json"
REPLICAS = "replicas.json"


@dataclass(frozen=True, slots=True)
class Knobs:
    """The configuration of services and the behaviour of users, at one moment.

    Attributes:
        cache: how many users' features each region's feature store keeps.
        offline_batch: how many requests the offline path scores at once, at most.
        hanging: regions whose feature store writes to a volume that hangs.
        noisy: regions whose model server stops for a moment now and then.
        viewers: users of us-east who watch a live event: they come back every 80 s.
        east_share: share of the other users who come to us-east.
        east_surge: how many times as many of them come there.
        wave: how far traffic swings around its mean, as a share of it.
        bursts: whether messages go out that bring a hundred users within a second.
    """

    cache: dict[str, int] = field(default_factory=lambda: {"us-east": 800, "eu-west": 800})
    offline_batch: int = 8
    hanging: tuple[str, ...] = ()
    noisy: tuple[str, ...] = ()
    viewers: int = 0
    east_share: float = 0.5
    east_surge: float = 1.0
    wave: float = 0.2
    bursts: bool = False


def write_knobs(folder: Path, knobs: Knobs) -> None:
    """Puts knobs in place of those that were there."""
    replace_json(folder / KNOBS, asdict(knobs))


def change_knobs(folder: Path, **changes: Any) -> Knobs:
    """Returns the knobs after some of them were changed."""
    changed = replace(read_knobs(folder / KNOBS), **changes)
    write_knobs(folder, changed)
    return changed


def read_knobs(path: Path) -> Knobs:
    """Returns the knobs in a file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for name in ("hanging", "noisy"):
        found[name] = tuple(found[name])
    return Knobs(**found)


def replace_json(path: Path, value: Any) -> None:
    """Writes a file that readers see whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(value), encoding="utf-8")
    unfinished.replace(path)


class LiveKnobs:
    """The knobs as they are now; reading them costs a look at the file's time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / KNOBS
        self._changed_ns = 0
        self._knobs = Knobs()

    @property
    def now(self) -> Knobs:
        """The knobs; the defaults where there is no file."""
        try:
            changed_ns = os.stat(self._path).st_mtime_ns
        except FileNotFoundError:
            return self._knobs
        if changed_ns != self._changed_ns:
            self._knobs = read_knobs(self._path)
            self._changed_ns = changed_ns
        return self._knobs

"""`vario demo --incident`: something really breaks in the running demo, and is mended on demand."""

import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vario.demo.knobs import replace_json
from vario.demo.scenes import SCENES, Stage
from vario.errors import BadData, Unavailable

_MARK, _FIX, _FIXED = "incident.json", "incident-fix", "incident-fixed.json"
"""Files in the demo's folder: an incident is on; it is to be ended; it was, and how."""

FIX_TIMEOUT_S = 180.0
_POLL_S = 0.2

_TOLD = """
{told}

  Alerts and incidents, as they come: {url}/incidents
  From the symptom to its cause, now: vario investigate --server {url}

  Mend it, in another terminal:

    vario demo --fix --data {folder}
"""


def mend(folder: Path) -> list[str]:
    """Has the demo that runs in a folder mend its incident, and returns what it did.

    Raises:
        BadData: no demo has an incident there.
        Unavailable: the demo does not answer.
    """
    if not (folder / _MARK).exists():
        raise BadData(
            f"no incident is on in {folder}: the demo that has one prints the command that ends it"
        )
    (folder / _FIX).touch()
    deadline_s = time.monotonic() + FIX_TIMEOUT_S
    while not (folder / _FIXED).exists():
        if time.monotonic() > deadline_s:
            raise Unavailable(
                f"the demo in {folder} has not mended its incident within {FIX_TIMEOUT_S:g} s:"
                " does it still run?"
            )
        time.sleep(_POLL_S)
    did: list[str] = json.loads((folder / _FIXED).read_text(encoding="utf-8"))["did"]
    return did


class Incident:
    """A scene some seconds after the start, and its end on demand; `step` is called often.

    Args:
        name: of the scene.
        stage: what it can change.
        folder: the demo's.
        after_s: when it begins.
        url: the server's, for what is said.
        say: prints lines to the user.
        claim: tells the server that what is wrong was fixed, in words.
    """

    def __init__(
        self,
        name: str,
        stage: Stage,
        folder: Path,
        *,
        after_s: float,
        url: str,
        say: Callable[[str], None],
        claim: Callable[[str], None],
    ) -> None:
        self._name, self._scene = name, SCENES[name]
        self._stage = stage
        self._folder = folder
        self._after_s = after_s
        self._url = url
        self._say = say
        self._claim = claim
        clear(folder)
        say(f"In {after_s:g} s {self._scene.plan}.")
        self._steps = self._play()

    def step(self) -> None:
        """Goes on with what there is to do, and does not wait for anything."""
        next(self._steps, None)

    def _play(self) -> Iterator[None]:
        due_s = time.monotonic() + self._after_s
        while time.monotonic() < due_s:
            yield
        begun_s = time.time()
        yield from self._scene.begin(self._stage)
        if self._scene.mend is None:
            self._say(f"\n{self._scene.told}")
            self._write(_MARK, {"incident": self._name, "at": begun_s})
            return
        folder = shlex.quote(str(self._folder))
        self._say(_TOLD.format(told=self._scene.told, url=self._url, folder=folder))
        self._write(_MARK, {"incident": self._name, "at": begun_s})
        while not (self._folder / _FIX).exists():
            yield
        (self._folder / _MARK).unlink()
        yield from self._scene.mend(self._stage)
        did = self._stage.did
        self._claim(" ".join(did))
        self._write(_FIXED, {"incident": self._name, "at": time.time(), "did": did})
        self._say("\n" + "\n".join(did))
        self._say(
            f"\n  Is it mended? The incident's page says so when it is: {self._url}/incidents"
        )

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        replace_json(self._folder / name, value)


def clear(folder: Path) -> None:
    """Takes away what an earlier run has left."""
    for name in (_MARK, _FIX, _FIXED):
        (folder / name).unlink(missing_ok=True)

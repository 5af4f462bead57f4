"""`vario demo --incident`: a release that goes wrong without a sound, and its way back.

A rollout is one: in region after region a model server of the new version starts on the socket of
the old one, which stops when the new one serves.
"""

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vario.demo.processes import Child
from vario.demo.releases import HEALTHY, SILENT
from vario.errors import BadData

_MARK, _FIX = "incident", "incident-fix"
"""Files in the demo's folder: an incident is on; it is to be ended."""

_TOLD = """
Release {version} of ml-infer is out in {regions}.

  It is as fast as the one before, and no request fails: the overview, the SLOs and the alerts stay
  as they are. Yet its pipeline loses a feature for some users, and they get worse recommendations.
  Which feature, for whom, since when? Within five minutes:

    vario drift report --server {url}

  Take the release back, in another terminal:

    vario demo --fix --data {folder}
"""

_FIXED = """
ml-infer is back at {version} in {regions}.

  What drifted is no longer told once the release's last minutes have left the window.
"""


def ask_for_fix(folder: Path) -> None:
    """Asks the demo that runs in a folder to take its release back.

    Raises:
        BadData: no demo has an incident there.
    """
    if not (folder / _MARK).exists():
        raise BadData(
            f"no incident is on in {folder}: the demo that has one prints the command that ends it"
        )
    (folder / _FIX).touch()


@dataclass(frozen=True)
class Servers:
    """The model servers of a demo.

    Attributes:
        regions: where they run.
        running: all services that must run.
        leaving: services that were told to stop.
        start: starts the model server of a region in a version; it touches a file when it serves.
    """

    regions: Sequence[str]
    running: list[Child]
    leaving: list[Child]
    start: Callable[[str, str, Path], Child]


class Incident:
    """A release some seconds after the start, and its way back on demand; `step` is called often.

    Args:
        servers: the model servers.
        folder: the demo's.
        after_s: when the release starts.
        url: the server's, for what is said.
        say: prints lines to the user.
    """

    def __init__(
        self, servers: Servers, folder: Path, after_s: float, url: str, say: Callable[[str], None]
    ) -> None:
        self._servers = servers
        self._folder = folder
        self._after_s = after_s
        self._url = url
        self._say = say
        self._serving = {
            region: next(c for c in servers.running if c.name == f"ml-infer-{region}")
            for region in servers.regions
        }
        for name in (_MARK, _FIX):
            (folder / name).unlink(missing_ok=True)
        self._steps = self._play()

    def step(self) -> None:
        """Goes on with what there is to do, and does not wait for anything."""
        next(self._steps, None)

    def _play(self) -> Iterator[None]:
        regions = " and ".join(self._servers.regions)
        due_s = time.monotonic() + self._after_s
        while time.monotonic() < due_s:
            yield
        yield from self._roll_out(SILENT)
        (self._folder / _MARK).touch()
        folder = shlex.quote(str(self._folder))
        told = _TOLD.format(version=SILENT, regions=regions, url=self._url, folder=folder)
        self._say(told)
        while not (self._folder / _FIX).exists():
            yield
        (self._folder / _MARK).unlink()
        yield from self._roll_out(HEALTHY)
        self._say(_FIXED.format(version=HEALTHY, regions=regions))

    def _roll_out(self, version: str) -> Iterator[None]:
        servers = self._servers
        for region in servers.regions:
            self._say(f"  ml-infer {version} goes to {region}")
            ready = self._folder / "system" / f"ready-{region}-{version}"
            new, old = servers.start(region, version, ready), self._serving[region]
            servers.running.append(new)
            while not ready.exists():
                yield
            servers.running.remove(old)
            servers.leaving.append(old)
            self._serving[region] = new
            old.ask_to_stop()
            while old.exit_code is None:
                yield
            servers.leaving.remove(old)
            old.wait()

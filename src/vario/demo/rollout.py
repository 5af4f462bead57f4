"""A release: in region after region a model server of the new version takes the old one's place.

The new one starts on the socket of the old one, which stops when the new one serves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vario.demo.processes import Child


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


class Rollout:
    """Takes versions to the regions.

    Args:
        servers: the model servers.
        system: folder of the files that say that a server is ready.
        say: prints lines to the user.
    """

    def __init__(self, servers: Servers, system: Path, say: Callable[[str], None]) -> None:
        self._servers = servers
        self._system = system
        self._say = say
        self._serving = {
            region: next(c for c in servers.running if c.name == f"ml-infer-{region}")
            for region in servers.regions
        }

    def go(self, version: str) -> Iterator[None]:
        """Yields until the version serves everywhere."""
        servers = self._servers
        for region in servers.regions:
            self._say(f"  ml-infer {version} goes to {region}")
            ready = self._system / f"ready-{region}-{version}"
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

"""Power cuts under load: the file system is shut without a flush, mounted again and opened.

Needs root and Linux: the store lies on an ext4 image behind a loop device, and a cut is the ioctl
with which file systems are tested for this (`EXT4_IOC_SHUTDOWN` with `NOLOGFLUSH`): from one moment
to the next nothing more reaches the device, and what was in memory only is gone. What the device
had been given counts as kept: a drive that loses its own cache is not part of this.
"""

import fcntl
import os
import random
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import Process

from bench.acknowledged import START_S, Senders, find_missing, unfolded
from bench.report import Row

ROUNDS = int(os.environ.get("VARIO_BENCH_ROUNDS", "10"))
MODES = os.environ.get("VARIO_BENCH_SYNC", "commit,group,none").split(",")
_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2


def run() -> list[Row]:
    """Cuts the power in every round, in each mode of `--sync`."""
    if os.geteuid():
        print("no power is cut: only root may mount an image")
        return []
    rows: list[Row] = []
    for mode in MODES:
        rounds = ROUNDS if mode == "commit" else max(1, ROUNDS // 3)
        with tempfile.TemporaryDirectory() as folder, mounted(Path(folder), 2048) as mount:
            report = cut_rounds(Path(folder), mount, rounds, sync=mode, seed=7)
        note = f"{rounds} rounds, 8 clients"
        rows += [
            Row(f"--sync={mode}: acknowledged", report["acknowledged"], "requests", note=note),
            Row(
                f"--sync={mode}: of them items missing",
                report["missing"],
                "items",
                "0" if mode == "commit" else "",
                f"newest of them {report['newest_lost_s']:.1f} s, oldest"
                f" {report['oldest_lost_s']:.1f} s before the cut"
                if report["missing"]
                else "",
            ),
        ]
    return rows


class Image:
    """An ext4 image behind a loop device, and where it is mounted."""

    def __init__(self, image: Path, mount: Path) -> None:
        self.image = image
        self.path = mount

    def mount(self) -> None:
        """Mounts it; what its journal holds is replayed."""
        _do("mount", "-o", "loop", str(self.image), str(self.path))

    def unmount(self) -> None:
        """Takes it away."""
        _do("umount", str(self.path))

    def cut(self) -> None:
        """Cuts the power: from now on nothing reaches the device."""
        opened = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(opened, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(opened)


@contextmanager
def mounted(folder: Path, mib: int) -> Iterator[Image]:
    """Makes an ext4 image of `mib` MiB in `folder` and mounts it until the block ends."""
    image, mount = folder / "disk.img", folder / "disk"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(mib << 20)
    _do("mkfs.ext4", "-q", str(image))
    disk = Image(image, mount)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()


def cut_rounds(
    folder: Path, disk: Image, rounds: int, *, sync: str, seed: int, most_s: float = 12
) -> dict[str, float]:
    """Returns the counts of `rounds` power cuts of one server whose data lies on `disk`.

    Args:
        folder: where the server runs.
        disk: where its data is.
        rounds: how many cuts.
        sync: its `--sync`.
        seed: of the moments at which the power is cut.
        most_s: longest time from the first acknowledgements to the cut.

    Raises:
        AssertionError: a client got an answer that it should not, or a door stood still.
    """
    dice = random.Random(seed)
    (folder / "data").symlink_to(disk.path / "data")
    server = Process(folder, ("--sync", sync, *unfolded(folder)))
    acknowledged: list[tuple[int, dict[str, list[int]]]] = []
    lost_ages: list[float] = []
    missing = 0
    try:
        for number in range(rounds):
            (disk.path / "data").mkdir(exist_ok=True)
            server.start(START_S)
            senders = Senders(server.addresses, number)
            senders.wait_for(1)
            time.sleep(dice.uniform(0.5, most_s))
            # What is acknowledged before the cut must be there after it.
            before = senders.snapshot()
            times = senders.times()
            disk.cut()
            cut_at = time.monotonic()
            server.end(signal.SIGKILL)
            senders.end()
            disk.unmount()
            disk.mount()
            acknowledged.append((number, before))
            server.start(START_S)
            lost = find_missing(server.addresses.api, number, before)
            lost_ages += [cut_at - times[item] for item in _numbers(lost)]
            for door, items in lost.items():
                print(f"{sync} round {number}: {door} lost {len(items)}: {items[:3]}")
            missing += sum(map(len, lost.values()))
            server.end(signal.SIGTERM)
        server.start(START_S)
        again = [find_missing(server.addresses.api, *one) for one in acknowledged]
        missing = max(missing, sum(len(items) for one in again for items in one.values()))
        server.end(signal.SIGTERM)
    finally:
        if server.running:
            server.end()
    return {
        "acknowledged": sum(len(n) for _, doors in acknowledged for n in doors.values()),
        "missing": missing,
        "newest_lost_s": min(lost_ages, default=0.0),
        "oldest_lost_s": max(lost_ages, default=0.0),
    }


def _numbers(lost: dict[str, list[object]]) -> list[int]:
    """Returns the numbers of the requests that lost items."""
    numbers: list[int] = []
    for items in lost.values():
        for item in items:
            text = item if isinstance(item, str) else None
            trace = item[0] if isinstance(item, tuple) else ""
            numbers.append(int(text.partition("/")[0]) if text else int(trace, 16))
    return numbers


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)

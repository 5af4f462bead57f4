"""The disk fills up under load: 503, one clear line in the log, nothing lost, and on it goes."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench.acknowledged import START_S, Senders, find_missing, unfolded
from tests.support.server import Process

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MiB in memory."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(mount)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"SKIPPED LOUDLY: no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def fill(disk: Path) -> Path:
    """Takes what is free on a disk, but for a few pages, with one file."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - MIB)
    return ballast


def wait_for(server: Process, seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not seen():
        assert time.monotonic() < deadline, server.log
        time.sleep(0.05)


def wait_for_log(server: Process, text: str) -> None:
    wait_for(server, lambda: text in server.log)


@pytest.mark.crash
@pytest.mark.timeout(900)
def test_a_full_disk_refuses_and_goes_on_by_itself(tmp_path: Path, disk: Path) -> None:
    (disk / "data").mkdir()
    (tmp_path / "data").symlink_to(disk / "data")
    server = Process(tmp_path, unfolded(tmp_path))
    senders: Senders | None = None
    try:
        server.start(START_S)
        senders = sending = Senders(server.addresses, 1)
        sending.wait_for(2)
        ballast = fill(disk)
        for kind in ("traces", "logs", "metrics", "remote_v1"):
            wait_for_log(server, f"{kind} cannot be stored, senders are told to wait: no space")
        wait_for(server, lambda: bool(sending.refused))
        held = {name: len(numbers) for name, numbers in senders.snapshot().items()}
        ballast.unlink()
        for kind in ("traces", "logs", "metrics", "remote_v1"):
            wait_for_log(server, f"{kind} are stored again")
        senders.wait_for(max(held.values()) + 2)
        senders.end()
        assert senders.faults == []
        assert find_missing(server.addresses.api, 1, senders.acknowledged) == {}
        said = [line for line in server.log.splitlines() if "cannot be stored" in line]
        assert len(said) <= 2 * 5, "each kind says it once an outage"
    finally:
        if senders:
            senders.end()
        if server.running:
            server.end()

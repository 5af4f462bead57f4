"""Other people's programs, unpacked from Debian packages beside the checkout: live oracles."""

import shutil
import subprocess
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[3] / "shared" / "conformance" / "peers"


def unpack_peer(package: str, program: str, folder: Path) -> Path:
    """Returns the path of a program out of a Debian package, unpacked under `folder`.

    Skips the test, loudly, where the package or `dpkg-deb` is not there.

    Args:
        package: how the package's file name begins, such as `promtool_`.
        program: path of the program within it, such as `usr/bin/promtool`.
        folder: where to unpack.
    """
    found = sorted(PEERS.glob(f"{package}*.deb"))
    if not found or shutil.which("dpkg-deb") is None:
        pytest.skip(f"SKIPPED LOUDLY: no {package}*.deb in {PEERS}, or no dpkg-deb to unpack it")
    subprocess.run(["dpkg-deb", "-x", str(found[-1]), str(folder)], check=True)
    return folder / program

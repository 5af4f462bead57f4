"""`pip install vario` stays small, and brings what it says."""

import os
import re
from importlib import metadata
from pathlib import Path

import pytest

import vario

LIMIT_MB = 15
ALLOWED = {"opentelemetry-api", "typing-extensions"}


def requirements(name: str) -> set[str]:
    """Returns what a distribution brings without any extra, and what that brings."""
    found: set[str] = set()
    for line in metadata.requires(name) or []:
        text, _, marker = line.partition(";")
        if "extra" in marker or "python_version <" in marker or "python_full_version <" in marker:
            continue
        wanted = re.split(r"[ <>=!~\[(]", text.strip())[0].lower()
        found |= {wanted, *requirements(wanted)}
    return found


def size_of(name: str) -> int:
    files = metadata.files(name) or []
    return sum(Path(str(file.locate())).stat().st_size for file in files if file.suffix != ".pyc")


def test_what_an_installation_brings(capsys: pytest.CaptureFixture[str]) -> None:
    brought = requirements("vario")
    assert brought <= ALLOWED
    own = sum(
        (Path(folder) / name).stat().st_size
        for folder, _, names in os.walk(Path(vario.__file__).parent)
        for name in names
        if not name.endswith(".pyc")
    )
    sizes = {"vario": own, **{name: size_of(name) for name in sorted(brought)}}
    total_mb = sum(sizes.values()) / 1e6
    with capsys.disabled():  # continuous integration shows it
        print(f"\npip install vario: {total_mb:.2f} MB installed, {sizes}")
    assert total_mb < LIMIT_MB

"""What a measurement looks like on the terminal."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number, the goal it is held against, and how it was taken."""

    name: str
    value: float
    unit: str
    goal: str = ""
    note: str = ""


def machine() -> str:
    """Returns the processor, its cores, the memory and the Python that the numbers belong to."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def print_rows(title: str, rows: Iterable[Row]) -> None:
    """Prints a section, one aligned line a row."""
    print(f"\n{title}")
    for row in rows:
        goal = f"goal {row.goal}" if row.goal else ""
        print(f"  {row.name:<52} {row.value:>12,.4g} {row.unit:<22} {goal:<16} {row.note}".rstrip())

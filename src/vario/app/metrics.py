"""vario about itself, in Prometheus' text format."""

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from vario.ingest.counters import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(metrics: Iterable[Metric]) -> str:
    r"""Returns metrics in Prometheus' text format.

    Example:
        >>> print(render([Metric("up", "gauge", "Is it up.", {(("door", "http"),): 1})]), end="")
        # HELP up Is it up.
        # TYPE up gauge
        up{door="http"} 1
    """
    lines: list[str] = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.type}"]
        for labels, value in sorted(metric.values.items()):
            pairs = ",".join(f'{name}="{_escape(text)}"' for name, text in labels)
            lines.append(f"{metric.name}{{{pairs}}} {value}" if pairs else f"{metric.name} {value}")
    return "\n".join([*lines, ""])


def process_metrics(version: str, started_ns: int) -> Iterator[Metric]:
    """Yields what Prometheus' clients say of a process, under the same names.

    Args:
        version: vario's version.
        started_ns: when the process began, nanoseconds since the epoch.
    """
    build: dict[tuple[tuple[str, str], ...], float] = {(("version", version),): 1}
    yield Metric("vario_build_info", "gauge", "1, labelled by version.", build)
    started = {(): started_ns / 1e9}
    yield Metric("process_start_time_seconds", "gauge", "Start, seconds since the epoch.", started)
    used = {(): time.process_time()}
    yield Metric("process_cpu_seconds_total", "counter", "CPU time, user and system.", used)
    if (resident := _resident_bytes()) is not None:
        yield Metric("process_resident_memory_bytes", "gauge", "Resident memory.", {(): resident})


def _resident_bytes() -> int | None:
    """Returns the resident memory, None where the system does not say it in /proc."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

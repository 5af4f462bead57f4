"""Which metrics there are of a kind, and those of their series that belong to a service."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vario.investigate.case import Case
from vario.investigate.reader import Reader
from vario.model.telemetry import TimeRange

GPU_BUSY = re.compile(
    r"gpu_utili[sz]ation(_ratio|_percent)?|hw_gpu_utilization(_ratio)?|nv_gpu_utilization"
    r"|DCGM_FI_DEV_GPU_UTIL|DCGM_FI_PROF_GR_ENGINE_ACTIVE|.*gpu.*util.*",
    re.IGNORECASE,
)
REPLICAS = re.compile(r"(.*_)?(replicas|replica_count|instances)(_(ready|available|running))?")
OWNERS = ("job", "service", "deployment", "service_name")
"""Labels that name a service."""
COST = re.compile(r".*cost.*_total|.*(_usd|_eur)_total")


@dataclass(frozen=True, slots=True)
class Meter:
    """A metric and the selector of the series that are looked at."""

    name: str
    where: str

    @property
    def selector(self) -> str:
        """Its text in PromQL."""
        return f"{self.name}{{{self.where}}}" if self.where else self.name

    def over(self, function: str, part: TimeRange) -> str:
        """Returns a function of its samples in a window that ends where it is evaluated."""
        return f"{function}({self.selector}[{part.duration_ns // 10**6}ms])"


def list_metrics(reader: Reader, case: Case) -> list[str]:
    """Returns the names of all metrics with samples in the case's time."""
    span = case.history
    return reader.store.find_label_values(
        "__name__", [], span.start_ns // 10**6, span.end_ns // 10**6
    )


def choose(
    reader: Reader,
    case: Case,
    names: Sequence[str],
    pattern: re.Pattern[str],
    labels: Sequence[str] = OWNERS,
) -> Meter | None:
    """Returns the first metric of a kind that the case's service has, else one of anything."""
    own = find_own(reader, names, pattern, case.service, case.history, labels)
    if own is not None:
        return own
    for name in names:
        if pattern.fullmatch(name) and has_series(reader, name, case.history):
            return Meter(name, "")
    return None


def find_own(
    reader: Reader,
    names: Sequence[str],
    pattern: re.Pattern[str],
    service: str,
    window: TimeRange,
    labels: Sequence[str] = OWNERS,
) -> Meter | None:
    """Returns the first metric of a kind that a service has in a window, None where it has none."""
    if not service:
        return None
    for name in names:
        for label in labels if pattern.fullmatch(name) else ():
            where = f'{label}=~"(.+/)?{re.escape(service)}"'.replace("\\", "\\\\")
            if has_series(reader, f"{name}{{{where}}}", window):
                return Meter(name, where)
    return None


def has_series(reader: Reader, selector: str, window: TimeRange) -> bool:
    """Returns whether a selector has series in a window."""
    range_ = window.duration_ns // 10**6
    return bool(reader.evaluate(f"count(last_over_time({selector}[{range_}ms]))", window.end_ns))

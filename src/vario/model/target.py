"""Scrape targets as `GET /api/v1/targets` shows them: a snapshot, nothing live."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vario.model.series import Labels, Metadata

Health = Literal["unknown", "up", "down"]


@dataclass(frozen=True, slots=True)
class TargetState:
    """One target and how its last scrape went.

    Attributes:
        discovered_labels: what discovery said, before relabelling.
        labels: what the target's series carry; empty for a target that relabelling dropped.
        scrape_pool: the job of the configuration.
        scrape_url: what is asked.
        last_error: why the last scrape failed, empty if it did not.
        last_scrape_ns: when it began, nanoseconds since the epoch; 0 if there was none.
        last_scrape_duration_s: how long it took.
        scrape_interval: time from scrape to scrape, as Prometheus writes durations; likewise
            `scrape_timeout`.
        metadata: what the target last said of its metrics.
    """

    discovered_labels: Labels
    labels: Labels
    scrape_pool: str
    scrape_url: str
    health: Health = "unknown"
    last_error: str = ""
    last_scrape_ns: int = 0
    last_scrape_duration_s: float = 0.0
    scrape_interval: str = ""
    scrape_timeout: str = ""
    metadata: tuple[Metadata, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetsSnapshot:
    """All targets: those that are scraped, those that relabelling dropped, and how many by job."""

    active: tuple[TargetState, ...] = ()
    dropped: tuple[TargetState, ...] = ()
    dropped_counts: Mapping[str, int] = field(default_factory=dict[str, int])

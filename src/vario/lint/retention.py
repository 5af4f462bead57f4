"""Settings that keep data without end: vario's own, Prometheus', Loki's, and flags in manifests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vario.lint.facts import Facts
from vario.lint.finding import Check, Hit, Rule
from vario.lint.source import Source
from vario.lint.value import Value
from vario.query.promql.literals import parse_duration_ms

UNLIMITED = Rule(
    "VA601",
    "unlimited-retention",
    "warning",
    ("settings",),
    "Telemetry is kept without end",
    "Disks fill, queries slow down, and personal data that slipped in is kept for ever. What is "
    "older than an incident review needs is cost alone.",
    "global: {scrape_interval: 15s}\nscrape_configs: []\n"
    "storage: {tsdb: {retention: {time: 100y}}}\n",
    "global: {scrape_interval: 15s}\nscrape_configs: []\n"
    "storage: {tsdb: {retention: {time: 30d}}}\n",
    "set it by kind of data: metrics 15 to 30 days, logs 7 to 14, traces less, and sampled",
)

_MOST_DAYS = 400.0
_DAY_MS = 86_400_000
_FLAG = re.compile(r"--storage\.tsdb\.retention(?:\.time)?[= ]([0-9a-z]+)")
_OWN = re.compile(r"^\s*(metrics_days|logs_days|traces_days)\s*=\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A settings file; `tops` are its YAML documents, none for TOML."""

    source: Source
    tops: tuple[Value, ...] = ()


def is_settings(source: Source, tops: list[Value]) -> bool:
    """Whether a file sets how long something is kept."""
    if not tops:
        return bool(_OWN.search(source.text))
    marks = ("scrape_configs", "schema_config", "limits_config")
    return any(top.get(mark) for top in tops for mark in marks) or bool(_FLAG.search(source.text))


def find_unlimited(file: SettingsFile, _facts: Facts) -> Iterator[Hit]:
    """Yields retention that is switched off or longer than 400 days."""
    if not file.tops:
        for found in _OWN.finditer(file.source.text):
            if not 0 < int(found[2]) <= _MOST_DAYS:
                yield Hit(*found.span(), f"{found[1]} keeps them for {found[2]} days")
        return
    for found in _FLAG.finditer(file.source.text):
        if (message := _too_long(found[1])) is not None:
            yield Hit(*found.span(), f"the flag keeps metrics {message}")
    for top in file.tops:
        prometheus = top.text("storage", "tsdb", "retention", "time")
        if prometheus and (message := _too_long(prometheus.value)) is not None:
            yield Hit(*prometheus.span(), f"storage.tsdb.retention.time keeps metrics {message}")
        if top.get("schema_config") is not None:
            yield from _loki(top)


def _loki(top: Value) -> Iterator[Hit]:
    period = top.text("limits_config", "retention_period")
    enabled = top.word("compactor", "retention_enabled") == "true"
    if period is None:
        message = "Loki keeps logs for ever: limits_config.retention_period is not set"
        yield Hit(*top.key_span("schema_config"), message)
    elif (message := _too_long(period.value)) is not None:
        yield Hit(*period.span(), f"limits_config.retention_period keeps logs {message}")
    elif not enabled:
        message = "compactor.retention_enabled is not true, so that retention_period has no effect"
        yield Hit(*period.span(), message)


def _too_long(text: str) -> str | None:
    try:
        days = parse_duration_ms(text) / _DAY_MS
    except ValueError:
        return None if text not in ("0", "0s", "0d") else "for ever"
    if days == 0:
        return "for ever"
    return f"for {days:,.0f} days" if days > _MOST_DAYS else None


CHECKS: tuple[Check[SettingsFile], ...] = (Check(UNLIMITED, find_unlimited),)

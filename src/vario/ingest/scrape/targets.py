"""Targets out of target groups: labels, address and URL, as Prometheus makes them."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from vario.errors import BadData
from vario.ingest.scrape.config import ScrapeJob, TargetGroup
from vario.ingest.scrape.relabel import relabel
from vario.model.series import Labels

_PARAMETER = "__param_"
_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?"
)
_UNITS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
"""Milliseconds of each unit of Prometheus' durations, in the order of `_DURATION`."""


@dataclass(frozen=True, slots=True)
class Target:
    """One place to scrape.

    Attributes:
        job: the job that it belongs to, by name.
        discovered: labels before relabelling.
        labels: labels that its series carry (`job` and `instance` among them).
        url: what to ask.
        interval_s: time from scrape to scrape.
        timeout_s: how long one may take.
    """

    job: str
    discovered: Mapping[str, str]
    labels: Mapping[str, str]
    url: str
    interval_s: float
    timeout_s: float

    @property
    def key(self) -> tuple[object, ...]:
        """What tells targets apart: two with one key are one target."""
        return (self.job, self.url, tuple(sorted(self.labels.items())), self.interval_s)

    def offset_s(self, seed: str) -> float:
        """Returns when in its interval the target is scraped, so that not all are at once.

        Args:
            seed: differs from server to server, so that two do not ask at the same moment.
        """
        digest = hashlib.blake2b(f"{seed}{self.key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64 * self.interval_s


@dataclass(frozen=True, slots=True)
class Discovered:
    """The targets of a job.

    Attributes:
        targets: what to scrape.
        dropped: labels of those that relabelling dropped.
        faults: what is wrong with others, one sentence each.
    """

    targets: tuple[Target, ...]
    dropped: tuple[Labels, ...]
    faults: tuple[str, ...]


def make_targets(job: ScrapeJob, groups: Iterable[TargetGroup]) -> Discovered:
    """Returns the targets in groups; two that come out the same are one."""
    targets: dict[tuple[object, ...], Target] = {}
    dropped: list[Labels] = []
    faults: list[str] = []
    for group in groups:
        for address in group.targets:
            # Labels of the target win over those of its group.
            before = _discovered_labels(job, {**group.labels, "__address__": address})
            try:
                target = _make_target(job, before)
            except BadData as error:
                faults.append(f"target {address!r} of {group.source}: {error}")
                continue
            if target is None:
                dropped.append(before)
            else:
                targets.setdefault(target.key, target)
    return Discovered(tuple(targets.values()), tuple(dropped), tuple(faults))


def _discovered_labels(job: ScrapeJob, own: Mapping[str, str]) -> dict[str, str]:
    defaults = {
        "job": job.job_name,
        "__scrape_interval__": format_s(job.scrape_interval_s),
        "__scrape_timeout__": format_s(job.scrape_timeout_s),
        "__metrics_path__": job.metrics_path,
        "__scheme__": job.scheme,
    }
    labels = dict(own)
    for name, value in defaults.items():
        if not labels.get(name):
            labels[name] = value
    for name, values in job.params.items():
        if values:
            labels[f"{_PARAMETER}{name}"] = values[0]
    return labels


def _make_target(job: ScrapeJob, before: Labels) -> Target | None:
    labels = relabel(before, job.relabel_configs)
    if labels is None:
        return None
    address = labels.get("__address__", "")
    if not address:
        raise BadData("it has no address")
    scheme = labels.get("__scheme__", "http")
    if scheme not in ("http", "https"):
        raise BadData(f"its scheme {scheme!r} is neither http nor https")
    if "/" in address:
        raise BadData(f"{address!r} is not an address: write host:port, without scheme and path")
    interval_s = _read_s(labels.get("__scrape_interval__", ""), "__scrape_interval__")
    timeout_s = _read_s(labels.get("__scrape_timeout__", ""), "__scrape_timeout__")
    if timeout_s > interval_s:
        raise BadData("its scrape timeout is greater than its scrape interval")
    public = {name: value for name, value in labels.items() if not name.startswith("__")}
    public.setdefault("instance", address)
    return Target(
        job=job.job_name,
        discovered=before,
        labels=public,
        url=_url(job, labels, scheme, address),
        interval_s=interval_s,
        timeout_s=timeout_s,
    )


def _url(job: ScrapeJob, labels: Labels, scheme: str, address: str) -> str:
    parameters = {name: list(values) for name, values in job.params.items()}
    for name, value in labels.items():
        if name.startswith(_PARAMETER):
            parameters.setdefault(name.removeprefix(_PARAMETER), [""])[:1] = [value]
    path = labels.get("__metrics_path__", "")
    query = urlencode(sorted(parameters.items()), doseq=True)
    separator = "" if path.startswith("/") else "/"
    return f"{scheme}://{address}{separator}{path}{'?' if query else ''}{query}"


def format_s(seconds: float) -> str:
    """Returns a duration as Prometheus writes it.

    >>> [format_s(s) for s in (60, 90, 0.5, 3600, 86400)]
    ['1m', '1m30s', '500ms', '1h', '1d']
    """
    left = round(seconds * 1000)
    parts: list[str] = []
    for unit, size in _UNITS.items():
        # Years and weeks only where nothing is left over, so that 90d stays 90d.
        if left and (left % size == 0 or unit not in ("y", "w")) and left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts) or "0s"


def _read_s(text: str, name: str) -> float:
    found = _DURATION.fullmatch(text)
    parts = found.groups() if found and text else ()
    units = zip(parts, _UNITS.values(), strict=False)
    seconds = sum(int(n) * size for n, size in units if n) / 1000
    if seconds <= 0:
        raise BadData(f"its {name} {text!r} is not a duration of more than 0, such as 15s")
    return seconds

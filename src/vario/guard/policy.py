"""What to do with what is found: rules of the settings, first match wins."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal, get_args

from vario.errors import BadData
from vario.guard.detectors import KINDS

Mode = Literal["redact", "hash", "drop", "allow"]
MODES: tuple[Mode, ...] = get_args(Mode)

_PARTS = ("signal", "service", "field", "detector")

# Addresses of servers are what telemetry is about: these are not looked at unless a rule asks.
_OWN_ADDRESSES = (
    "host.ip", "server.*", "net.host.*", "net.sock.host.*", "network.local.*", "destination.*",
    "k8s.*", "rpc.*", "db.*", "messaging.*", "instance", "exported_instance", "node", "nodename",
    "host", "host_ip", "pod_ip", "host.name", "upstream*", "*endpoint*", "__address__",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands.

    Attributes:
        signal: `logs`, `traces` or `metrics`.
        service: name of the service, empty if unknown.
        field: `body`, `name`, `status.message`, or the name of an attribute or label.
        resource: whether it describes the sender itself.
    """

    signal: str
    service: str
    field: str
    resource: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A mode and the globs of what it is for."""

    mode: Mode
    globs: tuple[str, str, str, str]

    def fits(self, place: Place, detector: str) -> bool:
        """Says whether the rule speaks of this."""
        texts = (place.signal, place.service, place.field, detector)
        return all(map(fnmatchcase, texts, self.globs))


def parse_rule(text: str) -> Rule:
    """Returns a rule out of `MODE [signal=GLOB] [service=GLOB] [field=GLOB] [detector=GLOB]`.

    Raises:
        BadData: it is no such rule.

    Example:
        >>> parse_rule("hash field=user.email").mode
        'hash'
    """
    mode, *conditions = text.split()
    pairs = {name: glob for name, _, glob in (c.partition("=") for c in conditions)}
    if mode not in MODES or not set(pairs) <= set(_PARTS) or not all(pairs.values()):
        raise BadData(
            f"guard rule {text!r} is not understood: write one of {', '.join(MODES)}, then any of "
            f"{'=GLOB '.join(_PARTS)}=GLOB, such as 'hash service=shop-* field=user.email'"
        )
    known = pairs.get("detector", "*")
    if not any(fnmatchcase(kind, known) for kind in KINDS):
        raise BadData(f"guard rule {text!r}: there is no detector {known}; {', '.join(KINDS)}")
    return Rule(
        mode,
        (
            pairs.get("signal", "*"),
            pairs.get("service", "*"),
            pairs.get("field", "*"),
            known,
        ),
    )


class Policy:
    """Rules over the defaults, and the key by which values are hashed."""

    def __init__(self, rules: Sequence[str], key: bytes) -> None:
        """Reads rules.

        Args:
            rules: as `parse_rule` reads them.
            key: makes hashes that nobody else can make.

        Raises:
            BadData: a rule is not understood.
        """
        self._rules = [parse_rule(rule) for rule in rules]
        self._key = key
        self.mode_of = lru_cache(maxsize=8192)(self._mode_of)

    def replace(self, detector: str, mode: Mode, value: str) -> str:
        """Returns what stands for a value; the same value gives the same hash everywhere."""
        if mode == "hash":
            digest = hmac.new(self._key, value.encode("utf-8", "replace"), hashlib.sha256)
            return f"[{detector}:{digest.hexdigest()[:16]}]"
        return "" if mode == "drop" else f"[{detector}]"

    def _mode_of(self, place: Place, detector: str) -> Mode:
        for rule in self._rules:
            if rule.fits(place, detector):
                return rule.mode
        if detector == "ip":
            own = any(fnmatchcase(place.field, glob) for glob in _OWN_ADDRESSES)
            if place.resource or own or "version" in place.field:
                return "allow"
        if detector in {"high_entropy", "phone", "card", "ca_sin", "us_ssn", "es_dni"}:
            return "allow" if _is_id(place.field) else "redact"
        return "redact"


def _is_id(field: str) -> bool:
    """Whether a field's name says that it holds an id, a hash, a time or a version."""
    last = field.lower().replace("-", "_").replace(".", "_").rpartition("_")[2]
    return last in {
        "id", "ids", "uuid", "uid", "guid", "hash", "digest", "sha", "sha256", "checksum", "etag",
        "version", "timestamp", "ts", "time", "ns", "ms", "us", "offset", "seed",
    }  # fmt: skip

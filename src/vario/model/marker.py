"""Markers: what people and machines changed, at a moment in time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

MarkerKind = Literal["release", "config", "flag", "scale", "fix", "note"]
MARKER_KINDS: tuple[MarkerKind, ...] = get_args(MarkerKind)

MarkerSource = Literal["told", "event", "traffic"]


@dataclass(frozen=True, slots=True)
class Marker:
    """A change at a moment.

    Attributes:
        id: 12 hexadecimal digits.
        time_ns: when it happened.
        kind: what sort of change.
        text: what was changed, in words.
        service: `service.name` of what was changed, empty for everything.
        scope: what else it is limited to: attributes and values, such as a region.
        by: who told it, or empty.
        link: a page about it, or empty.
        source: `told` over the API, `event` as an OTLP log record, `traffic` where a version that
            had not been there began to answer requests.
    """

    id: str
    time_ns: int
    kind: MarkerKind
    text: str
    service: str = ""
    scope: Mapping[str, str] = field(default_factory=dict[str, str])
    by: str = ""
    link: str = ""
    source: MarkerSource = "told"

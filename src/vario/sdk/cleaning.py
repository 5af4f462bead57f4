"""Attributes as OpenTelemetry allows them: their types, their number, their length.

Source: OpenTelemetry specification, "Attribute" and "Attribute Limits"; where it leaves a choice,
that of OpenTelemetry's Python SDK 1.45 is taken: the oldest attribute gives way to a new one.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from vario.sdk.faults import LOG, say_once

SCALARS = frozenset({str, bool, int, float, bytes, type(None)})
STRINGS = frozenset({str})
Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of everything that one item may hold; None is without limit."""

    span_attributes: int | None
    span_value: int | None
    events: int | None
    links: int | None
    event_attributes: int | None
    link_attributes: int | None
    log_attributes: int | None
    log_value: int | None
    value: int | None


def read_limits() -> Limits:
    """Returns the limits of the standard variables: 128 of everything, values of any length."""
    count = _limit("OTEL_ATTRIBUTE_COUNT_LIMIT", 128)
    value = _limit("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", None)
    return Limits(
        span_attributes=_limit("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", count),
        span_value=_limit("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", value),
        events=_limit("OTEL_SPAN_EVENT_COUNT_LIMIT", 128),
        links=_limit("OTEL_SPAN_LINK_COUNT_LIMIT", 128),
        event_attributes=_limit("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", count),
        link_attributes=_limit("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", count),
        log_attributes=_limit("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", count),
        log_value=_limit("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", value),
        value=value,
    )


def _limit(name: str, default: int | None) -> int | None:
    text = os.environ.get(name)
    if text is None:
        return default
    text = text.strip()
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    LOG.warning("%s=%r is not a number of at least 0; %s is used", name, text, default)
    return default


def clean_value(value: Any, longest: int | None) -> Any:
    """Returns a value that can be sent and that nobody changes any more."""
    if isinstance(value, str):
        return value if longest is None or len(value) <= longest else value[:longest]
    if value is None or isinstance(value, bool | int | float | bytes):
        return value
    if isinstance(value, Sequence):
        return tuple(clean_value(item, longest) for item in cast(Sequence[Any], value))
    if isinstance(value, Mapping):
        return clean_mapping(cast(Mapping[Any, Any], value), longest)
    if callable(tolist := getattr(value, "tolist", None)):  # NumPy's scalars and arrays
        return clean_value(tolist(), longest)
    say_once(f"attribute values of {type(value).__name__} are sent as text: OTLP has no such type")
    return str(value) if _has_text(value) else None


def clean_mapping(given: Mapping[Any, Any], longest: int | None) -> dict[str, Any]:
    """Returns a mapping's pairs with keys that are text; others are left out."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        if not key:
            say_once("an attribute without a name is left out")
        elif isinstance(key, str) or _has_text(key):
            found[str(key)] = clean_value(value, longest)
    return found


def clean(given: Attributes | None, most: int | None, longest: int | None) -> tuple[Any, int]:
    """Returns attributes of one's own within their limits, and how many were left out."""
    if not given:
        return {}, 0
    if (
        longest is None
        and (most is None or len(given) <= most)
        and STRINGS.issuperset(map(type, given))
        and SCALARS.issuperset(map(type, given.values()))
        and "" not in given
    ):
        return dict(given), 0
    if most == 0:
        return {}, len(given)
    found = clean_mapping(given, longest)
    dropped = len(given) - len(found)
    if most is not None and len(found) > most:
        dropped += len(found) - most
        found = dict(list(found.items())[-most:])
    return found, dropped


def _has_text(value: Any) -> bool:
    kind: Any = type(value)
    return kind.__str__ is not object.__str__ or kind.__repr__ is not object.__repr__

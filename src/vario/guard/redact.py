"""Finds personal data in texts and puts in its place what the policy says. Pure."""

from collections import Counter
from functools import lru_cache
from typing import Any

import orjson

from vario.guard.detectors import MARK, detectors_for, is_suspicious
from vario.guard.names import kind_of
from vario.guard.policy import Mode, Place, Policy

Finding = tuple[str, str, Place]
"""Detector, mode, place."""

_MOST_FIELDS = 100
_is_suspicious_name = lru_cache(maxsize=4096)(is_suspicious)


class Redactor:
    """Redacts texts and counts what was found, never what it was."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._apart = False
        self.found: Counter[Finding] = Counter()

    def clean(self, text: str, place: Place) -> str | None:
        """Returns a text without personal data: itself where there is none.

        None where the field is to be dropped.

        Args:
            text: a value.
            place: where it stands.
        """
        if not text or MARK.fullmatch(text):
            return text
        if (kind := kind_of(place.field)) and not _is_json(text):
            mode = self._mode(place, kind)
            if mode != "allow":
                self.found[kind, mode, place] += 1
                return None if mode == "drop" else self._policy.replace(kind, mode, text)
        if not is_suspicious(text):
            return text
        if _is_json(text):
            return self._clean_json(text, place)
        return self._clean_text(text, place)

    def tell_apart(self, text: str, place: Place) -> str:
        """Returns a text without personal data in which different texts stay different."""
        self._apart = True
        try:
            return self.clean(text, place) or ""
        finally:
            self._apart = False

    def clean_name(self, name: str, place: Place) -> str:
        """Returns the name of an attribute without personal data in it."""
        if not _is_suspicious_name(name):
            return name
        cleaned = self._clean_text(name, place)
        return name if cleaned is None else cleaned

    def _clean_text(self, text: str, place: Place) -> str | None:
        claimed: list[tuple[int, int, str, Mode]] = []
        for detector in detectors_for(text):
            for start, end in detector.find(text):
                if any(start < stop and begin < end for begin, stop, _, _ in claimed):
                    continue
                mode = self._mode(place, detector.name)
                claimed.append((start, end, detector.name, mode))
        kept: list[str] = []
        last = 0
        for start, end, name, mode in sorted(claimed):
            if mode == "allow":
                continue
            self.found[name, mode, place] += 1
            if mode == "drop":
                return None
            kept += [text[last:start], self._policy.replace(name, mode, text[start:end])]
            last = end
        return "".join(kept) + text[last:] if kept else text

    def _mode(self, place: Place, detector: str) -> Mode:
        mode = self._policy.mode_of(place, detector)
        return "hash" if self._apart and mode != "allow" else mode

    def _clean_json(self, text: str, place: Place) -> str | None:
        """Fields of a JSON text are fields of their own."""
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            return self._clean_text(text, place)
        cleaned = self._clean_value(document, place)
        if cleaned is _DROPPED:
            return None
        return text if cleaned == document else orjson.dumps(cleaned).decode()

    def _clean_value(self, value: Any, place: Place) -> Any:
        if isinstance(value, str):
            cleaned = self.clean(value, place)
            return _DROPPED if cleaned is None else cleaned
        if isinstance(value, list):
            items = (self._clean_value(item, place) for item in value)
            return [item for item in items if item is not _DROPPED]
        if isinstance(value, dict):
            pairs = (
                (name, self._clean_value(item, _inside(place, str(name))))
                for name, item in value.items()
            )
            return {name: item for name, item in pairs if item is not _DROPPED}
        return value


_DROPPED = object()


def _is_json(text: str) -> bool:
    return (text[0] == "{" and text[-1] == "}") or (text[0] == "[" and text[-1] == "]")


def _inside(place: Place, name: str) -> Place:
    field = name if place.field == "body" else f"{place.field}.{name}"
    return Place(place.signal, place.service, field[-_MOST_FIELDS:], place.resource)

"""Go's `time.Time` in UTC, as far as templates use it.

Source: the documentation of Go's package time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from vario.alert.template.execute import Function

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAYOUT = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|-07:00|-0700|-07|Z07:00|Z0700|PM|pm|"
    r"[.,]0+(?!\d)|[.,]9+(?!\d)|_2|0[1-6]|002|15|06|[1-5]"
)
_FORMATS = {
    "January": "%B",
    "Jan": "%b",
    "Monday": "%A",
    "Mon": "%a",
    "2006": "%Y",
    "06": "%y",
    "01": "%m",
    "02": "%d",
    "002": "%j",
    "15": "%H",
    "03": "%I",
    "04": "%M",
    "05": "%S",
    "PM": "%p",
}
_PLAIN = {"1": "month", "2": "day", "4": "minute", "5": "second"}
_ZONES = {"MST": "UTC", "-07:00": "+00:00", "-0700": "+0000", "-07": "+00"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: milliseconds since the epoch, as Prometheus counts them."""

    milliseconds: int

    GO_TYPE: ClassVar[str] = "*time.Time"
    METHODS: ClassVar[Mapping[str, Function]] = {}

    @classmethod
    def from_seconds(cls, seconds: float) -> "Moment":
        """Returns the moment of a Unix time in seconds, cut to milliseconds."""
        return cls(int(seconds * 1e9) // 1_000_000)

    @property
    def utc(self) -> datetime:
        """The moment as a datetime."""
        return _EPOCH + timedelta(milliseconds=self.milliseconds)

    def go_string(self) -> str:
        """Returns the moment as Go prints it.

        >>> Moment.from_seconds(1435065584.128).go_string()
        '2015-06-23 13:19:44.128 +0000 UTC'
        """
        fraction = f"{self.milliseconds % 1000:03d}".rstrip("0")
        return f"{self.utc:%Y-%m-%d %H:%M:%S}{'.' if fraction else ''}{fraction} +0000 UTC"

    def format(self, layout: str) -> str:
        """Returns the moment in a Go layout, such as `2006-01-02 15:04:05`."""
        return _LAYOUT.sub(lambda match: self._element(match[0]), layout)

    def _element(self, element: str) -> str:
        moment = self.utc
        if element[0] in ".,":
            digits = f"{self.milliseconds % 1000:03d}000000"[: len(element) - 1]
            digits = digits if element[1] == "0" else digits.rstrip("0")
            return element[0] + digits if digits else ""
        if element in _FORMATS:
            return moment.strftime(_FORMATS[element])
        if element in _PLAIN:
            return str(getattr(moment, _PLAIN[element]))
        special = {"_2": f"{moment.day:2d}", "3": str(moment.hour % 12 or 12)}
        special["pm"] = f"{moment:%p}".lower()
        return special.get(element) or _ZONES.get(element, "Z")


def _number(format_code: str) -> Function:
    return Function(lambda moment: int(moment.utc.strftime(format_code)))


Moment.METHODS = {
    "Format": Function(Moment.format, ("string",)),
    "String": Function(Moment.go_string),
    "UTC": Function(lambda moment: moment),
    "Unix": Function(lambda moment: moment.milliseconds // 1000),
    "UnixMilli": Function(lambda moment: moment.milliseconds),
    "UnixNano": Function(lambda moment: moment.milliseconds * 1_000_000),
    "Year": _number("%Y"),
    "Day": _number("%d"),
    "YearDay": _number("%j"),
    "Hour": _number("%H"),
    "Minute": _number("%M"),
    "Second": _number("%S"),
    "Nanosecond": Function(lambda moment: moment.milliseconds % 1000 * 1_000_000),
    "Month": Function(lambda moment: f"{moment.utc:%B}"),
    "Weekday": Function(lambda moment: f"{moment.utc:%A}"),
}

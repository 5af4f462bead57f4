"""Parameters of Prometheus' API: from the query string, or the form of a POST."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from starlette.requests import Request

from vario.errors import BadData, TooLarge
from vario.query.promql.literals import parse_duration_ms

MIN_TIME_MS = -(1 << 53)
MAX_TIME_MS = 1 << 53
_MAX_FORM_BYTES = 10 << 20
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Parameters:
    """What a caller asked, by name; a form's values come before those of the URL."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str, default: str = "") -> str:
        """Returns a parameter's first value."""
        return self._values.get(name, [default])[0]

    def many(self, name: str) -> list[str]:
        """Returns all values of a parameter."""
        return self._values.get(name, [])

    def time_ms(self, name: str, default_ms: int | None = None) -> int:
        """Returns a time in milliseconds since the epoch.

        Raises:
            BadData: it is no time, or missing where it has no default.
        """
        text = self.one(name)
        if not text and default_ms is not None:
            return default_ms
        try:
            return parse_time_ms(text)
        except ValueError as error:
            raise BadData(f'invalid parameter "{name}": {error}') from None

    def duration_ms(self, name: str) -> int:
        """Returns a duration in milliseconds; raises BadData where it is none."""
        text = self.one(name)
        try:
            return parse_seconds_ms(text)
        except ValueError as error:
            raise BadData(f'invalid parameter "{name}": {error}') from None

    def limit(self, name: str = "limit") -> int | None:
        """Returns a limit, None where there is none; raises BadData where it is no number."""
        text = self.one(name)
        if not text:
            return None
        if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
            raise BadData(f'invalid parameter "{name}": limit must be a non-negative number')
        return int(text) or None


async def read_parameters(request: Request) -> Parameters:
    """Returns the parameters of a request.

    Raises:
        BadData: the form is not text.
        TooLarge: the form is over 10 MiB.
    """
    pairs = list(request.query_params.multi_items())
    if request.method != "POST":
        return Parameters(pairs)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            raise TooLarge("the form is over 10 MiB; ask for less at once")
    try:
        form = parse_qsl(body.decode("utf-8"), keep_blank_values=True)
    except UnicodeDecodeError:
        raise BadData(
            "the form is not UTF-8 text; send application/x-www-form-urlencoded"
        ) from None
    return Parameters([*form, *pairs])


def parse_time_ms(text: str) -> int:
    """Returns a time given as Unix seconds or RFC 3339.

    Raises:
        ValueError: it is neither.
    """
    if _NUMBER.fullmatch(text):
        seconds = float(text)
        if abs(seconds) * 1000 < MAX_TIME_MS:
            whole = math.trunc(seconds)
            return whole * 1000 + round((seconds - whole) * 1000)
    elif match := _RFC3339.fullmatch(text):
        moment, fraction, zone = match.groups()
        offset = zone.replace("Z", "+00:00")
        try:
            parsed = datetime.fromisoformat(moment + offset).astimezone(UTC)
        except ValueError:
            raise ValueError(f'cannot parse "{text}" to a valid timestamp') from None
        milliseconds = int((fraction or "0").ljust(3, "0")[:3])
        return int(parsed.timestamp()) * 1000 + milliseconds
    raise ValueError(f'cannot parse "{text}" to a valid timestamp')


def parse_seconds_ms(text: str) -> int:
    """Returns a duration given as seconds or as Prometheus writes durations.

    Raises:
        ValueError: it is neither, or too long.
    """
    if _NUMBER.fullmatch(text):
        seconds = float(text)
        if abs(seconds) * 1e9 >= 2.0**63:
            raise ValueError(f'cannot parse "{text}" to a valid duration. It overflows int64')
        return int(seconds * 1000)
    try:
        return parse_duration_ms(text)
    except ValueError:
        raise ValueError(f'cannot parse "{text}" to a valid duration') from None

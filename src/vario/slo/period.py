"""The time over which an objective holds: rolling, or by the calendar of a place."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

DAY_S = 86_400
Unit = Literal["day", "week", "month", "quarter", "year"]

NOMINAL_DAYS: dict[Unit, int] = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
LONGEST_DAYS = {"day": 1.25, "week": 7.5, "month": 32, "quarter": 93, "year": 367}
"""A little longer than the longest, and shorter than two."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last `nominal_s` seconds, at any time."""

    nominal_s: int

    @property
    def words(self) -> str:
        """Such as `30-day`."""
        days, rest = divmod(self.nominal_s, DAY_S)
        return f"{self.nominal_s // 3600}-hour" if rest else f"{days}-day"

    def start_s(self, now_s: float) -> float:
        """Returns when the period that ends now began."""
        return now_s - self.nominal_s


@dataclass(frozen=True, slots=True)
class Calendar:
    """The day, week, month, quarter or year that it is now, in a zone.

    Attributes:
        unit: weeks begin at the weekday of `anchor`, everything begins at its time of day.
        zone: name of an IANA time zone.
        anchor: a local time at which a period began.
    """

    unit: Unit
    zone: str = "UTC"
    anchor: datetime = datetime(2024, 1, 1)  # a Monday

    @property
    def nominal_s(self) -> int:
        """How long such a period is, about."""
        return NOMINAL_DAYS[self.unit] * DAY_S

    @property
    def words(self) -> str:
        """Such as `calendar-month`."""
        return f"calendar-{self.unit}"

    @property
    def shift_s(self) -> int:
        """Seconds of the day at which periods begin."""
        return self.anchor.hour * 3600 + self.anchor.minute * 60 + self.anchor.second

    def start_s(self, now_s: float) -> float:
        """Returns when the period that it is now began, in seconds since the epoch."""
        zone = ZoneInfo(self.zone)
        local = datetime.fromtimestamp(now_s, UTC).astimezone(zone)
        day = (local.replace(tzinfo=None) - timedelta(seconds=self.shift_s)).date()
        begin = datetime.combine(self._first_day(day), datetime.min.time())
        begin += timedelta(seconds=self.shift_s)
        return begin.replace(tzinfo=zone).timestamp()

    def end_s(self, now_s: float) -> float:
        """Returns when the next period begins."""
        start = self.start_s(now_s)
        return self.start_s(start + LONGEST_DAYS[self.unit] * DAY_S)

    def _first_day(self, day: date) -> date:
        match self.unit:
            case "day":
                return day
            case "week":
                return day - timedelta(days=(day.weekday() - self.anchor.weekday()) % 7)
            case "month":
                return day.replace(day=1)
            case "quarter":
                return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
            case "year":
                return day.replace(month=1, day=1)

    def expression(self, local: str) -> str:
        """Returns PromQL of a number that is the same all through a period, and then another.

        Args:
            local: PromQL of the local time, as seconds.
        """
        at = f"({local} - {self.shift_s})" if self.shift_s else local
        monday = datetime(1970, 1, 5) + timedelta(days=self.anchor.weekday())
        since = (monday - datetime(1970, 1, 1)).days * DAY_S
        texts: dict[Unit, str] = {
            "day": f"floor({at} / {DAY_S})",
            "week": f"floor(({at} - {since}) / {7 * DAY_S})",
            "month": f"year({at}) * 12 + month({at})",
            "quarter": f"year({at}) * 4 + ceil(month({at}) / 3)",
            "year": f"year({at})",
        }
        return texts[self.unit]


Period = Rolling | Calendar

"""Business hours: when an SLO counts, exactly, in a place's own time.

Judged twice: `Hours.is_open` by the time zone database, and `Hours.expression` as PromQL for rules
that any Prometheus evaluates. PromQL knows UTC only, so that the changes of the zone's offset are
written into the expression, for the years that are asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S = 86_400
WEEK_S = 7 * DAY_S
_EPOCH = date(1970, 1, 1)
_QUARTER_S = 900


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans of the day, on days of the week, but for holidays.

    Attributes:
        zone: name of an IANA time zone.
        days: days of the week that count, Monday is 0.
        spans: (start, end) in seconds of the day, ascending and apart; 86,400 ends the day.
        holidays: dates that do not count.
    """

    zone: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    spans: tuple[tuple[int, int], ...] = ((9 * 3600, 17 * 3600),)
    holidays: tuple[date, ...] = ()

    def is_open(self, time_s: float) -> bool:
        """Says whether a time, in seconds since the epoch, counts."""
        local = datetime.fromtimestamp(time_s, ZoneInfo(self.zone))
        if local.weekday() not in self.days or local.date() in self.holidays:
            return False
        second = local.hour * 3600 + local.minute * 60 + local.second
        return any(start <= second < end for start, end in self.spans)

    def open_seconds(self, start_s: float, end_s: float) -> float:
        """Returns how many seconds count between two times."""
        return sum(
            max(0.0, min(end, end_s) - max(start, start_s))
            for start, end in self._open_spans(start_s, end_s)
        )

    def _open_spans(self, start_s: float, end_s: float) -> Iterator[tuple[float, float]]:
        """Yields the spans that count, day by day; a span may begin before or end after."""
        zone = ZoneInfo(self.zone)
        day = datetime.fromtimestamp(start_s, zone).date()
        last = datetime.fromtimestamp(end_s, zone).date()
        while day <= last:
            if day.weekday() in self.days and day not in self.holidays:
                for start, end in self.spans:
                    yield from self._span(day, start, end, zone)
            day += timedelta(days=1)

    def _span(
        self, day: date, start: int, end: int, zone: ZoneInfo
    ) -> Iterator[tuple[float, float]]:
        """Yields when the clock shows a span: on a day of change, in parts of equal offset."""
        midnight = (day - _EPOCH).days * DAY_S
        low, high = midnight + start, midnight + end
        changes = find_changes(zone, midnight - DAY_S, midnight + 2 * DAY_S)
        edges = [float("-inf"), *(at for at, _ in changes), float("inf")]
        first = _offset(zone, midnight - DAY_S)
        for i, offset in enumerate([first, *(offset for _, offset in changes)]):
            begin, finish = max(low - offset, edges[i]), min(high - offset, edges[i + 1])
            if begin < finish:
                yield begin, finish

    @property
    def open_share(self) -> float:
        """Share of a week that counts, holidays aside."""
        return len(self.days) * sum(end - start for start, end in self.spans) / WEEK_S

    def open_within(self, length_s: int) -> float:
        """Returns the most seconds that count within any stretch of a usual week."""
        spans = [
            (week * WEEK_S + day * DAY_S + start, week * WEEK_S + day * DAY_S + end)
            for week in range(1 + -(-length_s // WEEK_S) + 1)
            for day in sorted(self.days)
            for start, end in self.spans
        ]
        starts = [start for start, _ in spans if start < WEEK_S]
        return max(
            float(sum(max(0, min(e, at + length_s) - max(s, at)) for s, e in spans))
            for at in starts
        )

    def open_expression(self, local: str) -> str:
        """Returns PromQL that is 1 while it counts and 0 else.

        Args:
            local: PromQL of the local time, as seconds.
        """
        day = f"day_of_week({local})"
        days = " + ".join(f"({day} == bool {(number + 1) % 7})" for number in self.days)
        second = f"({local} % {DAY_S})"
        spans = " + ".join(
            f"({second} >= bool {start}) * ({second} < bool {end})" for start, end in self.spans
        )
        text = f"({days}) * ({spans})"
        for holiday in self.holidays:
            number = (holiday - _EPOCH).days
            text += f" * (floor({local} / {DAY_S}) != bool {number})"
        return text


def local_expression(zone_name: str, start_s: int, end_s: int) -> str:
    """Returns PromQL of a zone's local time in seconds, right from `start_s` to `end_s`."""
    zone = ZoneInfo(zone_name)
    offset = _offset(zone, start_s)
    parts = [f"time() + {offset}" if offset >= 0 else f"time() - {-offset}"]
    for at, new in find_changes(zone, start_s, end_s):
        step, offset = new - offset, new
        parts.append(f"{'+' if step >= 0 else '-'} {abs(step)} * (time() >= bool {at})")
    return f"vector({' '.join(parts)})"


def find_changes(zone: ZoneInfo, start_s: int, end_s: int) -> Sequence[tuple[int, int]]:
    """Returns when the offset of a zone changes after `start_s`, and the offset from then on.

    Zones have changed at whole quarters of an hour since 1972; a change is sought between days
    whose offsets differ, which misses no change that lasts more than a day.
    """
    changes: list[tuple[int, int]] = []
    time_s, offset = start_s, _offset(zone, start_s)
    while time_s < end_s:
        later_s = min(time_s + DAY_S, end_s)
        if _offset(zone, later_s) != offset:
            low, high = time_s // _QUARTER_S, -(-later_s // _QUARTER_S)
            while high - low > 1:
                middle = (low + high) // 2
                if _offset(zone, middle * _QUARTER_S) == offset:
                    low = middle
                else:
                    high = middle
            offset = _offset(zone, high * _QUARTER_S)
            changes.append((high * _QUARTER_S, offset))
        time_s = later_s
    return changes


def _offset(zone: ZoneInfo, time_s: int) -> int:
    offset = datetime.fromtimestamp(time_s, UTC).astimezone(zone).utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0

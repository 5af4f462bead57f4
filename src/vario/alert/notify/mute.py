"""What keeps an alert from being told: silences, maintenance windows, inhibition.

A muted alert goes on; it is shown with what mutes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vario.alert.notify.matchers import dump_matchers, load_matchers, match_all
from vario.errors import BadData
from vario.model.series import Labels, Matcher

S = 10**9
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONGEST_WINDOW_S = 7 * 86400
MuteKind = Literal["silence", "maintenance", "inhibition"]


@dataclass(frozen=True, slots=True)
class Mute:
    """Why an alert is not told of: the silence, window or alert, and what its author says."""

    kind: MuteKind
    id: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that match are not told of from `starts_ns` until before `ends_ns`."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_ns: int
    ends_ns: int
    author: str
    comment: str
    updated_ns: int = 0

    def is_active(self, now_ns: int) -> bool:
        """Whether it holds now."""
        return self.starts_ns <= now_ns < self.ends_ns

    def state(self, now_ns: int) -> Literal["pending", "active", "expired"]:
        """Returns Alertmanager's word for where it stands."""
        if now_ns >= self.ends_ns:
            return "expired"
        return "active" if now_ns >= self.starts_ns else "pending"

    def dump(self) -> dict[str, Any]:
        """Returns what a record keeps of it."""
        return {
            "matchers": dump_matchers(self.matchers),
            "starts_ns": self.starts_ns,
            "ends_ns": self.ends_ns,
            "author": self.author,
            "comment": self.comment,
            "updated_ns": self.updated_ns,
        }

    @classmethod
    def load(cls, id_: str, body: Mapping[str, Any]) -> "Silence":
        """Returns a silence from its record."""
        return cls(id_, load_matchers(body["matchers"]), **{k: body[k] for k in _SILENCE_FIELDS})


_SILENCE_FIELDS = ("starts_ns", "ends_ns", "author", "comment", "updated_ns")


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window that comes again and again: alerts that match are not told of while it is open.

    Attributes:
        weekdays: days on which it opens, 0 for Monday.
        opens: time of day by the wall clock of `zone`.
        duration_s: how long it stays open, in real seconds; a clock change does not alter it.
        zone: name of a time zone, such as `Europe/Berlin`.
        first: first day on which it opens; None for always.
        last: last day on which it opens; None for ever.
    """

    id: str
    matchers: tuple[Matcher, ...]
    weekdays: tuple[int, ...]
    opens: time
    duration_s: int
    zone: str
    author: str
    comment: str
    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        """Checks what a person gave.

        Raises:
            BadData: the zone is not known, no day is given, or the duration makes no sense.
        """
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadData(f"{self.zone!r} is no time zone; write e.g. Europe/Berlin") from error
        if not self.weekdays or not set(self.weekdays) <= set(range(7)):
            raise BadData(f"a maintenance window needs weekdays out of {', '.join(WEEKDAYS)}")
        if not 60 <= self.duration_s <= LONGEST_WINDOW_S:
            raise BadData("a maintenance window is open for a minute at least, a week at most")

    def opening(self, now_ns: int) -> tuple[int, int] | None:
        """Returns when the window that is open now opened and will close; None if none is."""
        zone = ZoneInfo(self.zone)
        today = datetime.fromtimestamp(now_ns // S, zone).date()
        for back in range(self.duration_s // 86400 + 2):
            day = today - timedelta(days=back)
            if not self._opens_on(day):
                continue
            # A wall-clock time that a clock change skips is read with the offset before it.
            opened = datetime.combine(day, self.opens, zone).astimezone(UTC)
            opened_ns = int(opened.timestamp()) * S
            if opened_ns <= now_ns < opened_ns + self.duration_s * S:
                return opened_ns, opened_ns + self.duration_s * S
        return None

    def _opens_on(self, day: date) -> bool:
        return (
            day.weekday() in self.weekdays
            and (self.first is None or day >= self.first)
            and (self.last is None or day <= self.last)
        )

    def dump(self) -> dict[str, Any]:
        """Returns what a record keeps of it."""
        return {
            "matchers": dump_matchers(self.matchers),
            "weekdays": list(self.weekdays),
            "opens": self.opens.isoformat("minutes"),
            "duration_s": self.duration_s,
            "zone": self.zone,
            "author": self.author,
            "comment": self.comment,
            "first": self.first.isoformat() if self.first else "",
            "last": self.last.isoformat() if self.last else "",
        }

    @classmethod
    def load(cls, id_: str, body: Mapping[str, Any]) -> "Maintenance":
        """Returns a window from its record."""
        return cls(
            id_,
            load_matchers(body["matchers"]),
            tuple(body["weekdays"]),
            time.fromisoformat(body["opens"]),
            body["duration_s"],
            body["zone"],
            body["author"],
            body["comment"],
            date.fromisoformat(body["first"]) if body["first"] else None,
            date.fromisoformat(body["last"]) if body["last"] else None,
        )


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While a source fires, targets that have the same values of `equal` are not told of."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()


DEFAULT_INHIBITION = (
    InhibitRule(
        source=(Matcher("severity", "=", "page"), Matcher("service", "!=", "")),
        target=(Matcher("severity", "=", "ticket"),),
        equal=("service",),
    ),
)
"""Whoever is woken by a symptom needs no tickets about its causes."""


def find_inhibited(
    firing: Mapping[str, Labels], rules: Sequence[InhibitRule]
) -> dict[str, list[Mute]]:
    """Returns what inhibits which alerts.

    An alert that is on both sides of a rule is not inhibited by another such one, as in
    Alertmanager, so that two do not mute each other.

    Args:
        firing: labels of the firing alerts by id; silenced ones inhibit too.
        rules: when one mutes another.
    """
    muted: dict[str, list[Mute]] = {}
    for rule in rules:
        sources: dict[tuple[str, ...], list[tuple[str, bool]]] = {}
        for id_, labels in firing.items():
            if match_all(rule.source, labels):
                both = match_all(rule.target, labels)
                sources.setdefault(_values(rule, labels), []).append((id_, both))
        for id_, labels in firing.items():
            if not match_all(rule.target, labels):
                continue
            on_both = match_all(rule.source, labels)
            for source, both in sources.get(_values(rule, labels), ()):
                if source != id_ and not (on_both and both):
                    name = firing[source].get("alertname", "")
                    muted.setdefault(id_, []).append(Mute("inhibition", source, name))
    return muted


def _values(rule: InhibitRule, labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in rule.equal)


def find_mutes(
    labels: Labels,
    silences: Iterable[Silence],
    windows: Iterable[Maintenance],
    now_ns: int,
) -> list[Mute]:
    """Returns the silences and maintenance windows that mute an alert now."""
    found = [
        Mute("silence", silence.id, silence.comment)
        for silence in silences
        if silence.is_active(now_ns) and match_all(silence.matchers, labels)
    ]
    found += [
        Mute("maintenance", window.id, window.comment)
        for window in windows
        if match_all(window.matchers, labels) and window.opening(now_ns)
    ]
    return found

"""The short form: SLOs in YAML as people say them. `docs/slos.md` describes it with examples."""

import itertools
import re
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from vario.slo.fields import Fields, duration_s, parsed, text_of
from vario.slo.hours import DAYS, Hours
from vario.slo.kinds import KINDS, read_sli
from vario.slo.model import PLACEHOLDER, Place, Problem, Sli, Slo
from vario.slo.period import Calendar, Period, Rolling, Unit
from vario.slo.quantity import Wanted, parse_objective
from vario.slo.windows import BurnWindow
from vario.wire.document import DocumentError, Item

TOP_FIELDS = frozenset({"slos", "defaults"})
_DEFAULT_FIELDS = frozenset(
    {"service", "owner", "severity", "window", "hours", "labels", "by", "breakdown", "runbook"}
    | {"alerts", "min_bad_events", "min_events"}
)
_SLO_FIELDS = _DEFAULT_FIELDS | {"name", "title", "description", "sli", "objective", "alert_name"}
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SPAN = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*-\s*(\d{1,2})(?::(\d{2}))?")
_CALENDAR: dict[str, Unit] = {
    "day": "day", "week": "week", "month": "month", "quarter": "quarter", "year": "year",
}  # fmt: skip


def read_short_form(document: Item, file: str) -> tuple[list[Slo], list[Problem], list[Problem]]:
    """Returns the SLOs of a document, what is wrong in it, and what is doubtful."""
    try:
        top = document.fields("an SLO file", TOP_FIELDS)
        defaults = top["defaults"].fields("defaults", _DEFAULT_FIELDS) if "defaults" in top else {}
        items = list(top["slos"].items("slos")) if "slos" in top else []
    except DocumentError as error:
        return [], [Problem(Place(file, error.line, error.column), str(error))], []
    slos: list[Slo] = []
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for item in items:
        name = ""
        try:
            fields = item.fields("an SLO", _SLO_FIELDS)
            name = text_of(fields, "name")
            slo = _Reader({**defaults, **fields}, item).read(Place(file, item.line, item.column))
        except DocumentError as error:
            place = Place(file, error.line, error.column)
            problems.append(Problem(place, str(error), name))
            continue
        slos.append(slo)
        for key in ("owner", "severity"):
            if text_of(fields, key) == PLACEHOLDER or (
                key not in fields and text_of(defaults, key) == PLACEHOLDER
            ):
                at = fields.get(key, defaults.get(key, item))
                message = f"{key} is still {PLACEHOLDER}: say who is told, and how urgently"
                warnings.append(Problem(Place(file, at.line, at.column), message, name))
    return slos, problems, warnings


class _Reader:
    """Reads one SLO, its fields and the defaults' together."""

    def __init__(self, fields: Fields, item: Item) -> None:
        self.fields = fields
        self.item = item

    def _text(self, key: str, default: str = "") -> str:
        return text_of(self.fields, key, default)

    def _number(self, key: str, default: float) -> float:
        return parsed(self.fields[key], key, float) if key in self.fields else default

    def read(self, place: Place) -> Slo:
        """Returns the SLO.

        Raises:
            DocumentError: something in it makes no sense.
        """
        for key in ("name", "service", "sli"):
            if key not in self.fields or self.fields[key].is_null:
                raise self.item.fail(f'field "{key}" is missing in the SLO')
        name = self._text("name")
        if not _NAME.fullmatch(name):
            raise self.fields["name"].fail(
                f'name "{name}": lower-case letters, digits and dashes only, such as infer-latency'
            )
        wanted = self._objective()
        sli = self._sli(name, wanted)
        slo = Slo(
            name,
            self._text("service"),
            wanted.target,
            sli,
            read_window(self.fields["window"]) if "window" in self.fields else Rolling(30 * 86_400),
            title=self._text("title"),
            description=self._text("description"),
            owner=self._text("owner"),
            runbook=self._text("runbook"),
            by=self._labels_list("by"),
            breakdown=self._text("breakdown"),
            hours=read_hours(self.fields["hours"]) if "hours" in self.fields else None,
            labels=self.fields["labels"].texts("labels") if "labels" in self.fields else {},
            min_bad=self._number("min_bad_events", 3),
            min_events=self._number("min_events", 0),
            alert_name=self._text("alert_name", "ErrorBudgetBurn"),
            place=place,
        )
        return replace(slo, alerts=self._alerts(slo))

    def _labels_list(self, key: str) -> tuple[str, ...]:
        if key not in self.fields:
            return ()
        item = self.fields[key]
        items = [item] if item.node.id == "scalar" and not item.is_null else list(item.items(key))
        for one in items:
            if not _LABEL.fullmatch(one.text(key)):
                raise one.fail(f'{key}: "{one.text(key)}" is no name of a label')
        return tuple(one.text(key) for one in items)

    def _objective(self) -> Wanted:
        if "objective" in self.fields:
            return parsed(self.fields["objective"], "objective", parse_objective)
        raise self.item.fail('field "objective" is missing in the SLO, such as objective: 99.9%')

    def _alerts(self, slo: Slo) -> tuple[BurnWindow, ...] | None:
        """Returns the burn-rate alerts that the file names; tickets only, if it says so."""
        planned = None
        if "alerts" in self.fields:
            item = self.fields["alerts"]
            if item.node.id == "scalar" and item.text("alerts") in ("none", ""):
                return ()
            planned = tuple(_read_alert(one, slo) for one in item.items("alerts"))
        severity = self._text("severity", "page")
        if severity not in ("page", "ticket", PLACEHOLDER):
            raise self.fields["severity"].fail(
                f'severity "{severity}": page wakes someone, ticket does not; give one of them'
            )
        if severity == "ticket":
            return tuple(replace(w, severity="ticket") for w in planned or slo.windows)
        return planned

    def _sli(self, name: str, wanted: Wanted) -> Sli:
        kinds = self.fields["sli"].fields("sli", frozenset(KINDS))
        if len(kinds) != 1:
            raise self.fields["sli"].fail(f"sli has one kind out of {', '.join(sorted(KINDS))}")
        ((kind, item),) = kinds.items()
        try:
            sli = read_sli(kind, item, name, wanted)
        except ValueError as error:
            raise item.fail(f"sli.{kind}: {error}") from error
        if wanted.bound is not None and sli.latency is None:
            raise self.fields["objective"].fail(
                f"objective: {wanted.bound} is a bound of latency, and the indicator is {kind}"
            )
        return sli


def _read_alert(item: Item, slo: Slo) -> BurnWindow:
    fields = item.fields("an alert", frozenset({"severity", "long", "short", "factor", "for"}))
    for key in ("severity", "long", "factor"):
        if key not in fields:
            raise item.fail(f'field "{key}" is missing in the alert')
    severity = fields["severity"].text("severity")
    if severity not in ("page", "ticket"):
        raise fields["severity"].fail(f'severity "{severity}" is neither page nor ticket')
    long_s = parsed(fields["long"], "long", duration_s)
    short_s = parsed(fields["short"], "short", duration_s) if "short" in fields else long_s // 12
    factor = parsed(fields["factor"], "factor", float)
    if not 0 < short_s <= long_s or factor <= 0:
        raise item.fail("an alert wants 0 < short <= long, and a factor above 0")
    for_s = parsed(fields["for"], "for", duration_s) if "for" in fields else 0
    budget = round(factor * long_s / slo.period.nominal_s, 9)
    return BurnWindow(severity, budget, long_s, short_s, factor, for_s)


def read_window(item: Item) -> Period:
    """Returns a period: `30d`, or `calendar: month` with a zone.

    Raises:
        DocumentError: it is none.
    """
    if item.node.id == "scalar":
        seconds = parsed(item, "window", duration_s)
        if seconds < 3600:
            raise item.fail(f"window: {item.text('window')} is too short for a budget; from 1h on")
        return Rolling(seconds)
    fields = item.fields("window", frozenset({"calendar", "zone"}))
    unit = text_of(fields, "calendar")
    if unit not in _CALENDAR:
        raise item.fail(f'window: calendar "{unit}" is none of {", ".join(_CALENDAR)}')
    zone = text_of(fields, "zone", "UTC")
    return Calendar(_CALENDAR[unit], check_zone(zone, fields.get("zone", item)))


def check_zone(name: str, item: Item) -> str:
    """Returns the name of a time zone that is known here."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise item.fail(f'zone "{name}" is no IANA time zone, such as Europe/Zurich') from error
    return name


def read_hours(item: Item) -> Hours | None:
    """Returns business hours; `always` is None.

    Raises:
        DocumentError: they make no sense.
    """
    if item.node.id == "scalar":
        if item.text("hours") in ("", "always"):
            return None
        raise item.fail("hours wants a mapping of zone, days, open and holidays, or always")
    fields = item.fields("hours", frozenset({"zone", "days", "open", "holidays"}))
    if "zone" not in fields:
        raise item.fail('field "zone" is missing in hours, such as zone: Europe/Zurich')
    zone = check_zone(fields["zone"].text("zone"), fields["zone"])
    days = (0, 1, 2, 3, 4)
    if "days" in fields:
        days = tuple(sorted({_day(one) for one in fields["days"].items("days")}))
        if not days:
            raise fields["days"].fail("days: name at least one")
    spans = ((0, 86_400),)
    if "open" in fields:
        opened = fields["open"]
        items = [opened] if opened.node.id == "scalar" else list(opened.items("open"))
        spans = tuple(sorted(_span(one) for one in items))
        if any(a[1] > b[0] for a, b in itertools.pairwise(spans)):
            raise opened.fail("open: the spans overlap")
    holidays = tuple(
        sorted(parsed(one, "holidays", date.fromisoformat) for one in fields["holidays"].items("x"))
        if "holidays" in fields
        else ()
    )
    return Hours(zone, days, spans, holidays)


def _day(item: Item) -> int:
    day = item.text("days").lower()[:3]
    if day not in DAYS:
        raise item.fail(f'days: "{item.text("days")}" is none of {", ".join(DAYS)}')
    return DAYS.index(day)


def _span(item: Item) -> tuple[int, int]:
    text = item.text("open")
    match = _SPAN.fullmatch(text)
    if match is None:
        raise item.fail(f'open: "{text}" is no span of the day, such as 09:00-17:00')
    start = int(match[1]) * 3600 + int(match[2] or 0) * 60
    end = int(match[3]) * 3600 + int(match[4] or 0) * 60
    if not 0 <= start < end <= 86_400:
        raise item.fail(
            f'open: "{text}" must end after it starts, by 24:00; '
            "a span over midnight is written as two"
        )
    return start, end

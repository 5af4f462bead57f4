"""OpenSLO's `openslo/v1` documents, read as they are.

Source: the OpenSLO specification, version 1. Fields that it does not know are refused. Metric
sources other than Prometheus load, and say that they are not measured here.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from vario.slo import indicators
from vario.slo.fields import Fields, duration_s, parsed, text_of
from vario.slo.indicators import Range
from vario.slo.model import Place, Problem, Severity, Sli, Slo
from vario.slo.period import Calendar, Period, Rolling, Unit
from vario.slo.promql import check, find_metrics, make_rate
from vario.slo.quantity import Quantity, unit_of
from vario.slo.shortform import check_zone
from vario.slo.windows import BurnWindow
from vario.wire.document import DocumentError, Item

API_VERSION = "openslo/v1"
_TOP = frozenset({"apiVersion", "kind", "metadata", "spec"})
_META = frozenset({"name", "displayName", "labels", "annotations"})
_SPECS = {
    "SLO": frozenset(
        {"description", "service", "indicator", "indicatorRef", "timeWindow", "budgetingMethod"}
        | {"objectives", "alertPolicies"}
    ),
    "SLI": frozenset({"description", "thresholdMetric", "ratioMetric"}),
    "Service": frozenset({"description"}),
    "DataSource": frozenset({"description", "type", "connectionDetails"}),
    "AlertPolicy": frozenset(
        {"description", "alertWhenNoData", "alertWhenResolved", "alertWhenBreaching"}
        | {"conditions", "notificationTargets"}
    ),
    "AlertCondition": frozenset({"description", "severity", "condition"}),
    "AlertNotificationTarget": frozenset({"description", "target"}),
}
_RATIO = frozenset({"counter", "good", "bad", "total", "rawType", "raw"})
_SOURCE = frozenset({"metricSourceRef", "type", "spec"})
_OBJECTIVE = frozenset(
    {"displayName", "op", "value", "target", "targetPercent", "timeSliceTarget"}
    | {"timeSliceWindow", "indicator", "indicatorRef", "compositeWeight"}
)
_OPS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_SHORTHAND = re.compile(r"(\d+)([mhdwMQY])")
_UNITS: dict[str, Unit] = {"d": "day", "w": "week", "M": "month", "Q": "quarter", "Y": "year"}
_PAGES = frozenset({"page", "critical", "high", "emergency", "error", "fatal"})


class _Unsupported(Exception):
    """An indicator that can be read and not be measured here."""


@dataclass(frozen=True, slots=True)
class _Document:
    """A document: its kind, its name, its metadata and specification."""

    kind: str
    name: str
    title: str
    spec: Fields
    item: Item
    runbook: str = ""
    owner: str = ""


class OpenSloReader:
    """Reads the OpenSLO documents of one file, then joins what refers to each other."""

    def __init__(self, file: str) -> None:
        self.slos: list[Slo] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.others: list[tuple[str, str]] = []
        self._file = file
        self._documents: list[_Document] = []

    def add(self, item: Item) -> None:
        """Takes a document.

        Raises:
            DocumentError: it is none of OpenSLO v1, or has a field that is not known.
        """
        self._documents.append(_read_document(item))

    def finish(self) -> None:
        """Makes SLOs of what was taken; faults go to `problems`."""
        for document in self._documents:
            try:
                if document.kind == "SLO":
                    self.slos += self._slos(document)
                else:
                    self._check(document)
                    self.others.append((document.kind, document.name))
            except DocumentError as error:
                place = Place(self._file, error.line, error.column)
                self.problems.append(Problem(place, str(error), document.name))

    def _warn(self, item: Item, message: str, slo: str) -> None:
        self.warnings.append(Problem(Place(self._file, item.line, item.column), message, slo))

    def _find(self, kind: str, name: str) -> _Document | None:
        found = (d for d in self._documents if d.kind == kind and d.name == name)
        return next(found, None)

    def _check(self, document: _Document) -> None:
        """Reads what would be read if an SLO referred to it."""
        if document.kind == "SLI":
            self._sli(document.spec, document, {})
        elif document.kind == "AlertPolicy":
            self._alerts([document.item])
        elif document.kind == "AlertCondition":
            self._condition(document.spec, document.item)

    def _slos(self, document: _Document) -> list[Slo]:
        spec = document.spec
        if "objectives" not in spec:
            raise document.item.fail('field "objectives" is missing in the SLO')
        objectives = [
            (item, item.fields("an objective", _OBJECTIVE))
            for item in spec["objectives"].items("objectives")
        ]
        period = self._period(document)
        alerts = None
        if "alertPolicies" in spec and not spec["alertPolicies"].is_null:
            alerts = self._alerts(list(spec["alertPolicies"].items("alertPolicies"))) or None
        return [
            self._slo(document, item, fields, period, alerts, i if len(objectives) > 1 else 0)
            for i, (item, fields) in enumerate(objectives, 1)
        ]

    def _slo(
        self,
        document: _Document,
        item: Item,
        fields: Fields,
        period: Period,
        alerts: tuple[BurnWindow, ...] | None,
        number: int,
    ) -> Slo:
        name = slug(document.name) + (f"-{number}" if number else "")
        slices = self._slices(document, fields)
        own = "indicator" in fields or "indicatorRef" in fields
        source = self._indicator(fields if own else document.spec, document)
        sli = self._sli(source[0], source[1], {**fields, **slices})
        return Slo(
            name,
            text_of(document.spec, "service"),
            _target(item, fields),
            sli,
            period,
            title=text_of(fields, "displayName") or document.title,
            description=text_of(document.spec, "description"),
            owner=document.owner,
            runbook=document.runbook,
            alerts=alerts,
            place=Place(self._file, item.line, item.column),
        )

    def _slices(self, document: _Document, fields: Fields) -> Fields:
        """Returns the budgeting method, where it is one of slices."""
        method = text_of(document.spec, "budgetingMethod", "Occurrences")
        if method not in ("Occurrences", "Timeslices", "RatioTimeslices"):
            raise document.spec["budgetingMethod"].fail(
                f'budgetingMethod "{method}" is none of Occurrences, Timeslices, RatioTimeslices'
            )
        if method == "Timeslices" and "timeSliceTarget" not in fields:
            raise document.item.fail('field "timeSliceTarget" is missing: Timeslices want it')
        return {"method": document.spec["budgetingMethod"]} if method != "Occurrences" else {}

    def _period(self, document: _Document) -> Period:
        if "timeWindow" not in document.spec:
            raise document.item.fail('field "timeWindow" is missing in the SLO')
        windows = list(document.spec["timeWindow"].items("timeWindow"))
        if len(windows) != 1:
            raise document.spec["timeWindow"].fail("timeWindow: exactly one is supported")
        item = windows[0]
        fields = item.fields("a time window", frozenset({"duration", "isRolling", "calendar"}))
        if "duration" not in fields:
            raise item.fail('field "duration" is missing in the time window')
        match = _SHORTHAND.fullmatch(fields["duration"].text("duration"))
        if match is None:
            raise fields["duration"].fail("duration: a number and one of m, h, d, w, M, Q, Y")
        count, letter = int(match[1]), match[2]
        if text_of(fields, "isRolling", "true") != "false" and "calendar" not in fields:
            unit_s = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
            long_s = {"M": 30 * 86_400, "Q": 90 * 86_400, "Y": 365 * 86_400}
            return Rolling(count * {**unit_s, **long_s}[letter])
        if letter == "m":
            text = "a calendar window of minutes is no period; it is read as months, written M"
            self._warn(fields["duration"], text, document.name)
            letter = "M"
        if letter not in _UNITS or count != 1:
            raise fields["duration"].fail(
                "duration: a calendar window is one of 1d, 1w, 1M, 1Q and 1Y"
            )
        if "calendar" not in fields:
            raise item.fail('field "calendar" is missing: a window that does not roll wants it')
        return _read_calendar(fields["calendar"], _UNITS[letter])

    def _indicator(self, fields: Fields, document: _Document) -> tuple[Fields, _Document]:
        """Returns the specification of an indicator that stands here or is referred to."""
        if "indicator" in fields:
            item = fields["indicator"]
            top = item.fields("an indicator", _TOP)
            if "spec" not in top:
                raise item.fail('field "spec" is missing in the indicator')
            return top["spec"].fields("an indicator's spec", _SPECS["SLI"]), document
        if "indicatorRef" in fields:
            name = fields["indicatorRef"].text("indicatorRef")
            if found := self._find("SLI", name):
                return found.spec, found
            raise fields["indicatorRef"].fail(f'indicatorRef: no SLI "{name}" stands in this file')
        raise document.item.fail('field "indicator" (or "indicatorRef") is missing in the SLO')

    def _sli(self, spec: Fields, document: _Document, objective: Fields) -> Sli:
        try:
            if "ratioMetric" in spec:
                return self._ratio(spec["ratioMetric"], objective)
            if "thresholdMetric" in spec:
                return self._threshold(spec["thresholdMetric"], objective)
        except _Unsupported as reason:
            return Sli("openslo", "unsupported", reason=str(reason))
        except ValueError as error:
            raise document.item.fail(f"indicator: {error}") from error
        raise document.item.fail('one of "ratioMetric" and "thresholdMetric" must be there')

    def _ratio(self, item: Item, objective: Fields) -> Sli:
        fields = item.fields("ratioMetric", _RATIO)
        if "raw" in fields:
            is_success = text_of(fields, "rawType", "success") == "success"
            return indicators.error_ratio(
                "ratio", self._query(fields["raw"]), is_success=is_success
            )
        for key in ("total", *(() if "bad" in fields else ("good",))):
            if key not in fields:
                raise item.fail(f'field "{key}" is missing in ratioMetric')
        is_counter = text_of(fields, "counter", "true") != "false"
        good, bad, total = (
            make_rate(self._query(fields[key]), is_counter=is_counter) if key in fields else ""
            for key in ("good", "bad", "total")
        )
        if "method" not in objective:
            return indicators.rate_ratio("ratio", bad=bad, good="" if bad else good, total=total)
        slice_s = (
            parsed(objective["timeSliceWindow"], "timeSliceWindow", duration_s)
            if "timeSliceWindow" in objective
            else 60
        )
        good = good or f"({total}) - (({bad}) or ({total}) * 0)"
        if objective["method"].text("x") == "RatioTimeslices":
            return indicators.ratio_time_slices("ratio", good, total, slice_s, "bad events")
        least = parsed(objective["timeSliceTarget"], "timeSliceTarget", float)
        words = f"slices of {slice_s} s with less than {100 * least:g}% good events"
        return indicators.time_slices("ratio", good, total, least, slice_s, words)

    def _threshold(self, item: Item, objective: Fields) -> Sli:
        fields = item.fields("thresholdMetric", frozenset({"metricSource"}))
        query = self._query_of(fields.get("metricSource", item))
        check(query)
        op = _OPS.get(text_of(objective, "op", "lte"))
        if op is None:
            raise objective["op"].fail(f"op is one of {', '.join(_OPS)}")
        if "value" not in objective:
            if not objective:  # an SLI that stands alone
                return Sli("threshold", "unsupported", reason="it has no objective")
            raise item.fail('field "value" is missing in the objective: a threshold wants it')
        # OpenSLO has no units: a value is in the metric's own.
        unit = unit_of((find_metrics(query) or ("",))[0])
        bound = Quantity(parsed(objective["value"], "value", float), unit)
        if op in (">", ">="):
            return indicators.gauge("threshold", f"({query})", Range(above=bound, op_above=op))
        return indicators.gauge("threshold", f"({query})", Range(below=bound, op_below=op))

    def _query(self, item: Item) -> str:
        fields = item.fields("a metric", frozenset({"metricSource"}))
        return self._query_of(fields.get("metricSource", item))

    def _query_of(self, item: Item) -> str:
        fields = item.fields("a metric source", _SOURCE)
        kind = text_of(fields, "type")
        if not kind and (found := self._find("DataSource", text_of(fields, "metricSourceRef"))):
            kind = text_of(found.spec, "type")
        spec = fields["spec"].fields("a metric source's spec") if "spec" in fields else {}
        if kind.lower() not in ("prometheus", ""):
            raise _Unsupported(f"its metric source is {kind}, and vario reads PromQL")
        if "query" not in spec:
            raise item.fail('field "query" is missing in the metric source\'s spec')
        return spec["query"].text("query")

    def _alerts(self, items: list[Item]) -> tuple[BurnWindow, ...]:
        alerts: list[BurnWindow] = []
        for item in items:
            fields = item.fields("an alert policy")
            if "alertPolicyRef" in fields:
                name = fields["alertPolicyRef"].text("alertPolicyRef")
                if not (found := self._find("AlertPolicy", name)):
                    self._warn(item, f'no AlertPolicy "{name}" stands in this file', "")
                    continue
                fields = found.item.fields("an alert policy")
            spec = fields["spec"].fields("an alert policy's spec", _SPECS["AlertPolicy"])
            conditions = spec["conditions"].items("conditions") if "conditions" in spec else ()
            alerts += filter(None, map(self._resolve, conditions))
        return tuple(alerts)

    def _resolve(self, item: Item) -> BurnWindow | None:
        fields = item.fields("a condition")
        if "conditionRef" in fields:
            name = fields["conditionRef"].text("conditionRef")
            if found := self._find("AlertCondition", name):
                return self._condition(found.spec, found.item)
            self._warn(item, f'no AlertCondition "{name}" stands in this file', "")
            return None
        spec = fields["spec"].fields("a condition's spec", _SPECS["AlertCondition"])
        return self._condition(spec, item)

    def _condition(self, spec: Fields, item: Item) -> BurnWindow | None:
        if "condition" not in spec:
            raise item.fail('field "condition" is missing in the alert condition')
        known = frozenset({"kind", "op", "threshold", "lookbackWindow", "alertAfter"})
        fields = spec["condition"].fields("condition", known)
        for key in ("threshold", "lookbackWindow"):
            if key not in fields:
                raise spec["condition"].fail(f'field "{key}" is missing in the condition')
        long_s = parsed(fields["lookbackWindow"], "lookbackWindow", duration_s)
        for_s = (
            parsed(fields["alertAfter"], "alertAfter", duration_s) if "alertAfter" in fields else 0
        )
        factor = parsed(fields["threshold"], "threshold", float)
        if text_of(fields, "op", "gt") not in ("gt", "gte"):
            self._warn(fields["op"], "op: a burn rate that is low is no alert; left out", "")
            return None
        urgent = text_of(spec, "severity", "page").lower() in _PAGES
        severity: Severity = "page" if urgent else "ticket"
        short_s = max(120, long_s // 12)
        budget = factor * long_s / (30 * 86_400)
        return BurnWindow(severity, budget, long_s, short_s, factor, for_s)


def slug(name: str) -> str:
    """Returns a name in lower-case letters, digits and dashes.

    >>> slug("My SLO (EU)")
    'my-slo-eu'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "slo"


def _read_document(item: Item) -> _Document:
    top = item.fields("an OpenSLO document")
    if "apiVersion" not in top:
        raise item.fail('field "apiVersion" is missing; an SLO file has "slos:" or is OpenSLO')
    version = top["apiVersion"].text("apiVersion")
    if version != API_VERSION:
        raise top["apiVersion"].fail(
            f'apiVersion "{version}" is not supported; supported: {API_VERSION}'
        )
    top = item.fields("an OpenSLO document", _TOP)
    kind = text_of(top, "kind")
    if kind not in _SPECS:
        raise top.get("kind", item).fail(f'kind "{kind}" is none of {", ".join(_SPECS)}')
    for key in ("metadata", "spec"):
        if key not in top:
            raise item.fail(f'field "{key}" is missing in the {kind}')
    meta = top["metadata"].fields("metadata", _META)
    if not text_of(meta, "name"):
        raise top["metadata"].fail('field "name" is missing in metadata')
    notes = meta["annotations"].fields("annotations") if "annotations" in meta else {}
    labels = meta["labels"].fields("labels") if "labels" in meta else {}
    spec = top["spec"].fields(f"the spec of {kind}", _SPECS[kind])
    return _Document(
        kind,
        text_of(meta, "name"),
        text_of(meta, "displayName"),
        spec,
        item,
        next((v.text(k) for k, v in notes.items() if k.endswith("runbook")), ""),
        _owner(labels),
    )


def _owner(labels: Fields) -> str:
    """Returns the teams or owners that labels name; a label is a text or a list of them."""
    for key in ("owner", "team"):
        if key in labels:
            item = labels[key]
            items = [item] if item.node.id == "scalar" else list(item.items(key))
            return ", ".join(one.text(key) for one in items)
    return ""


def _target(item: Item, fields: Fields) -> float:
    if "target" in fields:
        target = parsed(fields["target"], "target", float)
    elif "targetPercent" in fields:
        target = round(parsed(fields["targetPercent"], "targetPercent", float) / 100, 12)
    else:
        raise item.fail('field "target" is missing in the objective')
    if not 0 < target < 1:
        raise fields.get("target", item).fail(f"target {target:g} does not lie between 0 and 1")
    return target


def _read_calendar(item: Item, unit: Unit) -> Calendar:
    fields = item.fields("calendar", frozenset({"startTime", "timeZone"}))
    zone = check_zone(text_of(fields, "timeZone", "UTC"), fields.get("timeZone", item))
    calendar = Calendar(unit, zone)
    if "startTime" in fields:
        anchor = parsed(fields["startTime"], "startTime", datetime.fromisoformat)
        calendar = replace(calendar, anchor=anchor.replace(tzinfo=None))
    return calendar

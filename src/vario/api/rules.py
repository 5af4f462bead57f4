"""Prometheus' `/api/v1/rules` and `/api/v1/alerts`, byte for byte in its shapes.

Source: Prometheus' documentation, "HTTP API", and what its server answers.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter, Request, Response

from vario.alert.group import GroupStatus, RuleStatus
from vario.alert.state import Alert
from vario.errors import BadData
from vario.model.series import Labels, Matcher
from vario.query.promql.features import ALL_FEATURES
from vario.query.promql.matching import matches
from vario.query.promql.parser import parse, parse_selector
from vario.query.promql.printer import to_text

GroupsFunction = Callable[[], Sequence[GroupStatus]]
"""Returns every rule group's status, ordered by file and name."""

_NEVER = "0001-01-01T00:00:00Z"
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_HTML = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def make_rules_router(groups: GroupsFunction) -> APIRouter:
    """Returns the two routes over rule groups as they are when they are asked for."""
    router = APIRouter()

    @router.get("/api/v1/rules", include_in_schema=False)
    async def rules(request: Request) -> Response:
        return _answer(_discover_rules(groups(), _Wanted.read(request)))

    @router.get("/api/v1/alerts", include_in_schema=False)
    async def alerts() -> Response:
        found = [
            _alert(alert) for group in groups() for rule in group.rules for alert in rule.alerts
        ]
        return _answer({"alerts": found})

    return router


def _answer(data: Mapping[str, Any]) -> Response:
    body = orjson.dumps({"status": "success", "data": data})
    return Response(body, media_type="application/json")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a request asks for.

    Attributes:
        kinds: `alerting`, `recording` or both.
        rules: names of rules, groups and files; empty for all.
        matchers: sets of matchers over the rules' labels, of which one must hold; empty for all.
        with_alerts: whether the alerts of each rule are listed.
        limit: most groups in the answer, 0 for all.
        token: where the answer goes on.
    """

    kinds: frozenset[str]
    rules: frozenset[str]
    groups: frozenset[str]
    files: frozenset[str]
    matchers: tuple[tuple[Matcher, ...], ...]
    with_alerts: bool
    limit: int
    token: str

    @classmethod
    def read(cls, request: Request) -> "_Wanted":
        """Reads the parameters of a request.

        Raises:
            BadData: one of them makes no sense.
        """
        given = request.query_params
        matchers = tuple(parse_selector(text) for text in given.getlist("match[]"))
        kind = given.get("type", "").lower()
        kinds = {"": ("alerting", "recording"), "alert": ("alerting",), "record": ("recording",)}
        if kind not in kinds:
            raise _invalid("type", f'not supported value "{kind}"')
        exclude = given.get("exclude_alerts", "") or "false"
        if exclude not in _TRUE | _FALSE:
            raise _invalid(
                "exclude_alerts",
                f"error converting exclude_alerts: {_go_parse('ParseBool', exclude)}",
            )
        limit, token = given.get("group_limit", ""), given.get("group_next_token", "")
        return cls(
            frozenset(kinds[kind]),
            frozenset(given.getlist("rule_name[]")),
            frozenset(given.getlist("rule_group[]")),
            frozenset(given.getlist("file[]")),
            matchers,
            exclude in _FALSE,
            _read_limit(limit, token),
            token,
        )

    def takes_group(self, status: GroupStatus) -> bool:
        """Whether the group may be in the answer."""
        group = status.group
        return (not self.groups or group.name in self.groups) and (
            not self.files or group.file in self.files
        )

    def takes_rule(self, status: RuleStatus) -> bool:
        """Whether the rule may be in the answer."""
        rule = status.rule
        if rule.kind not in self.kinds or (self.rules and rule.name not in self.rules):
            return False
        return not self.matchers or any(
            all(matches(m, rule.labels.get(m.name, "")) for m in every) for every in self.matchers
        )


def _read_limit(limit: str, token: str) -> int:
    if not limit:
        if token:
            message = "group_limit needs to be present in order to paginate over the groups"
            raise _invalid("group_next_token", message)
        return 0
    try:
        number = int(limit)
    except ValueError as error:
        message = f"group_limit needs to be a valid number: {_go_parse('ParseInt', limit)}"
        raise _invalid("group_limit", message) from error
    if number <= 0:
        raise _invalid("group_limit", "group_limit needs to be greater than 0")
    return number


def _invalid(name: str, message: str) -> BadData:
    return BadData(f'invalid parameter "{name}": {message}')


def _go_parse(function: str, text: str) -> str:
    return f'strconv.{function}: parsing "{text}": invalid syntax'


def _discover_rules(groups: Sequence[GroupStatus], wanted: _Wanted) -> dict[str, Any]:
    if wanted.token:
        tokens = [_token(status) for status in groups]
        if wanted.token not in tokens:
            raise _invalid(
                "group_next_token",
                f"invalid group_next_token '{wanted.token}'. were rule groups changed?",
            )
        groups = groups[tokens.index(wanted.token) :]
    found: list[dict[str, Any]] = []
    for status, rules in _select(groups, wanted):
        if wanted.limit and len(found) == wanted.limit:
            return {"groups": found, "groupNextToken": _token(status)}
        found.append(_group(status, rules, with_alerts=wanted.with_alerts))
    return {"groups": found}


def _select(
    groups: Sequence[GroupStatus], wanted: _Wanted
) -> Iterator[tuple[GroupStatus, list[RuleStatus]]]:
    """Yields the groups that have a wanted rule, with these rules."""
    for status in groups:
        rules = [rule for rule in status.rules if wanted.takes_rule(rule)]
        if rules and wanted.takes_group(status):
            yield status, rules


def _token(status: GroupStatus) -> str:
    key = f"{status.group.file};{status.group.name}"
    return hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()


def _group(
    status: GroupStatus, rules: Sequence[RuleStatus], *, with_alerts: bool
) -> dict[str, Any]:
    return {
        "name": _text(status.group.name),
        "file": _text(status.group.file),
        "rules": [
            _recording(rule)
            if rule.rule.kind == "recording"
            else _alerting(rule, with_alerts=with_alerts)
            for rule in rules
        ],
        "interval": _number(status.interval_ns / 1e9),
        "limit": status.group.limit,
        "evaluationTime": _number(status.evaluation_ns / 1e9),
        "lastEvaluation": _time(status.last_evaluation_ns),
    }


def _health(status: RuleStatus) -> dict[str, Any]:
    error = {"lastError": _text(status.last_error)} if status.last_error else {}
    return {
        "health": status.health,
        **error,
        "evaluationTime": _number(status.evaluation_ns / 1e9),
        "lastEvaluation": _time(status.last_evaluation_ns),
    }


def _recording(status: RuleStatus) -> dict[str, Any]:
    rule = status.rule
    labels = {"labels": _labels(rule.labels)} if rule.labels else {}
    return {
        "name": _text(rule.name),
        "query": _text(_normal_form(rule.expr)),
        **labels,
        **_health(status),
        "type": "recording",
    }


def _alerting(status: RuleStatus, *, with_alerts: bool) -> dict[str, Any]:
    rule = status.rule
    return {
        "state": str(status.state),
        "name": _text(rule.name),
        "query": _text(_normal_form(rule.expr)),
        "duration": _number(rule.for_ms / 1000),
        "keepFiringFor": _number(rule.keep_firing_for_ms / 1000),
        "labels": _labels(rule.labels),
        "annotations": _labels(rule.annotations),
        "alerts": [_alert(alert) for alert in status.alerts] if with_alerts else None,
        **_health(status),
        "type": "alerting",
    }


def _alert(alert: Alert) -> dict[str, Any]:
    kept = {} if alert.keep_firing_ns is None else {"keepFiringSince": _time(alert.keep_firing_ns)}
    return {
        "labels": _labels(alert.labels),
        "annotations": _labels(alert.annotations),
        "state": str(alert.state),
        "activeAt": _time(alert.active_ns),
        **kept,
        "value": _value(alert.value),
    }


@lru_cache(maxsize=4096)
def _normal_form(expr: str) -> str:
    """Returns an expression as Prometheus prints it, on one line."""
    return to_text(parse(expr, ALL_FEATURES))


def _labels(labels: Labels) -> dict[str, str]:
    return dict(sorted(labels.items()))


def _text(text: str) -> orjson.Fragment:
    """Returns text as Go's encoder writes it: what HTML gives a meaning is escaped."""
    encoded = orjson.dumps(text).decode()
    return orjson.Fragment("".join(_HTML.get(char, char) for char in encoded))


def _number(value: float) -> orjson.Fragment:
    """Returns a number as Go's encoder writes it: no exponent between 1e-6 and 1e21."""
    if value and not 1e-6 <= abs(value) < 1e21:
        return orjson.Fragment(np.format_float_scientific(value, trim="-", exp_digits=1))
    return orjson.Fragment(np.format_float_positional(value, trim="-"))


def _value(value: float) -> str:
    """Returns an alert's value as Prometheus writes it, always with an exponent."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return np.format_float_scientific(value, trim="-", exp_digits=2)


def _time(time_ns: int) -> str:
    """Returns a time in RFC 3339 with as many digits as it needs; 0 is Go's zero time."""
    if time_ns == 0:
        return _NEVER
    seconds, nanos = divmod(time_ns, 10**9)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"

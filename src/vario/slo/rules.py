"""An SLO as Prometheus rules: what it records, and the alerts on it.

The names are those that Sloth made common (`slo:sli_error:ratio_rate5m`,
`slo:period_error_budget_remaining:ratio`), so that dashboards fit. What vario evaluates and what it
exports is one and the same.

Up to the longest window of an alert, the share of bad events is computed from the events
themselves, as Sloth does. Where only some hours count, or slices of time instead of events, and
for the budget of the whole period, it is made of what was recorded every few seconds. Series
without any event give nothing: unmeasured is not good.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from vario.query.promql.literals import format_duration_ms
from vario.slo.hours import local_expression
from vario.slo.model import Slo
from vario.slo.period import LONGEST_DAYS, Calendar, Rolling
from vario.slo.promql import render
from vario.slo.windows import BurnWindow
from vario.slo.words import annotations_of

BASE_S = 300
"""Window of what is recorded: long enough for four scrapes of a minute."""
HORIZON_S = 5 * 365 * 86_400
"""How far ahead changes of a time zone are written into rules; they are made anew at each start."""
SLOW_FACTOR, SLOWEST_S = 4, 240
"""Windows of more than 6 h are evaluated more seldom; within the 5 minutes that a sample lives."""
FAST_UP_TO_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule as it stands in a rule file; an alert has `alert`, a recording has `record`."""

    expr: str
    record: str = ""
    alert: str = ""
    for_s: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupText:
    """A group of rules, evaluated one after the other every `interval_s`."""

    name: str
    interval_s: int
    rules: tuple[RuleText, ...]


def make_groups(slo: Slo, *, now_s: int, interval_s: int = 30) -> list[GroupText]:
    """Returns the rule groups of an SLO; none where it cannot be measured here.

    Args:
        slo: the SLO.
        now_s: the time, from which on changes of time zones are written down.
        interval_s: how often short windows are evaluated.
    """
    if slo.sli.mode == "unsupported":
        return []
    writer = _Writer(slo, now_s, interval_s)
    slow_s = min(SLOWEST_S, SLOW_FACTOR * interval_s)
    windows = sorted({s for w in slo.windows for s in (w.long_s, w.short_s)} | {BASE_S})
    fast_s = [s for s in windows if s <= FAST_UP_TO_S]
    slow = [w for w in slo.windows if w.long_s > FAST_UP_TO_S]
    fast = [w for w in slo.windows if w.long_s <= FAST_UP_TO_S]
    first = (*writer.base(), *map(writer.ratio, fast_s), *writer.alerts(fast))
    later = [writer.ratio(s) for s in windows if s > FAST_UP_TO_S]
    second = (*later, *writer.budget(), *writer.alerts(slow))
    return [
        GroupText(f"slo-{slo.name}", interval_s, first),
        GroupText(f"slo-{slo.name}-long", max(interval_s, slow_s), second),
    ]


def to_yaml(groups: Sequence[GroupText], comment: str = "") -> str:
    """Returns groups as the text of a Prometheus rule file."""
    document = {"groups": [_group(group) for group in groups]}
    text = yaml.safe_dump(document, sort_keys=False, width=10_000, allow_unicode=True)
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    return lines + text


def _group(group: GroupText) -> dict[str, object]:
    interval = format_duration_ms(group.interval_s * 1000)
    return {"name": group.name, "interval": interval, "rules": [_rule(r) for r in group.rules]}


def _rule(rule: RuleText) -> dict[str, object]:
    kind = "record" if rule.record else "alert"
    document: dict[str, object] = {kind: rule.record or rule.alert, "expr": rule.expr}
    if rule.for_s:
        document["for"] = format_duration_ms(rule.for_s * 1000)
    if rule.labels:
        document["labels"] = dict(rule.labels)
    if rule.annotations:
        document["annotations"] = dict(rule.annotations)
    return document


class _Writer:
    """Writes the rules of one SLO."""

    def __init__(self, slo: Slo, now_s: int, interval_s: int) -> None:
        self.slo = slo
        self.now_s = now_s
        self.interval_s = interval_s
        self.labels = {"slo": slo.name, "service": slo.service}
        self.me = f'{{slo="{slo.name}"}}'
        self.is_calendar = isinstance(slo.period, Calendar)

    def _record(self, name: str, expr: str, **labels: str) -> RuleText:
        return RuleText(expr, name, labels={**self.labels, **labels})

    def base(self) -> Iterator[RuleText]:
        """Yields what everything else is made of: when it counts, bad and all events."""
        slo = self.slo
        if slo.hours is not None:
            yield from self._local("slo:hours:local_seconds", slo.hours.zone)
            local = f"slo:hours:local_seconds{self.me}"
            yield self._record("slo:hours:open", slo.hours.open_expression(local))
        if isinstance(slo.period, Calendar):
            yield from self._local("slo:calendar:local_seconds", slo.period.zone)
            number = slo.period.expression(f"slo:calendar:local_seconds{self.me}")
            yield self._record("slo:calendar:period", f'count_values("period", {number})')
        bad, total = self._events(BASE_S)
        yield self._record("slo:sli_bad:rate5m", self._kept(bad))
        yield self._record("slo:sli_total:rate5m", self._kept(total))

    def _local(self, name: str, zone: str) -> Iterator[RuleText]:
        start_s = self.now_s - 366 * 86_400
        yield self._record(name, local_expression(zone, start_s, self.now_s + HORIZON_S))

    def _events(self, window_s: int) -> tuple[str, str]:
        """Returns PromQL of the rates of bad and of all events."""
        sli, by = self.slo.sli, self.slo.by
        bad = render(sli.bad, window_s, by)
        return bad, render(sli.total, window_s, by) if sli.total else f"({bad}) * 0 + 1"

    def _kept(self, expr: str) -> str:
        """Returns what of an expression counts now, with the calendar's period on it."""
        if self.slo.hours is not None:
            # Both ends of the window: what happened while it was closed never counts.
            now = f"slo:hours:open{self.me}"
            back = "" if self.slo.sli.mode == "slices" else f" and {now} offset 5m == 1"
            expr = f"({expr}) and on () ({now} == 1{back})"
        if self.is_calendar:
            expr = f"({expr}) * on () group_left (period) slo:calendar:period{self.me}"
        return expr

    def ratio(self, window_s: int) -> RuleText:
        """Returns the rule of the share of bad events in a window."""
        window = format_duration_ms(window_s * 1000)
        name = f"slo:sli_error:ratio_rate{window}"
        return self._record(name, self._share(window_s), window=window)

    def _share(self, window_s: int) -> str:
        if self.slo.is_recorded:
            return self._recorded_share(format_duration_ms(window_s * 1000))
        if window_s == BASE_S:
            bad, total = f"slo:sli_bad:rate5m{self.me}", f"slo:sli_total:rate5m{self.me}"
            if self.is_calendar:
                bad, total = f"sum without (period) ({bad})", f"sum without (period) ({total})"
            return f"{bad} / ({total} > 0)"
        if self.slo.sli.mode == "ratio":
            return render(self.slo.sli.bad, window_s, self.slo.by)
        bad, total = self._events(window_s)
        return f"{bad} / ({total} > 0)"

    def _recorded_share(self, window: str) -> str:
        bad, total = (
            f"sum_over_time(slo:sli_{kind}:rate5m{self.me}[{window}])" for kind in ("bad", "total")
        )
        if self.is_calendar:
            bad, total = f"sum without (period) ({bad})", f"sum without (period) ({total})"
        return f"{bad} / ({total} > 0)"

    def budget(self) -> Iterator[RuleText]:
        """Yields the rules of the budget: the objective, how fast it burns, what is left."""
        slo = self.slo
        yield self._record("slo:objective:ratio", f"vector({slo.target!r})")
        current = f"slo:sli_error:ratio_rate5m{self.me} / {slo.budget!r}"
        yield self._record("slo:current_burn_rate:ratio", f"max without (window) ({current})")
        yield self.first()
        left = f"1 - ({self.spent()}) * ({self.lived()}) / {slo.budget!r}"
        yield self._record("slo:period_error_budget_remaining:ratio", left)

    def spent(self) -> str:
        """Returns PromQL of the share of bad events in the period so far."""
        if isinstance(self.slo.period, Rolling):
            return self._recorded_share(format_duration_ms(self.slo.period.nominal_s * 1000))
        longest_s = int(LONGEST_DAYS[self.slo.period.unit] * 86_400)
        window = format_duration_ms(longest_s * 1000)
        bad, total = (
            f"sum without (period) (sum_over_time(slo:sli_{kind}:rate5m{self.me}[{window}])"
            f" and on (period) slo:calendar:period{self.me})"
            for kind in ("bad", "total")
        )
        return f"{bad} / ({total} > 0)"

    def lived(self) -> str:
        """Returns PromQL of the share of the period since its first measurement, at most 1.

        The budget is that of a whole period at this traffic: a service that is five minutes old
        has not spent a month's budget with one bad minute.
        """
        first = f"slo:sli_first:seconds{self.me}"
        if self.is_calendar:
            first = f"sum without (period) ({first})"
        return f"clamp_max((time() - {first}) / {self.slo.period.nominal_s}, 1)"

    def first(self) -> RuleText:
        """Returns the rule that remembers when the period's first measurement was."""
        period = self.slo.period
        seen_s = period.nominal_s
        if isinstance(period, Calendar):
            seen_s = int(LONGEST_DAYS[period.unit] * 86_400)
        before = (
            f"min_over_time(slo:sli_first:seconds{self.me}[{format_duration_ms(seen_s * 1000)}])"
        )
        expr = f"{before} or (slo:sli_total:rate5m{self.me} * 0 + time())"
        if self.is_calendar:
            expr = f"({expr}) and on (period) slo:calendar:period{self.me}"
        return self._record("slo:sli_first:seconds", expr)

    def alerts(self, windows: Sequence[BurnWindow]) -> Iterator[RuleText]:
        """Yields the floors of the windows, then their alerts."""
        floors = self._floors(windows)
        yield from floors.values()
        for window in windows:
            long, short = (format_duration_ms(s * 1000) for s in (window.long_s, window.short_s))
            threshold = f"({window.factor:.10g} * {self.slo.budget!r})"
            expr = (
                f"slo:sli_error:ratio_rate{long}{self.me} > {threshold}\n"
                f"and ignoring (window)\n"
                f"slo:sli_error:ratio_rate{short}{self.me} > {threshold}"
            )
            for kind, least in (("bad", self.slo.min_bad), ("total", self.slo.min_events)):
                if (kind, window.long_s) in floors:
                    name = f"slo:sli_{kind}:increase{long}{self.me}"
                    expr += f"\nand ignoring (window)\n{name} >= {least:g}"
            yield RuleText(
                f"({expr})\n/ {self.slo.budget!r}",
                alert=self.slo.alert_name,
                for_s=window.for_s,
                labels=self._alert_labels(window),
                annotations=annotations_of(self.slo, window),
            )

    def _alert_labels(self, window: BurnWindow) -> dict[str, str]:
        owner = {"owner": self.slo.owner} if self.slo.owner else {}
        return {
            **self.slo.labels,
            **owner,
            **self.labels,
            "severity": window.severity,
            "window": format_duration_ms(window.long_s * 1000),
        }

    def _floors(self, windows: Sequence[BurnWindow]) -> dict[tuple[str, int], RuleText]:
        """Returns rules of how many events the long windows have, where anybody asks."""
        if self.slo.sli.mode != "events":
            return {}
        floors: dict[tuple[str, int], RuleText] = {}
        for window in windows:
            length = format_duration_ms(window.long_s * 1000)
            wanted = {"bad": self.slo.min_bad, "total": self.slo.min_events}
            rates = dict(zip(wanted, self._events(window.long_s), strict=True))
            for kind, least in wanted.items():
                if least <= 0:
                    continue
                expr = f"({rates[kind]}) * {window.long_s}"
                if self.slo.is_recorded:
                    series = f"slo:sli_{kind}:rate5m{self.me}"
                    expr = f"sum_over_time({series}[{length}]) * {self.interval_s}"
                    expr = f"sum without (period) ({expr})" if self.is_calendar else expr
                name = f"slo:sli_{kind}:increase{length}"
                floors[kind, window.long_s] = self._record(name, expr, window=length)
        return floors

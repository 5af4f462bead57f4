"""A starter set of SLOs out of what services already send: `vario init`.

Targets come from the last days' reality: an objective that fails from the first day teaches people
to look away, and one that can never fail protects nobody. A latency target is always the end of a
bucket, so that it can be measured exactly.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vario.model.series import Labels
from vario.slo.known import (
    BAD_OUTCOMES,
    GROUP_LABELS,
    KNOWN,
    OUTCOME_LABELS,
    SERVICE_LABELS,
    STATUS_LABELS,
    Known,
)
from vario.slo.model import PLACEHOLDER
from vario.slo.openslo import slug
from vario.slo.promql import join_selector
from vario.slo.quantity import unit_of

TARGETS = (0.999, 0.995, 0.99, 0.98, 0.95, 0.9)
"""What an objective may be; the strictest of which half the budget would have been enough."""
SHARES = (0.99, 0.95, 0.9)
FEWEST_EVENTS = 100
"""Less says nothing about a share."""


class Ask(Protocol):
    """What is asked of a running server."""

    def metric_names(self) -> Sequence[str]:
        """Returns the names of all metrics of the last days."""
        ...

    def series(self, selector: str) -> Sequence[Labels]:
        """Returns the labels of a selector's series of the last days."""
        ...

    def query(self, expr: str) -> Sequence[tuple[Labels, float]]:
        """Evaluates PromQL now; `$days` in it is the time that is looked at."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """An SLO to be written: what it needs in the short form, and where it comes from."""

    name: str
    service: str
    kind: str
    sli: str
    objective: str
    severity: str
    evidence: str
    description: str
    breakdown: str = ""
    selector: str = ""
    metric: str = ""
    bad: str = ""
    total: str = ""


def find_drafts(ask: Ask, service: str = "") -> list[Draft]:
    """Returns a draft for each thing that known metrics let one say of each service.

    Args:
        ask: a running server.
        service: only this one; empty for all.
    """
    present = frozenset(ask.metric_names())
    drafts: list[Draft] = []
    for known in KNOWN:
        name = f"{known.metric}_bucket" if known.kind == "latency" else known.metric
        if not present & {name, known.metric} or (known.other and known.other not in present):
            continue
        for own, labels in _by_service(ask.series(name), known):
            if service in ("", own[1]):
                draft = _draft(ask, known, own, labels)
                if draft is not None and draft.name not in {d.name for d in drafts}:
                    drafts.append(draft)
                    drafts += _availability(draft)
    return drafts


def _availability(errors: Draft) -> list[Draft]:
    """Returns the availability of what an error rate is known of: is it up at all?"""
    if errors.kind != "errors" or not errors.bad:
        return []
    return [
        replace(
            errors,
            name=slug(f"{errors.service}-availability"),
            kind="availability",
            sli=f"availability: {{bad: '{errors.bad}', total: '{errors.total}', least: 50%}}",
            objective="99.5%",
            evidence=f"{errors.evidence}; 99.5% of 30 days leaves 3.6 hours",
            description="99.5% of the time at least half of the requests succeed",
        )
    ]


def _by_service(
    series: Sequence[Labels], known: Known
) -> list[tuple[tuple[str, str], Sequence[Labels]]]:
    """Returns the series of each service, by the label that names it and its value."""
    found: dict[tuple[str, str], list[Labels]] = {}
    for labels in series:
        label = next((one for one in SERVICE_LABELS if labels.get(one)), "")
        own = labels.get(label, known.sent_by.lower())
        found.setdefault((label, own), []).append(labels)
    return sorted(found.items())


def _draft(ask: Ask, known: Known, own: tuple[str, str], series: Sequence[Labels]) -> Draft | None:
    matcher = f'{own[0]}="{own[1]}"' if own[0] else ""
    breakdown = next((one for one in GROUP_LABELS if _values(series, one) > 1), "")
    match known.kind:
        case "latency":
            return _latency(ask, known, own[1], matcher, series, breakdown)
        case "requests":
            return _errors(ask, known, own[1], matcher, series, breakdown)
        case "pair":
            selector, other = (join_selector(m, matcher) for m in (known.metric, known.other))
            total = other if "http_requests" in known.other else f"{selector} + {other}"
            return _ratio(ask, known, own[1], selector, _sum(total), breakdown)
        case "missing":
            selector, other = (join_selector(m, matcher) for m in (known.metric, known.other))
            return _presence(ask, own[1], selector, other, breakdown)
        case "gauge":
            return _gauge(known, own[1], matcher)


def _values(series: Sequence[Labels], label: str) -> int:
    return len({labels[label] for labels in series if label in labels})


def _sum(selectors: str) -> str:
    parts = [f"sum(rate({part}[{{{{.window}}}}]))" for part in selectors.split(" + ")]
    return " + ".join(parts)


def _one(ask: Ask, expr: str) -> float | None:
    """Returns the value of an expression of one element, None where it has none."""
    found = ask.query(expr)
    value = found[0][1] if found else math.nan
    return None if math.isnan(value) else value


def _latency(
    ask: Ask, known: Known, service: str, matcher: str, series: Sequence[Labels], breakdown: str
) -> Draft | None:
    buckets = join_selector(f"{known.metric}_bucket", matcher)
    counts: dict[float, float] = {}
    for labels, value in ask.query(f"sum by (le) (increase({buckets}[$days]))"):
        counts[float(labels.get("le", "nan"))] = value
    total = counts.get(math.inf, 0.0)
    if total < FEWEST_EVENTS or not any("le" in labels for labels in series):
        return None
    found = choose_bound(counts)
    if found is None:
        return None
    share, bound = found
    unit = unit_of(known.metric) or "s"
    shown = say_bound(bound, unit)
    percentile = f"p{100 * share:g}"
    own = _one(ask, f"histogram_quantile({share}, sum by (le) (rate({buckets}[$days])))")
    evidence = f"{total:,.0f} {known.noun}, {percentile} about {say_bound(own or bound, unit)}"
    return Draft(
        slug(f"{service}-{_short(known)}"),
        service,
        "latency",
        f"latency: {{metric: '{join_selector(known.metric, matcher)}', of: {known.noun}}}",
        f"{percentile} <= {shown}",
        "page",
        evidence,
        f"{100 * share:g}% of {known.noun} are faster than {shown}",
        breakdown,
        join_selector(known.metric, matcher),
        known.metric,
    )


def choose_bound(counts: Mapping[float, float]) -> tuple[float, float] | None:
    """Returns a share and the end of a bucket within which more than that share lies.

    Half of the budget would have been spent in the time that was looked at, or less; the strictest
    share is tried first, but for an end that is five times what 95 % need.

    >>> choose_bound({0.1: 900, 0.25: 985, 0.5: 996, math.inf: 1000})
    (0.99, 0.5)
    """
    total = counts.get(math.inf, 0.0)
    ends = sorted(bound for bound in counts if not math.isinf(bound))
    fits: dict[float, float] = {}
    for share in SHARES:
        enough = 1 - (1 - share) / 2
        end = next((end for end in ends if counts[end] / total >= enough), None)
        if end is not None:
            fits[share] = end
    if not fits:
        return None
    loose = fits.get(0.95, math.inf)
    return next((s, e) for s, e in fits.items() if e < 5 * loose or s < 0.99)


def say_bound(bound: float, unit: str) -> str:
    """Returns a duration as people write it.

    >>> say_bound(0.25, "s"), say_bound(1500, "ms"), say_bound(0.1432, "s")
    ('250 ms', '1.5 s', '143 ms')
    """
    seconds = bound * {"s": 1.0, "ms": 1e-3, "us": 1e-6}.get(unit, 1.0)
    if seconds >= 1:
        return f"{seconds:.4g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} us"


def _errors(
    ask: Ask, known: Known, service: str, matcher: str, series: Sequence[Labels], breakdown: str
) -> Draft | None:
    status = next((one for one in STATUS_LABELS if _values(series, one)), "")
    outcome = next((one for one in OUTCOME_LABELS if _values(series, one)), "")
    if not status and not outcome:
        return None
    numeric = status and any(labels.get(status, "")[:1].isdigit() for labels in series)
    bad = f'{status}=~"5.."' if numeric else f'{status or outcome}=~"{BAD_OUTCOMES}"'
    selector = join_selector(known.metric, matcher)
    observed = _share(ask, join_selector(known.metric, matcher, bad), selector)
    if observed is None:
        return None
    target, evidence = _target(*observed, known.noun)
    return Draft(
        slug(f"{service}-errors"),
        service,
        "errors",
        f"errors: {{requests: '{selector}', bad: '{bad}', words: {known.noun} that failed}}",
        f"{100 * target:g}%",
        "page",
        evidence,
        f"{100 * target:g}% of {known.noun} do not fail ({bad})",
        breakdown,
        selector,
        known.metric,
        join_selector(known.metric, matcher, bad),
        selector,
    )


def _share(ask: Ask, bad: str, total: str) -> tuple[float, float] | None:
    """Returns bad and all events of the last days; None where there were too few."""
    events = _one(ask, f"sum(increase({total}[$days]))")
    if events is None or events < FEWEST_EVENTS:
        return None
    return _one(ask, f"sum(increase({bad}[$days]))") or 0.0, events


def _target(bad: float, total: float, noun: str) -> tuple[float, str]:
    """Returns the strictest objective that reality keeps with half of its budget."""
    share = bad / total
    fits = (t for t in TARGETS if share <= (1 - t) / 2 and total * (1 - t) >= 1)
    evidence = f"{total:,.0f} {noun}, {bad:,.0f} of them bad ({100 * share:.3g}%)"
    return next(fits, TARGETS[-1]), evidence


def _ratio(
    ask: Ask, known: Known, service: str, bad: str, total: str, breakdown: str
) -> Draft | None:
    del breakdown
    expr = total.replace("{{.window}}", "$days").replace("rate(", "increase(")
    events = _one(ask, expr)
    if events is None or events < FEWEST_EVENTS:
        return None
    target, evidence = _target(_one(ask, f"sum(increase({bad}[$days]))") or 0.0, events, known.noun)
    return Draft(
        slug(f"{service}-errors"), service, "errors",
        f"ratio: {{bad: '{bad}', total: '{total}', words: {known.noun} that failed}}",
        f"{100 * target:g}%", "page", evidence,
        f"{100 * target:g}% of {known.noun} do not fail", "", bad, known.metric,
    )  # fmt: skip


def _presence(ask: Ask, service: str, missing: str, total: str, breakdown: str) -> Draft | None:
    observed = _share(ask, missing, total)
    if observed is None:
        return None
    target, evidence = _target(*observed, "requests")
    return Draft(
        slug(f"{service}-features"), service, "feature_presence",
        f"feature_presence: {{missing: '{missing}', total: '{total}'}}",
        f"{100 * target:g}%", "ticket", evidence,
        f"{100 * target:g}% of requests have all their features", breakdown, missing,
        "feature_missing_total",
    )  # fmt: skip


def _gauge(known: Known, service: str, matcher: str) -> Draft:
    selector = join_selector(known.metric, matcher)
    kind = known.sli.split(":")[0]
    return Draft(
        slug(f"{service}-{kind.replace('_', '-')}"), service, kind,
        known.sli.replace("METRIC", f"'{selector}'"), "95%", "ticket",
        f"{known.metric} arrives; 95% of the time is a common start",
        f"95% of the time {known.metric} is within its range", "", selector, known.metric,
    )  # fmt: skip


def _short(known: Known) -> str:
    return "first-token" if "first_token" in known.metric else "latency"


def render_slos(drafts: Sequence[Draft], days: str, owner: str = "", severity: str = "") -> str:
    """Returns the text of `slos.yml`: definitions, targets, the evidence, what is to fill in.

    Args:
        drafts: what is written.
        days: the time that was looked at, such as `7d`.
        owner: of all; a placeholder where empty.
        severity: `page` or `ticket` of all, `usual` for what is usual of each, or a placeholder.
    """
    levels = {draft.name: severity or PLACEHOLDER for draft in drafts}
    if severity == "usual":
        levels = {draft.name: draft.severity for draft in drafts}
    lines = [
        "# Service level objectives, written by 'vario init' from what services sent.",
        "# Fill in owner and severity; look at every target once: it is what was, rounded, and",
        "# your users may want something else. 'vario slo check slos.yml' names what is missing.",
        "#",
        "# severity: page wakes someone (symptoms that users feel); ticket does not.",
        "# Alerts follow from the window: page at 2% of the budget in 1 h or 5% in 6 h, ticket at",
        "# 10% in 1 d or in 3 d, each with a short window, so that they end soon after the cause.",
        "defaults:",
        f"  owner: {owner or PLACEHOLDER}",
        "  window: 30d",
        "slos:",
    ]
    for draft in drafts:
        lines += [
            f"- name: {draft.name}",
            f"  service: {draft.service}",
            f"  # The last {days}: {draft.evidence}.",
            f"  description: {draft.description}",
            f"  sli: {{{draft.sli}}}",
            f"  objective: {draft.objective}",
            f"  severity: {levels[draft.name]}  # {draft.severity} is usual for {draft.kind}",
            f"  runbook: runbooks/{draft.name}.md",
            *([f"  breakdown: {draft.breakdown}"] if draft.breakdown else []),
        ]
    return "\n".join(lines) + "\n"

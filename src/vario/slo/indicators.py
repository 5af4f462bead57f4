"""Indicators: from what is meant (latency, errors, drift) to PromQL of what is bad.

Each function here returns an `Sli` and raises `ValueError` with a sentence where what is asked for
makes no sense; who reads a file adds the place.
"""

from dataclasses import dataclass
from typing import Literal

from vario.slo.model import EventCounts, LatencyBound, Sli
from vario.slo.promql import (
    BY,
    BY_LE,
    WINDOW,
    check,
    find_metrics,
    join_selector,
    make_rate,
    split_selector,
    sum_rate,
)
from vario.slo.quantity import Quantity, check_unit, convert

Buckets = Literal["exact", "interpolate", "native"]
EVENTS_METRIC = "slo:sli_events:total"
"""Counter that vario keeps of spans and log records that filters count."""


def ratio(kind: str, *, bad: str = "", good: str = "", total: str, words: str = "") -> Sli:
    """Returns an indicator of counted events, of which one part is bad or good.

    Args:
        kind: what the file calls it.
        bad: PromQL of the bad events: a counter's selector, or an expression; or else `good`.
        good: the same of the good ones.
        total: the same of all.
        words: what a bad event is.
    """
    return rate_ratio(
        kind,
        bad=make_rate(bad) if bad else "",
        good=make_rate(good) if good else "",
        total=make_rate(total),
        words=words,
    )


def rate_ratio(kind: str, *, bad: str, good: str, total: str, words: str = "") -> Sli:
    """Returns the same of expressions that are rates over the window already."""
    if bool(bad) == bool(good):
        raise ValueError("give one of 'bad' and 'good': which events are bad, or which are good")
    # Without any bad event there may be no series of bad events at all: that is 0, not unknown.
    text = f"(({bad}) or ({total}) * 0)" if bad else f"(({total}) - (({good}) or ({total}) * 0))"
    return Sli(
        kind,
        "events",
        text,
        total,
        words or "bad events",
        metrics=find_metrics(f"{text} + {total}"),
    )


def error_rate(kind: str, selector: str, bad_matcher: str, words: str) -> Sli:
    """Returns the share of a counter's requests that a matcher calls bad, `code=~"5.."`."""
    metric, matchers = split_selector(selector)
    bad = join_selector(metric, matchers, bad_matcher)
    return ratio(kind, bad=bad, total=join_selector(metric, matchers), words=words)


def error_ratio(kind: str, query: str, *, is_success: bool = False, words: str = "") -> Sli:
    """Returns an indicator whose PromQL is the share of bad (or of good) events at once."""
    text = make_rate(query, is_counter=False)
    bad = f"1 - ({text})" if is_success else text
    return Sli(kind, "ratio", bad, "", words or "bad events", "ratio", find_metrics(text))


def latency(
    selector: str, bound: Quantity, *, unit: str = "", buckets: Buckets = "exact", noun: str = ""
) -> Sli:
    """Returns the share of requests slower than a bound, out of a histogram.

    Args:
        selector: the histogram, without `_bucket`.
        bound: with its unit.
        unit: the histogram's, where its name does not tell.
        buckets: `exact` where a bucket ends at the bound, `interpolate` where it lies within one,
            `native` for a native histogram.
        noun: what is timed; `requests` where empty.
    """
    metric, matchers = split_selector(selector)
    metric = metric.removesuffix("_bucket")
    limit = convert(bound, check_unit(unit, metric), metric)
    count = sum_rate(join_selector(f"{metric}_count", matchers))
    le = f'le=~"{limit:.0f}([.]0)?"' if limit == int(limit) else f'le="{limit!r}"'
    fast = sum_rate(join_selector(f"{metric}_bucket", matchers, le))
    rates = f"rate({join_selector(f'{metric}_bucket', matchers)}[{WINDOW}])"
    whole = f"sum{BY}(rate({join_selector(metric, matchers)}[{WINDOW}]))"
    texts = {
        "exact": (f"(({count}) - ({fast}))", count),
        "interpolate": (
            f"((1 - histogram_fraction(-Inf, {limit!r}, sum{BY_LE}({rates}))) * ({count}))",
            count,
        ),
        "native": (
            f"((1 - histogram_fraction(-Inf, {limit!r}, {whole})) * histogram_count({whole}))",
            f"histogram_count({whole})",
        ),
    }
    bad, total = texts[buckets]
    check(bad)
    return Sli(
        "latency",
        "events",
        bad,
        total,
        f"{noun or 'requests'} slower than {bound}",
        unit or check_unit("", metric) or "s",
        find_metrics(bad),
        LatencyBound(metric, matchers, limit, buckets),
    )


@dataclass(frozen=True, slots=True)
class Range:
    """What a gauge must keep: bounds of its values, each with a unit; None where it has none."""

    above: Quantity | None = None
    below: Quantity | None = None
    op_above: str = ">="
    op_below: str = "<="


def gauge(
    kind: str, query: str, allowed: Range, *, unit: str = "", summary: str = "avg", words: str = ""
) -> Sli:
    """Returns the share of time that a gauge is out of its range.

    Args:
        kind: what the file calls it.
        query: a selector, of which the groups' `summary` is taken, or PromQL.
        allowed: what is good.
        unit: the gauge's, where its name does not tell.
        summary: `avg`, `max` or `min` over the series of a group.
        words: what is bad.
    """
    if allowed.above is None and allowed.below is None:
        raise ValueError("give a bound: 'below', 'above', or 'between'")
    try:
        metric, _ = split_selector(query)
        value = f"{summary}{BY}({query})"
    except ValueError:
        metric, value = (find_metrics(query) or ("",))[0], f"({query})"
    own = check_unit(unit, metric)
    conditions: list[str] = []
    for bound, op in ((allowed.above, allowed.op_above), (allowed.below, allowed.op_below)):
        if bound is not None:
            conditions.append(f"({value} {op} bool {convert(bound, own, metric)!r})")
    bad = f"1 - ({' * '.join(conditions)})"
    check(bad)
    said = " and ".join(
        f"{op} {bound}"
        for bound, op in ((allowed.above, allowed.op_above), (allowed.below, allowed.op_below))
        if bound is not None
    )
    text = words or f"time that {metric or 'the value'} is not {said}"
    return Sli(kind, "slices", bad, "", text, own or "1", find_metrics(bad))


def freshness(selector: str, limit: Quantity) -> Sli:
    """Returns the share of time that the oldest of some data is too old.

    Args:
        selector: a gauge of when the data was made, in seconds since the epoch.
        limit: the oldest that is good.
    """
    metric, _ = split_selector(selector)
    age = convert(limit, "s", "an age")
    bad = f"1 - ((time() - min{BY}({selector})) <= bool {age!r})"
    check(bad)
    words = f"time that the data is older than {limit}"
    return Sli("freshness", "slices", bad, "", words, "s", (metric,))


def time_slices(kind: str, good: str, total: str, least: float, slice_s: int, words: str) -> Sli:
    """Returns the share of slices in which too few events are good (OpenSLO's Timeslices)."""
    share = f"({_in_slice(good, slice_s)}) / ({_in_slice(total, slice_s)} > 0)"
    bad = f"1 - (({share}) >= bool {least!r})"
    check(bad)
    return Sli(kind, "slices", bad, "", words, "ratio", find_metrics(bad))


def working_time(kind: str, bad: str, good: str, total: str, least: float) -> Sli:
    """Returns the share of time in which too few requests succeed: the service is down.

    Each moment is judged by the five minutes before it; moments without requests do not count.
    """
    if not 0 < least <= 1:
        raise ValueError(f"least: {least:g} is no share; write the share that must succeed, 50%")
    events = ratio(kind, bad=bad, good=good, total=total)
    share = f"({events.bad}) / ({events.total} > 0)".replace(WINDOW, "5m")
    text = f"(({share}) > bool {1 - least!r})"
    words = f"time in which less than {100 * least:g}% of requests succeed"
    return Sli(kind, "slices", text, "", words, "ratio", events.metrics)


def ratio_time_slices(kind: str, good: str, total: str, slice_s: int, words: str) -> Sli:
    """Returns the mean of the slices' shares of bad events (OpenSLO's RatioTimeslices)."""
    bad = f"1 - ({_in_slice(good, slice_s)}) / ({_in_slice(total, slice_s)} > 0)"
    check(bad)
    return Sli(kind, "slices", bad, "", words, "ratio", find_metrics(bad))


def _in_slice(rate: str, slice_s: int) -> str:
    return rate.replace(WINDOW, f"{slice_s}s")


def counted(name: str, counts: EventCounts) -> Sli:
    """Returns an indicator of events that filters count over spans or log records.

    Args:
        name: the SLO's; the counter that vario keeps is found by it.
        counts: the filters.
    """
    if bool(counts.bad) == bool(counts.good):
        raise ValueError("give one of 'bad' and 'good': the filter of the events that are so")
    bad = sum_rate(join_selector(EVENTS_METRIC, f'slo="{name}"', 'kind="bad"'))
    total = sum_rate(join_selector(EVENTS_METRIC, f'slo="{name}"', 'kind="all"'))
    noun = "spans" if counts.signal == "spans" else "log records"
    words = f"{noun} where {counts.bad}" if counts.bad else f"{noun} not where {counts.good}"
    return Sli(
        counts.signal, "events", f"(({bad}) or ({total}) * 0)", total, words,
        metrics=(EVENTS_METRIC,), counts=counts,
    )  # fmt: skip

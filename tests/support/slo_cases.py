"""A corpus of SLOs, outages of many shapes, and what Sloth's rules say of them.

The oracle is Sloth's published semantics and nothing of vario: a page or ticket fires at an
evaluation if the share of bad events in the long and in the short window is above factor times
budget. A window holds the samples in `(t - window, t]`; an increase is what the counter grew
between the first and the last of them, resets added. Counters begin high and are sampled every
minute, so that Prometheus' extrapolation cancels out of the ratio.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
START = 1_000_000.0

SLOS = """\
defaults: {owner: corpus, runbook: https://runbooks.example/slo}
slos:
- name: errors-30d
  service: api
  sli: {errors: {requests: a_requests_total, bad: 'code=~"5.."'}}
  objective: 99.9%
- name: latency-30d
  service: api
  sli: {latency: b_seconds}
  objective: p95 <= 200 ms
- name: regions-28d
  service: api
  sli: {ratio: {bad: 'c_bad_total', total: c_all_total}}
  objective: 99%
  window: 28d
  by: region
- name: good-7d
  service: api
  sli: {availability: {good: d_good_total, total: d_all_total}}
  objective: 99.5%
  window: 7d
- name: raw-30d
  service: api
  sli:
    error_ratio: sum(rate(e_bad_total[{{.window}}])) / sum(rate(e_all_total[{{.window}}]))
  objective: 99.5%
- name: month
  service: api
  sli: {ratio: {bad: f_bad_total, total: f_all_total}}
  objective: 99%
  window: {calendar: month, zone: Europe/Zurich}
"""

# Target, and (factor, long, short) in minutes, as Sloth writes them: 2 and 5 % of the budget for a
# page, 10 % for a ticket. For 7 days the windows are 7/30 of them.
_TABLE = ((14.4, 60, 5), (6.0, 360, 30), (3.0, 1440, 120), (1.0, 4320, 360))
_28 = ((13.44, 60, 5), (5.6, 360, 30), (2.8, 1440, 120), (14 / 15, 4320, 360))
_7 = ((14.4, 14, 2), (6.0, 84, 7), (3.0, 336, 28), (1.0, 1008, 84))
EXPECTED = {
    "errors-30d": (0.999, _TABLE),
    "latency-30d": (0.95, _TABLE),
    "regions-28d": (0.99, _28),
    "good-7d": (0.995, _7),
    "raw-30d": (0.995, _TABLE),
    "month": (0.99, _TABLE),
}


@dataclass(frozen=True)
class Shape:
    """Minutes of traffic: requests and the share of them that is bad; NaN where none is scraped."""

    name: str
    requests: Floats
    bad_share: Floats
    reset_at: int = 0


def make_shapes(minutes: int, scale: float) -> list[Shape]:
    """Returns outages of many shapes; `scale` is the share of bad events that is worth a page."""
    t = np.arange(minutes)
    flat = np.full(minutes, 6000.0)
    zero = np.zeros(minutes)

    def during(*spans: tuple[int, int, float]) -> Floats:
        share = zero.copy()
        for start, end, value in spans:
            share[start:end] = np.minimum(1.0, value * scale)
        return share

    end = minutes
    noise = np.random.default_rng(7).gamma(1.0, 0.4, minutes) * scale
    gap = during((130, 190, 20))
    gap[140:146] = np.nan
    waves = 6000 + np.round(4000 * np.sin(t / 37))
    return [
        Shape("calm", flat, zero),
        Shape("an outage of ten minutes", flat, during((120, 130, 1e9))),
        Shape("one bad minute", flat, during((150, 151, 30))),
        Shape("just above the page", flat, during((100, 220, 1.07))),
        Shape("just below the page", flat, during((100, end, 0.93))),
        Shape("a slow burn", flat, during((60, end, 0.5))),
        Shape("a ramp", flat, np.minimum(1.0, scale * 3 * np.maximum(0, t - 80.3) / 120)),
        Shape("flapping every ten minutes", flat, min(1.0, 3.1 * scale) * (t // 10 % 2)),
        Shape("two outages", flat, during((90, 110, 8), (170, 200, 5))),
        Shape("noise", flat, np.minimum(1.0, noise)),
        Shape("waves of traffic", waves, during((120, 180, 4))),
        Shape("a restart in the outage", flat, during((120, 190, 6)), reset_at=150),
        Shape("a gap in the scrapes", flat, gap),
    ]


def counters(shape: Shape) -> tuple[Floats, Floats]:
    """Returns the counters of bad and of all events, as scraped: whole numbers, NaN for none."""
    known = np.nan_to_num(shape.bad_share)
    bad = np.cumsum(np.round(shape.requests * known)) + START
    total = np.cumsum(shape.requests) + 10 * START
    if shape.reset_at:
        bad[shape.reset_at :] -= bad[shape.reset_at - 1] - START
        total[shape.reset_at :] -= total[shape.reset_at - 1] - START
        # What a counter shows after a reset is what it grew since, all of it.
        bad[shape.reset_at :] -= START
        total[shape.reset_at :] -= START
    gone = np.isnan(shape.bad_share)
    bad[gone] = total[gone] = np.nan
    return bad, total


def _increase(values: Floats, window: int) -> Floats:
    """Returns the growth of a counter within the window that ends at each minute."""
    present = np.flatnonzero(~np.isnan(values))
    steps = np.diff(values[present])
    steps = np.where(steps < 0, values[present][1:], steps)
    grown = np.concatenate(([0.0], np.cumsum(steps)))
    at = np.arange(len(values))
    last = np.searchsorted(present, at, side="right") - 1
    first = np.searchsorted(present, at - window, side="right")
    here = last > first
    return np.where(here, grown[np.maximum(last, 0)] - grown[np.minimum(first, len(grown) - 1)], 0)


def firing(slo: str, shape: Shape, *, step_min: int = 1) -> dict[int, NDArray[np.bool_]]:
    """Returns, for the long window of each alert, the steps at which Sloth's rule fires.

    Windows shorter than two steps hold no increase: there nothing fires.
    """
    target, table = EXPECTED[slo]
    bad, total = counters(shape)
    shares: dict[int, Floats] = {}
    for window in {m for _, long, short in table for m in (long, short)}:
        grown = _increase(total, window // step_min)
        with np.errstate(all="ignore"):
            shares[window] = np.where(grown > 0, _increase(bad, window // step_min) / grown, 0.0)
    return {
        long: (shares[long] > factor * (1 - target)) & (shares[short] > factor * (1 - target))
        for factor, long, short in table
    }


def series(slo: str, shape: Shape, quiet: Shape) -> dict[str, Floats]:
    """Returns the series that an SLO of the corpus reads, by how they are written."""
    bad, total = counters(shape)
    calm_bad, calm_total = counters(quiet)
    match slo:
        case "errors-30d":
            return {
                'a_requests_total{code="503"}': bad,
                'a_requests_total{code="200"}': total - bad,
            }
        case "latency-30d":
            fast = total - bad
            return {'b_seconds_bucket{le="0.2"}': fast, "b_seconds_count": total}
        case "regions-28d":
            return {
                'c_bad_total{region="us-east"}': bad,
                'c_all_total{region="us-east"}': total,
                'c_bad_total{region="eu-west"}': calm_bad,
                'c_all_total{region="eu-west"}': calm_total,
            }
        case "good-7d":
            return {"d_good_total": total - bad, "d_all_total": total}
        case _:
            letter = {"raw-30d": "e", "month": "f"}[slo]
            return {f"{letter}_bad_total": bad, f"{letter}_all_total": total}


def edges(fires: NDArray[np.bool_]) -> list[int]:
    """Returns the minutes at which firing begins or ends."""
    return [int(m) for m in np.flatnonzero(np.diff(fires.astype(np.int8))) + 1]

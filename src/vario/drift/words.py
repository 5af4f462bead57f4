"""What was found, in a sentence that a person on call can act on."""

from collections.abc import Mapping, Sequence

from vario.drift.judge import FeatureDrift
from vario.drift.live import OVER_ALL, Scope
from vario.drift.outcomes import OutcomeReading


def summarise(feature: str, version: str, found: Mapping[Scope, FeatureDrift], since: str) -> str:
    """Returns one sentence about a feature: what, where, since when, which version, and elsewhere.

    Args:
        feature: its name.
        version: the version concerned, `OVER_ALL` for all.
        found: what was measured in each segment of that version; at least one is not stable.
        since: the time it began, as it is to be shown; empty where unknown.
    """
    told = {s: d for s, d in found.items() if d.verdict not in ("stable", "too_few")}
    rest = [d for s, d in found.items() if s not in told and d.rows]
    gravest = max(told.values(), key=lambda drift: _GRAVITY[drift.verdict])
    parts = [f"{feature} {_EFFECT[gravest.verdict](gravest)}"]
    where = _where(told)
    if where:
        parts.append(f"in {where}")
    if since:
        parts.append(f"since {since}")
    sentence = " ".join(parts)
    if version != OVER_ALL:
        sentence += f", version {version or '(none)'}"
    if where and rest:
        sentence += f"; elsewhere {_elsewhere(gravest.verdict, rest)}"
    return sentence


def tell_fall(
    version: str,
    where: Sequence[str],
    told: Sequence[OutcomeReading],
    rest: Sequence[OutcomeReading],
    since: str,
) -> str:
    """Returns one sentence about an accept rate that has fallen.

    Args:
        version: whose rate it is.
        where: values of the segments concerned, empty for everywhere.
        told: what was measured there.
        rest: what was measured elsewhere.
        since: the time it began, as it is to be shown.
    """

    def mean(pairs: Sequence[tuple[float, float]]) -> str:
        total = sum(n for _, n in pairs)
        return _percent(sum(part for part, _ in pairs) / total) if total else "unknown"

    before = mean([(r.baseline.rate * r.total, r.total) for r in told])
    now = mean([(r.accepted, r.total) for r in told])
    place = f" in {_listed(where)}" if where else ""
    sentence = f"accept rate of {version or '(none)'}{place} fell from {before} to {now}"
    sentence += f" since {since}"
    elsewhere = mean([(r.accepted, r.total) for r in rest])
    return f"{sentence}; elsewhere {elsewhere}" if where and rest else sentence


_GRAVITY = {"drifted": 1, "new_category": 2, "missing": 3, "stable": 0, "too_few": 0}
_EFFECT = {
    "missing": lambda d: f"missing {_percent(d.missing_ratio)}",
    "new_category": lambda d: (
        f"in categories unknown to the reference {_percent(d.new_ratio)}{_distinct(d.new_distinct)}"
    ),
    "drifted": lambda d: (
        f"drifted: PSI {d.psi:.2f} [{d.psi_interval.low:.2f}, {d.psi_interval.high:.2f}]"
        f" (chance alone: {d.psi_critical:.3f})"
    ),
}


def _distinct(count: float) -> str:
    """Returns how many different ones there are, to the two digits that are known.

    >>> _distinct(1234.5), _distinct(3.0), _distinct(0.0)
    (' (about 1,200 different)', ' (about 3 different)', '')
    """
    return f" (about {float(f'{count:.2g}'):,.0f} different)" if count >= 1 else ""


def _where(told: Mapping[Scope, FeatureDrift]) -> str:
    return _listed(sorted({value for scope in told for _, value in scope.segments}))


def _listed(values: Sequence[str]) -> str:
    names = [value or "(none)" for value in values]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _elsewhere(verdict: str, rest: Sequence[FeatureDrift]) -> str:
    rows = sum(drift.rows for drift in rest)
    if verdict == "missing":
        return _percent(sum(d.missing_ratio * d.rows for d in rest) / rows)
    if verdict == "new_category":
        return _percent(sum(d.new_ratio * d.rows for d in rest if d.new_ratio >= 0) / rows)
    highest = max((d.psi for d in rest if d.psi >= 0), default=0.0)
    return f"at most {highest:.2f}"


def _percent(ratio: float) -> str:
    """Returns a ratio as a percentage with two significant digits.

    >>> [_percent(x) for x in (0.31, 0.002, 0.9983, 1.0, 0.0)]
    ['31%', '0.2%', '99.8%', '100%', '0%']
    """
    percent = 100 * ratio
    if percent > 99:
        return f"{percent:.3g}%"
    return f"{percent:.2g}%"

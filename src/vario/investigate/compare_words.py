"""A comparison of releases in a few plain sentences."""

from collections.abc import Sequence

from vario.investigate.compare import Comparison, Measured, Part

_NAMES = {
    "p50": "median latency",
    "p95": "p95 latency",
    "p99": "p99 latency",
    "error_ratio": "error ratio",
}


def summarise(comparison: Comparison, drifted: Sequence[str]) -> list[str]:
    """Returns what is worse, or that nothing is, and what could not be told.

    Args:
        comparison: the releases.
        drifted: what features do otherwise, in sentences.
    """
    said = [
        f"{_subject(part)}{measured_in_words(measured)}"
        for part in comparison.parts
        for measured in part.measures
        if measured.judgement in ("worse", "better")
    ]
    said += drifted
    unclear = [
        _NAMES[measured.measure]
        for measured in comparison.parts[0].measures
        if measured.judgement == "unclear"
    ]
    if unclear:
        least = min(comparison.parts[0].baseline_requests, comparison.parts[0].candidate_requests)
        said.append(
            f"too little to tell of {', '.join(unclear)}: {least:,.0f} requests of the rarer "
            f"release in {comparison.blocks} blocks of time; wait, or send it more traffic"
        )
    if not said:
        said.append(
            f"{comparison.candidate} is as good as {comparison.baseline}, within the tolerances"
        )
    return said


def measured_in_words(measured: Measured) -> str:
    """Returns a measure of both releases with its change, `p95 latency 120 ms -> 180 ms (...)`."""
    name = _NAMES.get(measured.measure, measured.measure)
    if measured.baseline is None or measured.candidate is None:
        return f"{name} unknown"
    values = f"{name} {_value(measured, measured.baseline)} -> "
    values += _value(measured, measured.candidate)
    if measured.change is None or measured.low is None or measured.high is None:
        return values
    factor, unit = (100, "%") if measured.unit == "s" else (100, " points")
    low, high = factor * measured.low, factor * measured.high
    return (
        f"{values} ({factor * measured.change:+.1f}{unit}, 95 % between {low:+.1f} and {high:+.1f})"
    )


def _value(measured: Measured, value: float) -> str:
    return f"{1000 * value:.3g} ms" if measured.unit == "s" else f"{100 * value:.2f} %"


def _subject(part: Part) -> str:
    return f"{part.segment}: " if part.segment else ""

"""Steps of time for charts: how wide, and where they begin."""

from vario.model.telemetry import TimeRange

SECOND_NS = 1_000_000_000
WANTED_STEPS = 120
MAX_STEPS = 2_000
_NICE_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
)  # fmt: skip


def choose_step_ns(window: TimeRange) -> int:
    """Returns the smallest step, of a length that people read easily, giving at most 120 steps."""
    for nice in _NICE_S:
        if window.duration_ns <= nice * SECOND_NS * WANTED_STEPS:
            return nice * SECOND_NS
    days = -(-window.duration_ns // (WANTED_STEPS * 86_400 * SECOND_NS))
    return days * 86_400 * SECOND_NS


def align(window: TimeRange, step_ns: int) -> TimeRange:
    """Returns the window with its start moved back to a multiple of the step.

    Steps then begin at the same instants at every refresh, so that a live chart does not flicker.
    """
    return TimeRange(window.start_ns - window.start_ns % step_ns, window.end_ns)

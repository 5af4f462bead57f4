"""Rules about one PromQL expression, wherever it stands."""

from vario.lint.finding import Check
from vario.lint.promql import labels, percentiles, thresholds, windows
from vario.lint.query import Query

CHECKS: tuple[Check[Query], ...] = (
    *labels.CHECKS,
    *percentiles.CHECKS,
    *windows.CHECKS,
    *thresholds.CHECKS,
)
"""Every rule about a query."""

"""Rules about alerting rules and their groups."""

from vario.lint.alerts import duties, severity, templates, windows
from vario.lint.alerts.subject import Alert, AlertGroup
from vario.lint.finding import Check

CHECKS: tuple[Check[Alert], ...] = (*severity.CHECKS, *windows.CHECKS, *templates.CHECKS)
"""Every rule about one alerting rule."""

GROUP_CHECKS: tuple[Check[AlertGroup], ...] = (*duties.CHECKS, *severity.GROUP_CHECKS)
"""Every rule about the alerting rules of a group."""

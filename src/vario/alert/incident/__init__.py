"""Incidents: alerts that belong together, what was found out about them, and what became of it."""

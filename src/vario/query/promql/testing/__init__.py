"""Prometheus' test scripts (promqltest): load series, evaluate, compare with what is expected."""

"""Drift and data quality: binned statistics and the judgement over them, pure functions."""

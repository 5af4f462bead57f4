"""Frozen types in the standards' own words; no behaviour beyond their own invariants."""

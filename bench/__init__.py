"""Measurements: ratios within one run, medians, the machine named. Run by `make bench`."""

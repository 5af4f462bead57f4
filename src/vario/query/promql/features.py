"""Switches for the parts of PromQL that Prometheus itself marks experimental."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Features:
    """What is switched on; Prometheus' own defaults.

    Attributes:
        experimental_functions: `promql-experimental-functions`.
        duration_expressions: `promql-duration-expr`, arithmetic in `[...]` and `offset`.
        extended_ranges: `promql-extended-range-selectors`, `anchored` and `smoothed`.
        fill_modifiers: `promql-binop-fill-modifiers`, `fill(...)`.
        delayed_name_removal: `promql-delayed-name-removal`, names go at the very end.
        type_and_unit_labels: `type-and-unit-labels`, counters are told by `__type__`.
    """

    experimental_functions: bool = False
    duration_expressions: bool = False
    extended_ranges: bool = False
    fill_modifiers: bool = False
    delayed_name_removal: bool = False
    type_and_unit_labels: bool = False


ALL_FEATURES = Features(
    experimental_functions=True,
    duration_expressions=True,
    extended_ranges=True,
    fill_modifiers=True,
    delayed_name_removal=True,
)
"""Everything that Prometheus' own test scripts switch on."""

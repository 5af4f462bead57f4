"""What an alert's chart draws: both sides of its comparisons."""

import pytest

from vario.alert.conditions import MOST_CONDITIONS, Condition, find_conditions

BURN = "((a > (4 * 0.25)) and ignoring (window) b > 1) / 0.01"


@pytest.mark.parametrize(
    ("expr", "conditions"),
    [
        ("up == 0", [Condition("up", "==", 0.0)]),
        ("0.5 < sum by (job) (up)", [Condition("sum by (job) (up)", ">", 0.5)]),
        ("(a - b) >= -(1 + 1)", [Condition("a - b", ">=", -2.0)]),
        (BURN, [Condition("a", ">", 1.0), Condition("b", ">", 1.0)]),
        ("a > 2 * b", [Condition("a", ">", None, "2 * b")]),
        ("a > 1 unless on (job) b", [Condition("a", ">", 1.0), Condition("b")]),
        ("2 * a", [Condition("2 * a")]),
        ("a > 1 / 0", [Condition("a", ">", None, "1 / 0")]),
        ("absent(up)", [Condition("absent(up)")]),
        ("no promql (", []),
    ],
)
def test_comparisons_are_taken_apart(expr: str, conditions: list[Condition]) -> None:
    assert find_conditions(expr) == tuple(conditions)


def test_a_long_expression_shows_its_first_conditions() -> None:
    many = " or ".join(f"m{number} > {number}" for number in range(20))
    assert len(find_conditions(many)) == MOST_CONDITIONS

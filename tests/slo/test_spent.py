"""What spent an SLO's budget, by the values of a label and by time."""

import pytest
from tests.slo.test_rules import SPEC, history, load

from vario.errors import BadData
from vario.slo.spent import OTHERS, ROWS, find_spent

MINUTES = 2 * 1440
NOW_S = 60 * (MINUTES - 1)
BAD = {"us-east": lambda m: 30 if 1440 <= m < 1500 else 0, "eu-west": lambda m: 0.5}


def test_the_label_that_an_slo_does_not_name_tells_who_spent_it_and_when() -> None:
    slo = load(SPEC + "  window: 3d\n")
    found = find_spent(history(MINUTES, BAD), slo, NOW_S, "region")
    assert "region" in found.choices
    worst, other = found.rows
    assert (worst.value, other.value) == ("us-east", "eu-west")
    assert worst.bad == pytest.approx(1800, rel=0.05)
    # One hour in the middle of two days spent all of it.
    spent = [cell for cell in worst.cells if cell and cell > 0.01 * worst.spent]
    assert sum(spent) == pytest.approx(worst.spent, rel=0.01)
    assert len(spent) <= 2
    assert found.start_s + len(worst.cells) * found.step_s == NOW_S


def test_everything_together_is_one_row() -> None:
    slo = load(SPEC + "  by: region\n  window: 3d\n")
    whole = find_spent(history(MINUTES, BAD), slo, NOW_S, "")
    split = find_spent(history(MINUTES, BAD), slo, NOW_S)
    assert (whole.by, split.by) == ("", "region")
    assert [row.value for row in whole.rows] == [""]
    assert whole.rows[0].spent == pytest.approx(sum(row.spent for row in split.rows))


def test_many_values_are_added_up_and_few_columns_are_made() -> None:
    slo = load(SPEC + "  window: 3d\n")
    many = {f"region-{n:02d}": lambda m, n=n: float(n) for n in range(ROWS + 4)}
    found = find_spent(history(MINUTES, many), slo, NOW_S, "region")
    assert [row.value for row in found.rows[-2:]] == [f"region-{5:02d}", OTHERS]
    assert all(len(row.cells) <= 60 for row in found.rows)


def test_a_label_that_its_events_do_not_have_is_refused() -> None:
    with pytest.raises(BadData, match="have no label 'colour'; there is: region"):
        find_spent(history(60, BAD), load(SPEC), 60 * 59, "colour")


def test_without_measurements_there_are_no_rows() -> None:
    assert find_spent(history(60, {}), load(SPEC), 60 * 59).rows == ()

"""A handful of public incidents; `python -m bench rca_rs rca_petshop` takes them all."""

from pathlib import Path

import numpy as np
import pytest
from bench import rca_petshop, rca_rs

from vario.investigate.leaves import LeafTable

pytestmark = pytest.mark.conformance


def test_exact_slices_of_the_small_rs_incidents(conformance: Path) -> None:
    folder = conformance / "rca" / "rs"
    cases = [case for case in rca_rs.read_cases(folder) if len(case.table.codes) <= 60]
    score = rca_rs.measure(cases, rca_rs.scan_slices)
    assert len(cases) >= 5
    assert (score.f1 >= 0.55, score.recall_at_3 >= 0.75) == (True, True), score


def test_the_answer_to_an_rs_incident_is_out_of_reach_of_the_method(conformance: Path) -> None:
    """Neither the minutes after the alert nor the place of the alert in the file are handed on."""
    case = next(rca_rs.read_cases(conformance / "rca" / "rs"))
    assert isinstance(case.table, LeafTable)
    before, after = rca_rs.estimate_windows(case.table)
    assert after[-1] == case.table.amount.shape[1] - 1
    assert not np.intersect1d(before, after).size


@pytest.mark.parametrize("metric", ["latency", "availability"])
def test_the_service_to_blame_in_petshop(conformance: Path, metric: str) -> None:
    folder = conformance / "rca" / "petshop"
    if not folder.is_dir():
        pytest.skip(f"NO CONFORMANCE CASES: {folder} is not there, nothing was checked against it")
    faults = [fault for fault in rca_petshop.read_faults() if fault.metric == metric][::3]
    ranked = []
    for fault in faults:
        services = fault.window.services
        ranked.append(
            rca_petshop.rank_with_vario(
                rca_petshop.history(fault.folder, metric, services),
                fault.window.panel(metric, services),
                rca_petshop.read_graph(fault.folder),
                fault.target,
                metric,
            )
        )
    right = [answer[0][0] == fault.cause for answer, fault in zip(ranked, faults, strict=True)]
    assert sum(right) >= 0.75 * len(faults) >= 3

"""Prometheus' own test scripts, through the real engine over a real store."""

from collections import Counter
from pathlib import Path

import pytest
from tests.support.metric_reader import MemoryReader

from vario.query.promql.engine import Options, PromQL
from vario.query.promql.features import ALL_FEATURES
from vario.query.promql.testing.run import Verdict, run_script
from vario.query.promql.testing.scratch import ScratchMetrics

SCRIPTS = Path(__file__).parents[4] / "shared" / "conformance" / "promql"

EXPERIMENTAL = {
    # Start times of samples are not stored (Prometheus: --enable-feature=st-storage).
    "start_timestamps.test": 16,
    # Values interpolated between, or taken from, native histograms at the edges of ranges
    # (Prometheus: --enable-feature=promql-extended-range-selectors).
    "extended_vectors.test": 16,
}
"""How many evaluations fail, by script, and why; every other script passes."""

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not SCRIPTS.is_dir(), reason=f"NO CONFORMANCE: {SCRIPTS} is not there"),
]


def count_faults(verdicts: dict[str, list[Verdict]]) -> Counter[str]:
    return Counter(
        {name: sum(v.fault is not None for v in found) for name, found in verdicts.items()}
    )


def explain(verdicts: dict[str, list[Verdict]]) -> str:
    return "\n".join(
        f"{name}:{v.line}: {v.query}\n    {v.fault}"
        for name, found in verdicts.items()
        for v in found
        if v.fault is not None and name not in EXPERIMENTAL
    )


@pytest.mark.timeout(900)  # 40 CPU seconds, and machines may be busy
def test_scripts_pass_on_the_engine(metrics: ScratchMetrics) -> None:
    engine = PromQL(metrics, Options(features=ALL_FEATURES, pushdown_from=0))
    verdicts = {
        path.name: list(run_script(path.read_text("utf-8"), metrics, engine, in_range=False))
        for path in sorted(SCRIPTS.glob("*.test"))
    }
    assert +count_faults(verdicts) == Counter(EXPERIMENTAL), explain(verdicts)
    assert sum(map(len, verdicts.values())) == 1336


def test_scripts_pass_at_other_times_and_in_ranges() -> None:
    reader = MemoryReader()
    engine = PromQL(reader, Options(features=ALL_FEATURES, pushdown_from=None))
    verdicts = {
        path.name: list(run_script(path.read_text("utf-8"), reader, engine, at_times=True))
        for path in sorted(SCRIPTS.glob("*.test"))
    }
    assert +count_faults(verdicts) == Counter(EXPERIMENTAL), explain(verdicts)

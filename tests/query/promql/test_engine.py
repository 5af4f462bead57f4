"""The engine's own rules: kinds of results, limits, delta counts."""

import numpy as np
import pytest
from tests.support.metric_reader import MemoryReader

from vario.errors import ExecutionError, QueryTimeout, VarioError
from vario.model.series import SampleBlock
from vario.query.promql.engine import Options, PromQL, Result
from vario.query.promql.features import Features
from vario.query.promql.lexer import ParseError

T0 = 1_000_000_000


def reader_with(series: int = 1) -> MemoryReader:
    """Series `x{i}` of 30 samples, each 10 s, all of 5."""
    memory = MemoryReader()
    memory.write_samples(
        [{"__name__": "x", "i": str(i)} for i in range(series)],
        SampleBlock(
            np.arange(series + 1, dtype=np.int64) * 30,
            np.tile(np.arange(30, dtype=np.int64) * 10_000 + T0, series),
            np.full(30 * series, 5.0),
        ),
    )
    return memory


def instant(memory: MemoryReader, query: str, **options: object) -> Result:
    engine = PromQL(memory, Options(pushdown_from=None, **options))  # type: ignore[arg-type]
    return engine.instant(engine.parse(query), T0 + 290_000)


def test_delta_counts_are_made_cumulative_before_a_rate() -> None:
    memory = reader_with()
    assert [one.values.tolist() for one in instant(memory, "rate(x[1m])").series] == [[0.0]]
    memory.delta.update(memory.samples)
    assert [one.values.tolist() for one in instant(memory, "rate(x[1m])").series] == [[0.5]]


def test_too_many_samples_are_refused() -> None:
    memory = reader_with(10)
    assert len(instant(memory, "x", max_samples=300).series) == 10
    with pytest.raises(ExecutionError, match="too many samples"):
        instant(memory, "sum(x)", max_samples=299)


def test_a_query_out_of_time_and_one_whose_asker_left_are_stopped() -> None:
    engine = PromQL(reader_with(), Options(pushdown_from=None))
    node = engine.parse("sum(rate(x[1m]))")
    with pytest.raises(QueryTimeout):
        engine.instant(node, T0, timeout_s=0.0)
    with pytest.raises(VarioError, match="cancel"):
        engine.instant(node, T0, canceled=lambda: True)


def test_experimental_functions_are_behind_a_switch() -> None:
    with pytest.raises(ParseError, match="experimental"):
        instant(reader_with(), "mad_over_time(x[1m])")
    features = Features(experimental_functions=True)
    found = instant(reader_with(), "mad_over_time(x[1m])", features=features).series
    assert [one.values.tolist() for one in found] == [[0.0]]

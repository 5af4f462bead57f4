"""Tail sampling: whole traces or nothing, and counts that are as if nothing had been dropped."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.otlp_factory import make_span, trace_hex, traces_body

from vario.clock import ManualClock, SystemClock
from vario.config import SamplingSettings
from vario.errors import BadData
from vario.model.filter import MATCH_ALL, Compare, Field
from vario.model.telemetry import Signal, TimeRange
from vario.store.clickhouse import ClickHouseStore
from vario.store.sampling import Sampler
from vario.store.schema import read_state, write_state

SECOND_NS = 10**9
SETTINGS = SamplingSettings(spans_per_second=1, decide_after_s=60, wait_for_root_s=600)
TINY = replace(SETTINGS, spans_per_second=1e-6)


def make_sampler(store: ClickHouseStore, settings: SamplingSettings = TINY) -> Sampler:
    """Returns a sampler by the machine's clock, by which the engine dates what arrives."""
    sampler = Sampler(store.engine, SystemClock(), settings)
    sampler.enable()
    return sampler


def age(store: ClickHouseStore, seconds: int) -> None:
    """Makes all that has arrived, and every round, older: as if so much time had passed."""
    engine = store.engine
    engine.command("CREATE TABLE aged AS trace_pending")
    engine.command(
        f"INSERT INTO aged SELECT * REPLACE (Arrived - toIntervalSecond({seconds}) AS Arrived)"
        " FROM trace_pending"
    )
    engine.command("TRUNCATE TABLE trace_pending")
    engine.command("INSERT INTO trace_pending SELECT * FROM aged")
    engine.command("DROP TABLE aged SYNC")
    state = read_state(engine)
    names = ("sampling:until", "sampling:round")
    write_state(engine, {name: str(int(state[name]) - seconds * 1000) for name in names})


def write_trace(
    store: ClickHouseStore,
    trace: int,
    spans: Sequence[int] = (1, 2, 3),
    *,
    failed: int = 0,
    service: str = "infer",
    duration_ns: int = 10**6,
    trace_state: str = "",
) -> None:
    """Writes spans of one trace; span 1 is the root, `failed` one that failed."""
    made = [
        make_span(
            trace=trace,
            span=span,
            parent=0 if span == 1 else 1,
            start_ns=time.time_ns(),
            duration_ns=duration_ns,
            status="error" if span == failed else "unset",
            trace_state=trace_state,
        )
        for span in spans
    ]
    store.write_otlp(Signal.TRACES, traces_body(service, *made))


def stored(store: ClickHouseStore) -> dict[str, int]:
    """Returns stored spans by trace."""
    rows = store.engine.query_rows("SELECT TraceId, count() FROM otel_traces GROUP BY TraceId")
    return dict(rows)


def count(store: ClickHouseStore) -> list[tuple[object, ...]]:
    """Returns what the overview and a service's page say, the ids of the slowest left out."""
    now_ns = time.time_ns()
    hour = TimeRange(now_ns // (3600 * SECOND_NS) * 3600 * SECOND_NS - 3600 * SECOND_NS, now_ns)
    found: list[tuple[object, ...]] = []
    for one in store.find_services(hour, step_ns=3600 * SECOND_NS):
        found.append((one.service_name, one.requests, one.errors, one.p50_s, one.p99_s))
        for series in store.get_traffic(
            one.service_name, None, hour, step_ns=3600 * SECOND_NS, by="none"
        ):
            found += [(p.requests, p.errors, p.p95_s, p.slowest_s) for p in series.points]
    return found


def test_what_matters_is_kept_whole(store: ClickHouseStore) -> None:
    sampler = make_sampler(store, replace(TINY, slow_quantile=0.9))
    for trace in range(1, 41):
        write_trace(store, trace)
    write_trace(store, 50, failed=3)
    write_trace(store, 51, duration_ns=10**9)
    write_trace(store, 52)
    write_trace(store, 53)
    sampler.pin([trace_hex(52)])
    store.engine.command(
        "INSERT INTO metric_exemplars (id, ts, value, trace_id)"
        f" VALUES (1, now(), 1, '{trace_hex(53)}')"
    )
    before = count(store)
    assert sampler.run_once().dropped == 0  # too early
    age(store, 62)
    done = sampler.run_once()
    assert {reason for reason in done.kept if reason != "rest"} == {"error", "slow", "exemplar"}
    kept = stored(store)
    assert {trace_hex(n) for n in (50, 51, 52, 53)} <= kept.keys()
    assert set(kept.values()) == {3}
    assert len(kept) == 44 - done.dropped < 44
    assert count(store) == before
    assert sampler.run_once().dropped == 0
    now_ns = time.time_ns()
    found = store.find_traces(
        MATCH_ALL, TimeRange(now_ns - 3600 * SECOND_NS, now_ns), limit=100, order="newest"
    )
    weights = {one.trace_id: one.weight for one in found}
    assert weights.keys() == kept.keys()
    assert [weights[trace_hex(n)] for n in (50, 51, 52, 53)] == [1, 1, 1, 1]
    assert all(weights[t] > 10 for t in kept.keys() - {trace_hex(n) for n in (50, 51, 52, 53)})


def test_what_comes_late_shares_its_traces_fate(store: ClickHouseStore) -> None:
    sampler = make_sampler(store)
    write_trace(store, 1, failed=1)
    write_trace(store, 2)
    write_trace(store, 3, (2, 3))
    age(store, 62)
    sampler.run_once()
    assert stored(store) == {trace_hex(1): 3, trace_hex(3): 2}
    write_trace(store, 1, (4,), service="other")
    write_trace(store, 2, (4,), failed=4, service="other")
    before = count(store)
    age(store, 63)
    sampler.run_once()
    assert stored(store) == {trace_hex(1): 4, trace_hex(3): 2}
    age(store, 600)
    sampler.run_once()
    assert stored(store) == {trace_hex(1): 4}
    assert count(store) == before


def test_a_round_that_was_cut_off_is_repeated(
    store: ClickHouseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = make_sampler(store)
    for trace in range(1, 11):
        write_trace(store, trace)
    before = count(store)
    age(store, 62)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sampler, "_delete", die)
        with pytest.raises(KeyboardInterrupt):
            sampler.run_once()
    assert len(stored(store)) == 10
    decided = "SELECT TraceId FROM trace_decisions WHERE NOT Kept"
    dropped = {row[0] for row in store.engine.query_rows(decided)}
    Sampler(store.engine, SystemClock(), TINY).run_once()
    assert stored(store).keys() == {trace_hex(n) for n in range(1, 11)} - dropped
    assert count(store) == before


def test_thresholds_of_sdks_are_weighted(store: ClickHouseStore) -> None:
    write_trace(store, 1, trace_state="ot=th:c")
    write_trace(store, 2, trace_state="vendor=x,ot=rv:abcdef;th:8")
    write_trace(store, 3, trace_state="ot=th:0")
    write_trace(store, 4, trace_state="vendor=th:8")
    weights = "SELECT TraceId, any(Weight) FROM otel_traces GROUP BY TraceId ORDER BY TraceId"
    assert [weight for _, weight in store.engine.query_rows(weights)] == [4, 2, 1, 1]
    assert count(store)[0][1] == 8
    now_ns = time.time_ns()
    [found] = store.find_traces(
        Compare(Field("intrinsic", "trace_id"), "=", trace_hex(1)),
        TimeRange(now_ns - 3600 * SECOND_NS, now_ns),
        limit=1,
        order="newest",
    )
    assert found.weight == 4


def test_the_rest_fits_the_budget_and_carries_its_weight(store: ClickHouseStore) -> None:
    sampler = make_sampler(store, replace(SETTINGS, spans_per_second=2.0))
    body = b"".join(
        traces_body("infer", make_span(trace=n, start_ns=time.time_ns())) for n in range(1, 201)
    )
    store.write_otlp(Signal.TRACES, body)
    age(store, 62)
    done = sampler.run_once()
    assert done.share == pytest.approx(2.0 * 62 / 200, rel=0.5)
    rows = store.engine.query_rows(
        "SELECT DISTINCT Weight FROM trace_decisions WHERE Kept AND Reason = 'rest'"
    )
    assert rows == [(pytest.approx(1 / done.share),)]
    assert done.kept["rest"] + done.dropped == 200
    assert 0.3 < done.kept["rest"] / 200 < 1
    assert count(store)[0][1] == 200


@given(
    batches=st.lists(
        st.lists(
            st.tuples(st.integers(1, 6), st.integers(1, 4), st.booleans(), st.sampled_from("ab")),
            min_size=1,
            max_size=12,
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_counts_are_exact_and_traces_whole(
    store: ClickHouseStore, batches: list[list[tuple[int, int, bool, str]]]
) -> None:
    """Whatever arrives in whatever order, over several services, with rounds between."""
    for table in ("otel_traces", "entry_spans", "trace_pending", "trace_decisions"):
        store.engine.command(f"TRUNCATE TABLE {table}")
    sampler = make_sampler(store)
    sent: dict[str, int] = {}
    for batch in batches:
        for service in "ab":
            spans = [one for one in batch if one[3] == service]
            made = [
                make_span(
                    trace=trace,
                    span=span,
                    parent=0 if span == 1 else 1,
                    kind="server",
                    start_ns=time.time_ns(),
                    status="error" if failed else "unset",
                )
                for trace, span, failed, _ in spans
            ]
            store.write_otlp(Signal.TRACES, traces_body(service, *made))
        for trace, *_ in batch:
            sent[trace_hex(trace)] = sent.get(trace_hex(trace), 0) + 1
        age(store, 40)
        sampler.run_once()
    before = count(store)
    age(store, 700)
    sampler.run_once()
    kept = stored(store)
    assert kept == {trace: sent[trace] for trace in kept}
    assert count(store) == before
    assert before[0][0] in ("a", "b")
    total = store.engine.query_rows("SELECT count() FROM entry_spans")[0][0]
    assert total == sum(sent.values())


def test_settings_that_make_no_sense(store: ClickHouseStore) -> None:
    clock = ManualClock()
    with pytest.raises(BadData, match="below 0"):
        Sampler(store.engine, clock, replace(SETTINGS, spans_per_second=-1))
    with pytest.raises(BadData, match="cluster"):
        Sampler(store.engine, clock, SETTINGS, cluster="prod")
    with pytest.raises(BadData, match="slow_quantile"):
        Sampler(store.engine, clock, replace(SETTINGS, slow_quantile=1.0))

"""What an alert shows is there when somebody looks, even where traces are sampled."""

import time
from collections.abc import Iterable

import pytest
from tests.store.test_sampling import age, make_sampler, stored, write_trace
from tests.support.otlp_factory import trace_hex

from vario.app.alerts import make_find_trace
from vario.errors import Unavailable
from vario.model.alert import AlertEvent
from vario.store.clickhouse import ClickHouseStore

S = 10**9


def make_event(service: str) -> AlertEvent:
    now_ns = time.time_ns()
    labels = {"alertname": "Slow", "service": service}
    return AlertEvent(
        *("a" * 16, 1, now_ns, "r.yml;g;Slow", "Slow", "firing", labels, {}, 1.0, now_ns, now_ns)
    )


def test_the_example_of_an_alert_is_kept_by_sampling(store: ClickHouseStore) -> None:
    sampler = make_sampler(store)
    for trace in range(1, 31):
        write_trace(store, trace, service="infer" if trace == 7 else "search")
    find = make_find_trace(store, sampler.pin)
    assert find(None, make_event("infer")) == trace_hex(7)
    assert find(None, make_event("absent")) == ""
    age(store, 62)
    assert sampler.run_once().dropped == 29
    assert stored(store) == {trace_hex(7): 3}


def test_an_example_that_cannot_be_kept_is_shown_all_the_same(
    store: ClickHouseStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_ids: Iterable[str]) -> None:
        raise Unavailable("the disk is full")

    write_trace(store, 7)
    find = make_find_trace(store, fail)
    assert find(None, make_event("infer")) == trace_hex(7)
    assert "may not be kept: the disk is full" in caplog.text

"""Queries over their limits are refused as Prometheus does; a real server's memory is watched."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cramjam
import httpx
import psutil
import pytest
from tests.support import remote
from tests.support.server import Process, ask, serving_process

SERIES = 5_000
MAY_GROW_BY = 700 << 20
"""Bytes: one array of as many cells as a query may hold is 400 MB."""

TOO_MANY = "query processing would load too many samples into memory in query execution"
MONTH_OF_SECONDS = 'count_over_time({__name__=~".+"}[30d:1s])'
YEAR_OF_SECONDS = "sum_over_time(vector(1)[2y:1s])"
NESTED = "max_over_time(sum_over_time(many[1d:1s])[30d:1m])"


class Watch:
    """The most memory that a process holds while the block runs, and what it held before."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.before = self.most = process.memory_info().rss

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            self.most = max(self.most, self._process.memory_info().rss)


@pytest.fixture(scope="module")
def now_s() -> int:
    return int(time.time())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, now_s: int) -> Iterator[Process]:
    with serving_process(tmp_path_factory.mktemp("limits")) as process:
        times = range((now_s - 60) * 1000, now_s * 1000, 15_000)
        many = (
            remote.series("many", *((at, float(n)) for at in times), n=str(n))
            for n in range(SERIES)
        )
        body = bytes(cramjam.snappy.compress_raw(remote.v1(*many)))
        headers = {"content-encoding": "snappy", "content-type": "application/x-protobuf"}
        url = f"{process.addresses.api}/api/v1/write"
        assert httpx.post(url, content=body, headers=headers, timeout=60).status_code == 204
        yield process


def memory_of(server: Process) -> Watch:
    assert server.running
    return Watch(psutil.Process(server.running.pid))


def refusal(server: Process, path: str, **parameters: str) -> tuple[int, str, str]:
    answer = httpx.get(f"{server.addresses.api}/api/v1/{path}", params=parameters, timeout=120)
    said = answer.json()
    return answer.status_code, said["errorType"], said["error"]


@pytest.mark.parametrize("query", [MONTH_OF_SECONDS, YEAR_OF_SECONDS, NESTED])
def test_an_instant_query_that_would_hold_too_much_is_422(
    server: Process, now_s: int, query: str
) -> None:
    with memory_of(server) as watch:
        said = refusal(server, "query", query=query, time=str(now_s))
    assert said == (422, "execution", TOO_MANY)
    assert watch.most - watch.before < MAY_GROW_BY
    assert still_answers(server, now_s)


@pytest.mark.parametrize("query", ["many", "rate(many[1h])", "many * on (n) many", "-many"])
def test_a_range_of_eleven_thousand_steps_over_many_series_is_422(
    server: Process, now_s: int, query: str
) -> None:
    with memory_of(server) as watch:
        span = {"start": str(now_s - 11_000), "end": str(now_s), "step": "1"}
        said = refusal(server, "query_range", query=query, **span)
    assert said == (422, "execution", TOO_MANY)
    assert watch.most - watch.before < MAY_GROW_BY
    assert still_answers(server, now_s)


def test_many_such_queries_at_once_hold_no_more(server: Process, now_s: int) -> None:
    def one(number: int) -> int:
        query = (MONTH_OF_SECONDS, NESTED)[number % 2]
        return refusal(server, "query", query=query, time=str(now_s))[0]

    with memory_of(server) as watch, ThreadPoolExecutor(8) as threads:
        assert set(threads.map(one, range(16))) == {422}
    assert watch.most - watch.before < MAY_GROW_BY
    assert still_answers(server, now_s)


@pytest.mark.parametrize(
    "query",
    [
        "sum(quantile_over_time(0.5, many[5m:15s]))",
        "sum(quantile_over_time(0.5, many[5m]))",
        "sum(rate(many[1h]))",
        "sum(many)",
        "count(timestamp(many))",
    ],
)
def test_a_query_out_of_time_is_503(server: Process, now_s: int, query: str) -> None:
    """45 million cells, which no machine can fill in time: most are never allocated."""
    span = {"start": str(now_s - 9_000), "end": str(now_s), "step": "1"}
    with memory_of(server) as watch:
        said = refusal(server, "query_range", query=query, timeout="50ms", **span)
    assert said[:2] == (503, "timeout")
    assert watch.most - watch.before < MAY_GROW_BY
    assert still_answers(server, now_s)


def still_answers(server: Process, now_s: int) -> bool:
    found = ask(server.addresses.api, "/api/v1/query", query="count(many)", time=now_s)
    assert isinstance(found, dict)
    return found["data"]["result"][0]["value"][1] == str(SERIES)

"""No result ever holds rows of another query: every kind of failure among good queries, checked."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from tests.support.otlp_factory import make_span, traces_body

from vario.errors import BadData, ExecutionError, QueryCanceled, QueryTimeout, VarioError
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore
from vario.store.engine import Engine

THREADS = 8
"""More than there are handles, so that each handle serves good and bad in turn."""
TURNS = 60

# Each fails after rows of it are on their way.
LATE = "SELECT number, 'theirs', throwIf(number = 300000, 'late') FROM numbers(400000)"
MANY = "SELECT number, 'theirs' FROM numbers(10000000)"
SLOW = "SELECT number, 'theirs', sleepEachRow(0.002) FROM numbers(100000)"


def rows(engine: Engine, token: int) -> None:
    count = 1 + token % 700
    got = engine.query_rows(f"SELECT number, {token} FROM numbers({count})")
    assert got == [(number, token) for number in range(count)]


def columns(engine: Engine, token: int) -> None:
    count = 1 + token % 70_000
    sql = f"SELECT number AS n, toString({token}) AS t FROM numbers({count})"
    got = engine.query_columns(sql)
    assert np.array_equal(got["n"], np.arange(count))
    assert (set(got["t"]), len(got["t"])) == ({str(token)}, count)


def no_rows(engine: Engine, token: int) -> None:
    assert list(engine.query_columns(f"SELECT {token} AS t WHERE false")["t"]) == []


def text(engine: Engine, token: int) -> None:
    sql = "SELECT {token:Int64}, number FROM numbers(3)"
    got = engine.query_bytes(sql, {"token": token}, fmt="TabSeparated")
    assert got.decode() == f"{token}\t0\n{token}\t1\n{token}\t2\n"


GOOD = (rows, columns, no_rows, text)


def fails(
    sql: str, kind: type[VarioError], as_columns: bool = False, **settings: object
) -> Callable[[Engine], str]:
    def ask(engine: Engine) -> str:
        query = engine.query_columns if as_columns else engine.query_rows
        with pytest.raises(kind):
            query(sql, settings=settings)
        return kind.__name__

    return ask


BAD = (
    fails(LATE, BadData),
    fails(LATE, BadData, as_columns=True),
    fails("SELECT no_such_function(1)", VarioError),
    fails(MANY, ExecutionError, max_result_rows=100_000, result_overflow_mode="throw"),
    fails(MANY, ExecutionError, True, max_result_rows=100_000, result_overflow_mode="throw"),
    fails("SELECT groupArray(number) FROM numbers(9000000)", ExecutionError,
          max_memory_usage=20_000_000),
    fails(SLOW, QueryTimeout, max_execution_time=0.1, max_block_size=5),
    fails(SLOW, QueryCanceled, log_comment="kill me", max_block_size=5),
)  # fmt: skip


class Crowd:
    """Threads that ask in any order, and one that kills."""

    def __init__(self, store: ClickHouseStore) -> None:
        self.asked: Counter[str] = Counter()
        self.faults: list[BaseException] = []
        self._store = store
        self._done = threading.Event()

    def run(self) -> None:
        asking = [threading.Thread(target=self._ask, args=(n,)) for n in range(THREADS)]
        killing = threading.Thread(target=self._kill)
        for thread in (*asking, killing):
            thread.start()
        for thread in asking:
            thread.join()
        self._done.set()
        killing.join()

    def _ask(self, number: int) -> None:
        dice = random.Random(number)
        try:
            for turn in range(TURNS):
                token = number * 1_000_000 + turn * 1000 + dice.randrange(1000)
                if dice.random() < 0.4:
                    self.asked[dice.choice(BAD)(self._store.engine)] += 1
                elif dice.random() < 0.15:
                    self._write(dice, token)
                else:
                    good = dice.choice(GOOD)
                    good(self._store.engine, token)
                    self.asked[good.__name__] += 1
        except BaseException as error:
            self.faults.append(error)
            raise

    def _write(self, dice: random.Random, token: int) -> None:
        body = traces_body("a", make_span(trace=token + 1))
        if dice.random() < 0.5:
            with pytest.raises(BadData):
                self._store.write_otlp(Signal.TRACES, body + b"\x0a\x7fcut")
            self.asked["refused write"] += 1
        else:
            self._store.write_otlp(Signal.TRACES, body)
            self.asked["write"] += 1

    def _kill(self) -> None:
        while not self._done.is_set():
            self._store.engine.command(
                "KILL QUERY WHERE Settings['log_comment'] = 'kill me' AND elapsed > 0.05 ASYNC"
            )
            time.sleep(0.02)


@pytest.mark.timeout(600)
def test_no_result_holds_rows_of_another_query(store: ClickHouseStore) -> None:
    crowd = Crowd(store)
    crowd.run()
    assert crowd.faults == []
    asked = crowd.asked
    assert asked.total() == THREADS * TURNS
    assert min(asked[good.__name__] for good in GOOD) > 0
    kinds = ("BadData", "VarioError", "ExecutionError", "QueryTimeout", "QueryCanceled")
    assert min(asked[kind] for kind in (*kinds, "write", "refused write")) > 0
    stored = store.engine.query_rows("SELECT uniqExact(TraceId), count() FROM otel_traces")
    assert stored == [(asked["write"], asked["write"])]

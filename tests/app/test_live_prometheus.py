"""A live Prometheus 3.5 writes to vario what it scrapes: both must answer every query alike."""

import contextlib
import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.peers import unpack_peer
from tests.support.prometheus import Prometheus, ask, running_prometheus, wait_until
from tests.support.promql_catalogue import HISTOGRAM, REFUSED, queries
from tests.support.server import serving_process

from vario.demo.prepare import DATABASE
from vario.demo.world import REGIONS

TARGETS = len(REGIONS) + 2
"""The feature stores, vario, and Prometheus itself."""

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(600)]

WRITERS = {"v1": "prometheus.WriteRequest", "v2": "io.prometheus.write.v2.Request"}
SCRAPED_S = 10
PATIENCE_S = 180
"""How long a busy machine may take for what a quiet one does in a few seconds."""
TOLERANCE = 1e-9
NEWER_WARNING = (
    "PromQL warning: sort is ineffective for range queries since results are always ordered by "
    "labels (1:1)"
)
"""Later versions of Prometheus say this, and so does vario; 3.5 does not."""
FROM_FIRST_BUCKET = f"histogram_fraction(0, 0.02, rate({HISTOGRAM}_bucket[6s]))"
"""Up to 3.5, Prometheus answers NaN wherever the lower value lies within the first bucket of a
classic histogram (its issue 17367); later versions answer the fraction, and so does vario.
"""
TWO_SERIES = re.compile(r"\[(\{[^}]*\}), (\{[^}]*\})\]")
"""How an error names two series that stand in each other's way."""
KEPT = (
    "up|(feature_store|process|go_memstats|vario)_.*|go_gc_duration_seconds.*"
    "|prometheus_(build_info|http_requests_total|http_request_duration_seconds)"
)


@dataclass(frozen=True)
class Peers:
    """What answers: Prometheus, and a vario for each version of remote write."""

    prometheus: Prometheus
    varios: dict[str, str]
    at_s: float

    def parameters(self, kind: str, query: str) -> dict[str, str]:
        """Returns what a question at fixed times is made of."""
        if kind == "query":
            return {"query": query, "time": f"{self.at_s:.3f}"}
        return {
            "query": query,
            "start": f"{self.at_s - SCRAPED_S + 3:.3f}",
            "end": f"{self.at_s:.3f}",
            "step": "1.5",
        }


@contextlib.contextmanager
def feature_stores(folder: Path) -> Iterator[list[str]]:
    """Runs the demo's feature stores with users who ask for features; gives their addresses."""
    prepare = subprocess.Popen([sys.executable, "-m", "vario.demo.prepare", str(folder)])
    processes, addresses = [prepare], list[str]()
    for region in REGIONS:
        process, address = feature_store(folder, region)
        processes.append(process)
        addresses.append(address)
    stopping = threading.Event()
    users = threading.Thread(target=visit, args=(addresses, stopping))
    try:
        wait_until((folder / DATABASE).exists, PATIENCE_S)
        prepare.terminate()  # the model, which takes longer, is not needed
        users.start()
        yield addresses
    finally:
        stopping.set()
        for process in processes:
            process.terminate()
            process.wait(30)
        if users.ident:
            users.join()


def feature_store(folder: Path, region: str) -> tuple[subprocess.Popen[bytes], str]:
    """Starts the feature store of a region; returns it and its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        environment = {
            **os.environ,
            "OTEL_SDK_DISABLED": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{address}",
        }
        command = [sys.executable, "-m", "vario.demo.serve", "feature-store"]
        command += ["--socket", str(listener.fileno()), "--region", region]
        command += ["--folder", str(folder), "--log", str(folder / f"{region}.jsonl")]
        started = subprocess.Popen(command, env=environment, pass_fds=[listener.fileno()])
    return started, address


def visit(addresses: list[str], stopping: threading.Event) -> None:
    """Asks for users' features: now the same, now others."""
    with httpx.Client(timeout=30) as client:
        number = 0
        while not stopping.wait(0.03):
            number += 1
            address = addresses[0 if number % 3 else 1]
            asked = {"user_id": 1 + number * number % 97}
            with contextlib.suppress(httpx.TransportError):
                client.post(f"http://{address}/features", json=asked)


def configuration(stores: list[str], varios: dict[str, str]) -> dict[str, Any]:
    targets = {"feature-store": stores, "vario": [varios["v1"].removeprefix("http://")]}
    keep = [{"source_labels": ["__name__"], "regex": KEPT, "action": "keep"}]
    native = {
        "job_name": "prometheus",
        "scrape_protocols": ["PrometheusProto"],
        "static_configs": [{"targets": ["SELF"]}],
        "metric_relabel_configs": keep,
    }
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            native,
            *(
                {
                    "job_name": job,
                    "static_configs": [{"targets": addresses}],
                    "metric_relabel_configs": keep,
                }
                for job, addresses in targets.items()
            ),
        ],
        "remote_write": [
            {
                "url": f"{varios[name]}/api/v1/write",
                "name": name,
                "protobuf_message": message,
                "send_native_histograms": True,
                "metadata_config": {"send": name == "v1"},  # version 2 has it beside the samples
                "queue_config": {"batch_send_deadline": "200ms", "max_shards": 1},
            }
            for name, message in WRITERS.items()
        ],
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def promtool(folder: Path) -> Path:
    return unpack_peer("promtool_", "usr/bin/promtool", folder)


@pytest.fixture(scope="module")
def peers(folder: Path) -> Iterator[Peers]:
    program = unpack_peer("prometheus_", "usr/bin/prometheus", folder)
    with contextlib.ExitStack() as stack:
        for name in ("system", *WRITERS):
            (folder / name).mkdir()
        stores = stack.enter_context(feature_stores(folder / "system"))
        varios = {
            name: stack.enter_context(serving_process(folder / name)).addresses.api
            for name in WRITERS
        }
        config = configuration(stores, varios)
        running = running_prometheus(program, folder, config, "native-histograms")
        prometheus = stack.enter_context(running)
        wait_until(lambda: count_up(prometheus.address) == TARGETS, PATIENCE_S, prometheus.log_file)
        end_s = time.time() + SCRAPED_S
        wait_until(lambda: time.time() > end_s, SCRAPED_S + 5)
        at_s = round(end_s, 3)
        for address in varios.values():
            arrived = partial(has_all, address, at_s)
            wait_until(arrived, PATIENCE_S, prometheus.log_file)
        yield Peers(prometheus, varios, at_s)


def count_up(address: str) -> int:
    return len(ask(address, "query", query="up == 1")["result"])


def has_all(address: str, at_s: float) -> bool:
    """Whether a scrape of each target after `at_s` has arrived: what is older came before it."""
    found = ask(address, "query", query="timestamp(up)", time=at_s + 60)["result"]
    return len(found) == TARGETS and all(float(row["value"][1]) > at_s for row in found)


def answer_of(client: httpx.Client, address: str, kind: str, parameters: dict[str, str]) -> Any:
    answer = client.post(f"{address}/api/v1/{kind}", data=parameters)
    return {"code": answer.status_code, **answer.json()}


def differences(want: Any, got: Any, is_ordered: bool = False) -> list[str]:
    """Returns where two answers differ: numbers by more than a billionth, text at all.

    Args:
        want: what Prometheus says.
        got: what vario says.
        is_ordered: whether the order of the series means something.
    """
    if not is_ordered:
        want, got = in_order(want), in_order(got)
    return list(_unlike("", want, got))


def in_order(answer: Any) -> Any:
    """Returns an answer with its series and messages in an order of their own."""
    sorted_: dict[str, Any] = {key: sorted(answer.get(key) or []) for key in ("warnings", "infos")}
    if "error" in answer:
        sorted_["error"] = TWO_SERIES.sub(_sort_two, answer["error"])
    data = answer.get("data")
    if not data or data["resultType"] not in ("vector", "matrix"):
        return {**answer, **sorted_}
    series = sorted(data["result"], key=lambda row: json.dumps(row["metric"], sort_keys=True))
    return {**answer, **sorted_, "data": {**data, "result": series}}


def _sort_two(found: re.Match[str]) -> str:
    """Returns two series that an error names, sorted: which is met first depends on the ports."""
    return f"[{', '.join(sorted(found.groups()))}]"


def _unlike(place: str, want: Any, got: Any) -> Iterator[str]:
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys()):
            yield from _unlike(f"{place}.{key}", want.get(key), got.get(key))
    elif isinstance(want, list) and isinstance(got, list):
        for index, pair in enumerate(zip_longest(want, got)):
            yield from _unlike(f"{place}[{index}]", *pair)
    elif not _is_close(want, got):
        yield f"{place}: {want!r} in Prometheus, {got!r} in vario"


def _is_close(want: Any, got: Any) -> bool:
    if want == got:
        return True
    try:
        return math.isclose(float(want), float(got), rel_tol=TOLERANCE)
    except (TypeError, ValueError):
        return False


def compare(peers: Peers, kind: str, asked: list[str]) -> tuple[int, list[str]]:
    """Compares Prometheus with both varios.

    Returns:
        How many answers had series or numbers in them, and all differences.
    """

    def one(query: str) -> tuple[bool, list[str]]:
        parameters = peers.parameters(kind, query)
        want = answer_of(client, peers.prometheus.address, kind, parameters)
        is_ordered = kind == "query" and query.startswith("sort")
        if kind == "query_range" and query.startswith("sort"):
            want["warnings"] = [NEWER_WARNING]
        return bool(want.get("data", {}).get("result")), [
            f"{name} {query}: {difference}"
            for name, address in peers.varios.items()
            for difference in differences(
                want, answer_of(client, address, kind, parameters), is_ordered
            )[:3]
        ]

    with httpx.Client(timeout=PATIENCE_S) as client, ThreadPoolExecutor(4) as threads:
        done = list(threads.map(one, asked))
    return sum(is_full for is_full, _ in done), [line for _, lines in done for line in lines]


def test_fraction_from_within_the_first_bucket_is_answered_as_by_later_versions(
    peers: Peers,
) -> None:
    from_first_bound = FROM_FIRST_BUCKET.replace("(0,", "(0.001,")
    below_first_bound = f'rate({HISTOGRAM}_bucket{{le="0.001"}}[6s])'
    total = f"rate({HISTOGRAM}_count[6s])"
    want = f"{from_first_bound} + ignoring (le) {below_first_bound} / ignoring (le) {total}"
    with httpx.Client(timeout=PATIENCE_S) as client:
        for address in peers.varios.values():
            answers = [
                answer_of(client, address, "query_range", peers.parameters("query_range", query))
                for query in (want, FROM_FIRST_BUCKET)
            ]
            assert answers[1]["data"]["result"]
            assert differences(*answers) == []


@pytest.mark.parametrize("kind", ["query", "query_range"])
def test_queries_of_every_kind_have_the_same_answers(peers: Peers, kind: str) -> None:
    asked = sorted(set(queries(peers.at_s - 3)))
    full, found = compare(peers, kind, asked)
    assert found == [], "\n".join(found)
    assert full >= 300, f"only {full} of {len(asked)} answers had anything in them"


def test_what_prometheus_refuses_is_refused_alike(peers: Peers) -> None:
    full, found = compare(peers, "query", list(REFUSED))
    assert (full, "\n".join(found)) == (0, "")


def test_an_answer_that_is_a_little_wrong_is_noticed(peers: Peers) -> None:
    query = 'feature_store_cache_hits_total{region="us-east"}'
    parameters = peers.parameters("query_range", query)
    with httpx.Client() as client:
        answer = answer_of(client, peers.prometheus.address, "query_range", parameters)
        other = answer_of(client, peers.varios["v1"], "query_range", {**parameters, "query": "up"})
    assert differences(answer, json.loads(json.dumps(answer))) == []
    assert differences(answer, other) != []
    wrong = json.loads(json.dumps(answer))
    sample = wrong["data"]["result"][0]["values"][-1]
    sample[1] = str(float(sample[1]) * (1 + 1e-8))
    assert len(differences(answer, wrong)) == 1
    del wrong["data"]["result"][0]["values"][0]
    assert differences(answer, wrong) != []


@pytest.mark.parametrize(
    "question",
    [
        ("instant", "--time={at}", "SERVER", "feature_store_cache_hits_total"),
        ("instant", "--time={at}", "SERVER", "sum(rate(feature_store_cache_hits_total[5s]))"),
        ("instant", "--time={at}", "-o", "json", "SERVER", "scalar(vector(2)) * 3"),
        ("range", "--start={start}", "--end={at}", "--step=2s", "SERVER", "sum by (job) (up)"),
        ("series", "--match=up", "--match={{region!=''}}", "SERVER"),
        ("labels", "SERVER", "job"),
        ("labels", "--match=feature_store_cache_entries", "SERVER", "region"),
    ],
)
def test_promtool_prints_the_same(peers: Peers, promtool: Path, question: tuple[str, ...]) -> None:
    start_s, at_s = int(peers.at_s) - 8, int(peers.at_s)

    def told(address: str) -> list[str]:
        arguments = [part.format(at=at_s, start=start_s) for part in question]
        arguments = [address if part == "SERVER" else part for part in arguments]
        done = subprocess.run(
            [str(promtool), "query", *arguments], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return sorted(done.stdout.splitlines())

    want = told(peers.prometheus.address)
    assert want
    for address in peers.varios.values():
        assert told(address) == want


def test_prometheus_has_nothing_to_complain_about(peers: Peers) -> None:
    complaints = [
        line
        for line in peers.prometheus.log.splitlines()
        if "level=ERROR" in line or "level=WARN" in line
    ]
    assert complaints == []

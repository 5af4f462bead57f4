"""Remote write against the whole server: what is answered, and what is stored."""

import concurrent.futures

import cramjam
import httpx
import pytest
from tests.support.remote import INTEGER_HISTOGRAM, Series, series, v1, v2

from vario.app.ports import Addresses
from vario.store.clickhouse import ClickHouseStore
from vario.wire.remote_write import MESSAGES, Version

NOW_MS = 1_750_000_000_000
TYPES = {
    Version.V1: "application/x-protobuf",
    Version.V2: "application/x-protobuf;proto=io.prometheus.write.v2.Request",
}
BOTH = pytest.mark.parametrize("version", list(Version))


def send(
    address: str, version: Version, body: bytes, *, packed: bool = True, **headers: str
) -> httpx.Response:
    own = {"content-type": TYPES[version], "content-encoding": "snappy"}
    content = bytes(cramjam.snappy.compress_raw(body)) if packed else body
    return httpx.post(f"{address}/api/v1/write", content=content, headers=own | headers, timeout=60)


def encode(version: Version, *many: Series) -> bytes:
    return v1(*many) if version is Version.V1 else v2(*many)


def written(answer: httpx.Response) -> tuple[str, ...]:
    kinds = ("samples", "histograms", "exemplars")
    return tuple(answer.headers[f"x-prometheus-remote-write-{kind}-written"] for kind in kinds)


def stored(store: ClickHouseStore) -> list[tuple[str, int, float]]:
    return store.engine.query_rows(
        "SELECT name, toUnixTimestamp64Milli(ts), value FROM metric_samples JOIN "
        "(SELECT DISTINCT id, name FROM metric_series) AS s USING id ORDER BY name, ts"
    )


@BOTH
@pytest.mark.parametrize("port", ["api", "otlp_http"])
def test_a_write_is_stored_when_it_is_answered(
    doors: Addresses, store: ClickHouseStore, version: Version, port: str
):
    full = series("b", (NOW_MS, 2.0))
    full[1]["histograms"] = [INTEGER_HISTOGRAM | {"timestamp": NOW_MS}]  # type: ignore[index]
    full[1]["exemplars"] = [{"labels": {"trace_id": "a"}, "value": 1.0, "timestamp": NOW_MS}]  # type: ignore[index]
    answer = send(getattr(doors, port), version, encode(version, series("a", (NOW_MS, 1.0)), full))
    assert (answer.status_code, answer.content) == (204, b"")
    assert written(answer) == ("2", "1", "1")
    assert stored(store) == [("a", NOW_MS, 1.0), ("b", NOW_MS, 2.0)]


@BOTH
def test_the_good_part_of_a_bad_request_is_kept(
    doors: Addresses, store: ClickHouseStore, version: Version
):
    bad = ({"a": "1"}, {"samples": [{"timestamp": NOW_MS, "value": 1.0}]})
    body = encode(version, series("good", (NOW_MS, 1.0)), bad, bad)
    answer = send(doors.api, version, body)
    assert answer.status_code == 400
    assert answer.text == (
        "2 series or samples were not stored: a series has no metric name (label __name__) (2)\n"
    )
    assert written(answer) == ("1", "0", "0")
    assert stored(store) == [("good", NOW_MS, 1.0)]


def test_labels_out_of_order_are_put_in_order(doors: Addresses, store: ClickHouseStore):
    pairs = [{"name": "z", "value": "1"}, {"name": "__name__", "value": "a"}]
    samples = [{"timestamp": NOW_MS, "value": 1.0}]
    request = MESSAGES[Version.V1](timeseries=[{"labels": pairs, "samples": samples}])
    assert send(doors.api, Version.V1, request.SerializeToString()).status_code == 204
    assert stored(store) == [("a", NOW_MS, 1.0)]


@pytest.mark.parametrize(
    ("headers", "status", "why"),
    [
        ({"content-type": "application/json"}, 415, "is not remote write"),
        ({"content-type": "application/x-protobuf;proto=x.Y"}, 415, "is not remote write"),
        ({"content-encoding": "zstd"}, 415, "compress with snappy"),
        ({"origin": "https://evil.example"}, 403, "https://evil.example"),
    ],
)
def test_what_is_refused_by_its_headers(
    doors: Addresses, headers: dict[str, str], status: int, why: str
):
    answer = send(doors.otlp_http, Version.V1, b"", **headers)
    assert answer.status_code == status
    assert why in answer.text


@BOTH
@pytest.mark.parametrize(
    ("body", "packed", "status", "why"),
    [
        (b"\x0a\xffgarbage", True, 400, "is not a "),
        (b"not snappy at all", False, 400, "not a snappy block"),
        (b"\xff\xff\xff\xff\x0f", False, 413, "over the limit"),
    ],
)
def test_what_is_refused_by_its_body(
    doors: Addresses, version: Version, body: bytes, packed: bool, status: int, why: str
):
    answer = send(doors.api, version, body, packed=packed)
    assert answer.status_code == status
    assert why in answer.text
    assert written(answer) == ("0", "0", "0")


def test_get_is_not_for_writing(doors: Addresses):
    answer = httpx.get(f"{doors.api}/api/v1/write")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_an_empty_request_is_fine(doors: Addresses, store: ClickHouseStore):
    for version in Version:
        assert send(doors.api, version, b"").status_code == 204


def test_many_senders_at_once_with_one_poisoned(doors: Addresses, store: ClickHouseStore):
    def one(i: int) -> int:
        if i % 10 == 3:
            bad = ({"a": "1"}, {"samples": [{"timestamp": NOW_MS, "value": 1.0}]})
            body = v1(bad, series(f"m{i}", (NOW_MS, float(i))))
            return send(doors.otlp_http, Version.V1, body).status_code
        version = Version.V2 if i % 2 else Version.V1
        body = encode(version, series(f"m{i}", (NOW_MS, float(i))))
        return send(doors.otlp_http, version, body).status_code

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(one, range(40)))
    assert statuses == [400 if i % 10 == 3 else 204 for i in range(40)]
    assert stored(store) == sorted((f"m{i}", NOW_MS, float(i)) for i in range(40))

"""WSGI and gRPC servers: what goes out for a request is what goes out for one over ASGI."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import flask
import grpc
import pytest
from opentelemetry import baggage
from tests.support.otlp_sink import OtlpSink

import vario

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
MODEL = {"model_name": "recommender", "model_version": "v23", "region": "eu-west"}
HEADERS = {
    "traceparent": f"00-{TRACE}-{PARENT}-01",
    "x-request-id": "98f7-21ab",
    "baggage": "tenant=a",
}


def make_flask() -> flask.Flask:
    app = flask.Flask("ml-infer")

    @app.get("/users/<user>/rank")
    def rank(user: str) -> dict[str, str]:
        with vario.step("predict", cache_hit=True):
            vario.annotate(prediction=0.87)
        return {"id": vario.request_id(), "tenant": str(baggage.get_baggage("tenant"))}

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the model is not there")

    @app.get("/stream")
    def stream() -> Any:
        def pieces() -> Iterator[str]:
            with vario.step("piece"):
                yield vario.request_id()
            yield vario.request_id()

        return flask.Response(flask.stream_with_context(pieces()))

    return vario.instrument_wsgi(vario.instrument_wsgi(app))


def test_flask(configured: OtlpSink) -> None:
    answer = make_flask().test_client().get("/users/7/rank", headers=HEADERS)
    assert answer.get_json() == {"id": "98f7-21ab", "tenant": "a"}
    assert answer.headers["x-request-id"] == "98f7-21ab"
    answer.close()
    assert vario.flush()
    step, server = configured.spans()
    assert (step.name, step.trace_id, step.parent_span_id) == (
        "ml-infer.predict",
        TRACE,
        server.span_id,
    )
    assert (server.name, server.parent_span_id, server.kind) == (
        "GET /users/<user>/rank",
        PARENT,
        2,
    )
    assert server.attributes == {
        **MODEL,
        "http.request.method": "GET",
        "url.path": "/users/7/rank",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "server.address": "localhost",
        "server.port": 80,
        "http.route": "/users/<user>/rank",
        "http.response.status_code": 200,
        "request_id": "98f7-21ab",
        "prediction": 0.87,
    }
    (requests,) = configured.points("inference_requests_total")
    assert requests.attributes == {
        **MODEL,
        "route": "/users/<user>/rank",
        "status_code": "200",
    }
    (latency,) = configured.points("inference_latency_seconds")
    assert latency.exemplars == (TRACE,)
    (log,) = configured.logs()
    assert (log.trace_id, log.body) == (TRACE, "GET /users/<user>/rank 200")


def test_flask_failures_and_streams(configured: OtlpSink) -> None:
    client = make_flask().test_client()
    broken = client.get("/broken")
    assert (broken.status_code, bool(broken.data)) == (500, True)
    streamed = client.get("/stream", headers={"x-request-id": "r-1"})
    assert streamed.get_data(as_text=True) == "r-1r-1"
    assert b"Not Found" in client.get("/nowhere").data
    assert vario.flush()
    assert [
        (log.body, log.severity) for log in configured.logs() if log.scope == "vario.request"
    ] == [
        ("GET /broken 500", "ERROR"),
        ("GET /stream 200", "INFO"),
        ("GET /nowhere 404", "WARN"),
    ]


def test_any_wsgi_application(configured: OtlpSink) -> None:
    def fails(environ: Any, start_response: Any) -> Any:
        raise KeyError("age")

    with pytest.raises(KeyError):
        vario.instrument_wsgi(fails)({"REQUEST_METHOD": "GET", "PATH_INFO": "/x"}, lambda *_: None)
    assert vario.flush()
    (server,) = configured.spans()
    assert (server.status, server.events, server.name) == (2, ["exception"], "GET")
    assert vario.request_id() == ""


# --- gRPC ----------------------------------------------------------------------------------------


def handlers(module: Any, functions: dict[str, Any]) -> Any:
    made = {
        name: (
            module.unary_stream_rpc_method_handler(call)
            if name == "Stream"
            else module.unary_unary_rpc_method_handler(call)
        )
        for name, call in functions.items()
    }
    return module.method_handlers_generic_handler("ml.Infer", made)


def call(port: int, method: str) -> Any:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        metadata = tuple(HEADERS.items())
        name = f"/ml.Infer/{method}"
        if method == "Stream":
            return list(channel.unary_stream(name)(b"x", metadata=metadata, timeout=30))
        answer, done = channel.unary_unary(name).with_call(b"x", metadata=metadata, timeout=30)
        trailing = {key: value for key, value in done.trailing_metadata() if key[0] != ":"}
        return answer, trailing


def check_calls(sink: OtlpSink) -> None:
    deadline = monotonic() + 30  # a client may have its answer before the call is recorded
    while len([span for span in sink.spans() if span.kind == 2]) < 4:
        assert monotonic() < deadline
        assert vario.flush()
    servers = {span.name: span for span in sink.spans() if span.kind == 2}
    assert {name: span.attributes["rpc.grpc.status_code"] for name, span in servers.items()} == {
        "ml.Infer/Rank": 0,
        "ml.Infer/Absent": 5,
        "ml.Infer/Broken": 2,
        "ml.Infer/Stream": 0,
    }
    assert {name: span.status for name, span in servers.items()} == {
        "ml.Infer/Rank": 0,
        "ml.Infer/Absent": 0,
        "ml.Infer/Broken": 2,
        "ml.Infer/Stream": 0,
    }
    assert {span.trace_id for span in sink.spans()} == {TRACE}
    statuses = {p.attributes["status_code"] for p in sink.points("inference_requests_total")}
    assert statuses == {"200", "404", "500"}
    request_logs = [log for log in sink.logs() if log.scope == "vario.request"]
    rank = servers["ml.Infer/Rank"]
    (step,) = (span for span in sink.spans() if span.name == "ml-infer.predict")
    assert step.parent_span_id == rank.span_id
    assert {log.attributes["request_id"] for log in request_logs} == {"98f7-21ab"}


def test_grpc(configured: OtlpSink) -> None:
    def rank(request: bytes, context: Any) -> bytes:
        with vario.step("predict"):
            return vario.request_id().encode()

    def absent(request: bytes, context: Any) -> bytes:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such user")

    def broken(request: bytes, context: Any) -> bytes:
        raise RuntimeError("the model is not there")

    def stream(request: bytes, context: Any) -> Iterator[bytes]:
        yield vario.request_id().encode()
        yield b"y"

    pool = ThreadPoolExecutor(2)
    server = grpc.server(pool, interceptors=[vario.instrument_grpc()])
    functions = {"Rank": rank, "Absent": absent, "Broken": broken, "Stream": stream}
    server.add_generic_rpc_handlers((handlers(grpc, functions),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        assert call(port, "Rank") == (b"98f7-21ab", {"x-request-id": "98f7-21ab"})
        assert call(port, "Stream") == [b"98f7-21ab", b"y"]
        for method in ("Absent", "Broken"):
            with pytest.raises(grpc.RpcError):
                call(port, method)
    finally:
        server.stop(0).wait()
        pool.shutdown()
    check_calls(configured)


def test_grpc_aio(configured: OtlpSink) -> None:
    async def rank(request: bytes, context: Any) -> bytes:
        async with vario.step("predict"):
            return vario.request_id().encode()

    async def absent(request: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such user")
        return b""

    async def broken(request: bytes, context: Any) -> bytes:
        raise RuntimeError("the model is not there")

    async def stream(request: bytes, context: Any) -> Any:
        yield vario.request_id().encode()
        yield b"y"

    async def serve() -> None:
        server = grpc.aio.server(interceptors=[vario.instrument_grpc_aio()])
        functions = {"Rank": rank, "Absent": absent, "Broken": broken, "Stream": stream}
        server.add_generic_rpc_handlers((handlers(grpc, functions),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(None, call, port, "Rank")
            assert found == (b"98f7-21ab", {"x-request-id": "98f7-21ab"})
            found = await loop.run_in_executor(None, call, port, "Stream")
            assert found == [b"98f7-21ab", b"y"]
            for method in ("Absent", "Broken"):
                with pytest.raises(grpc.RpcError):
                    await loop.run_in_executor(None, call, port, method)
        finally:
            await server.stop(0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    check_calls(configured)

"""One request through the middleware: what goes out, on the wire and on standard output."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from tests.support.otlp_sink import OtlpSink

import vario

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
MODEL = {"model_name": "recommender", "model_version": "v23", "region": "eu-west"}


async def rank(request: Request) -> JSONResponse:
    with vario.step("encode_features", cache_hit=True):
        logging.getLogger("ml").warning("cold start", extra={"batch_id": "b-1"})
    vario.annotate(
        user_region="eu-west",
        input_schema_version="1.3",
        features_used=["age", "country", "session_length"],
        prediction=0.87,
    )
    return JSONResponse({"id": vario.request_id()})


async def absent(request: Request) -> None:
    raise HTTPException(404)


def broken(request: Request) -> None:
    raise RuntimeError("the model is not there")


async def canary(request: Request) -> JSONResponse:
    vario.annotate(model_version="v24")
    return JSONResponse({})


async def stream(request: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    return StreamingResponse(pieces(), background=BackgroundTask(vario.flush))


def make_app() -> Starlette:
    routes = [
        Route("/users/{user}/rank", rank),
        Route("/absent", absent),
        Route("/broken", broken),
        Route("/canary", canary),
        Route("/stream", stream),
    ]
    return vario.instrument_fastapi(Starlette(routes=routes))


async def get(path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(make_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        return await client.get(path, headers=names)


@pytest.fixture(autouse=True)
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_spans_of_a_request(configured: OtlpSink) -> None:
    answer = await get(
        "/users/7/rank", x_request_id="98f7-21ab", traceparent=f"00-{TRACE}-{PARENT}-01"
    )
    assert vario.flush()
    assert answer.json() == {"id": "98f7-21ab"}
    assert answer.headers["x-request-id"] == "98f7-21ab"
    step, server = configured.spans()
    assert (step.name, step.trace_id, step.parent_span_id, step.kind, step.attributes) == (
        "ml-infer.encode_features",
        TRACE,
        server.span_id,
        1,
        {**MODEL, "request_id": "98f7-21ab", "cache_hit": True},
    )
    assert (server.name, server.trace_id, server.parent_span_id, server.kind, server.status) == (
        "GET /users/{user}/rank",
        TRACE,
        PARENT,
        2,
        0,
    )
    assert server.attributes == {
        **MODEL,
        "http.request.method": "GET",
        "url.path": "/users/7/rank",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "server.address": "test",
        "http.route": "/users/{user}/rank",
        "http.response.status_code": 200,
        "request_id": "98f7-21ab",
        "user_region": "eu-west",
        "input_schema_version": "1.3",
        "features_used": ["age", "country", "session_length"],
        "prediction": 0.87,
    }
    resource = server.resource
    assert (resource["service.name"], resource["service.version"]) == ("ml-infer", "v23")
    assert (resource["cloud.region"], resource["model_name"]) == ("eu-west", "recommender")


@pytest.mark.anyio
async def test_metrics_of_a_request(configured: OtlpSink) -> None:
    await get("/users/7/rank", traceparent=f"00-{TRACE}-{PARENT}-01")
    assert vario.flush()
    route = {**MODEL, "route": "/users/{user}/rank"}
    (requests,) = configured.points("inference_requests_total")
    assert (requests.attributes, requests.value) == ({**route, "status_code": "200"}, 1)
    (latency,) = configured.points("inference_latency_seconds")
    assert (latency.attributes, latency.value, latency.unit) == (route, 1, "s")
    assert latency.exemplars == (TRACE,)
    assert 0.2 in latency.bounds
    (step,) = configured.points("inference_step_seconds")
    assert (step.attributes, step.value) == ({**MODEL, "step": "encode_features"}, 1)
    assert step.exemplars == (TRACE,)


@pytest.mark.anyio
async def test_log_line_of_a_request(
    configured: OtlpSink, capsys: pytest.CaptureFixture[str]
) -> None:
    await get("/users/7/rank", x_request_id="98f7-21ab", traceparent=f"00-{TRACE}-{PARENT}-01")
    assert vario.flush()
    line = json.loads(capsys.readouterr().out)
    (server,) = (span for span in configured.spans() if span.kind == 2)
    assert 0 < line.pop("latency_ms") < 10_000
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "INFO",
        "service": "ml-infer",
        "model_name": "recommender",
        "model_version": "v23",
        "request_id": "98f7-21ab",
        "trace_id": TRACE,
        "span_id": server.span_id,
        "status_code": 200,
        "user_region": "eu-west",
        "input_schema_version": "1.3",
        "features_used": ["age", "country", "session_length"],
        "prediction": 0.87,
        "message": "GET /users/{user}/rank 200",
    }


@pytest.mark.anyio
async def test_log_records_on_the_wire(configured: OtlpSink) -> None:
    await get("/users/7/rank", x_request_id="98f7-21ab", traceparent=f"00-{TRACE}-{PARENT}-01")
    assert vario.flush()
    step, server = configured.spans()
    warning, request = configured.logs()
    model = {"model_name": "recommender", "model_version": "v23", "request_id": "98f7-21ab"}
    assert (warning.body, warning.severity, warning.scope) == ("cold start", "WARN", "ml")
    assert (warning.trace_id, warning.span_id) == (TRACE, step.span_id)
    assert warning.attributes == {**model, "batch_id": "b-1"}
    assert (request.body, request.severity) == ("GET /users/{user}/rank 200", "INFO")
    assert (request.trace_id, request.span_id) == (TRACE, server.span_id)
    assert request.attributes.pop("latency_ms") > 0
    assert request.attributes == {
        **model,
        "status_code": 200,
        "user_region": "eu-west",
        "input_schema_version": "1.3",
        "features_used": ["age", "country", "session_length"],
        "prediction": 0.87,
    }
    assert request.resource["service.name"] == "ml-infer"


@pytest.mark.anyio
@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "a\\nb"])
async def test_a_request_id_is_made_where_none_can_be_used(
    configured: OtlpSink, given: str
) -> None:
    answer = await get("/users/7/rank", x_request_id=given)
    made = answer.headers["x-request-id"]
    assert made != given
    assert len(made) == 32
    assert answer.json() == {"id": made}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status", "level", "route"),
    [
        ("/absent", 404, "WARN", "/absent"),
        ("/nowhere", 404, "WARN", ""),
        ("/broken", 500, "ERROR", "/broken"),
        ("/stream", 200, "INFO", "/stream"),
    ],
)
async def test_statuses(
    configured: OtlpSink, path: str, status: int, level: str, route: str
) -> None:
    answer = await get(path)
    assert answer.status_code == status
    assert vario.flush()
    (server,) = configured.spans()
    assert server.attributes["http.response.status_code"] == status
    assert server.name == (f"GET {route}" if route else "GET")
    assert server.status == (2 if status >= 500 else 0)
    assert configured.logs()[-1].severity == level
    point = configured.points("inference_requests_total")[-1]
    assert point.attributes == {
        **MODEL,
        **({"route": route} if route else {}),
        "status_code": str(status),
    }


@pytest.mark.anyio
@pytest.mark.parametrize("is_outermost", [False, True])
async def test_an_exception_is_told_and_goes_on_its_way(
    configured: OtlpSink, is_outermost: bool
) -> None:
    """Starlette answers with 500 before it raises what the outermost middleware sees."""
    routes = [Route("/broken", broken)]
    app: Any = Starlette(routes=routes)
    app = vario.instrument_asgi(app) if is_outermost else vario.instrument_fastapi(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        with pytest.raises(RuntimeError, match="the model is not there"):
            await client.get("/broken")
    assert vario.flush()
    (server,) = configured.spans()
    assert server.attributes["error.type"] == "RuntimeError"
    assert server.events == ["exception"]
    assert configured.logs()[-1].attributes["error"] == "RuntimeError: the model is not there"


@pytest.mark.anyio
async def test_a_canary_has_its_own_version(configured: OtlpSink) -> None:
    await get("/canary")
    assert vario.flush()
    (server,) = configured.spans()
    assert server.attributes["model_version"] == "v24"
    assert configured.points("inference_requests_total")[0].attributes["model_version"] == "v24"
    assert configured.logs()[-1].attributes["model_version"] == "v24"


@pytest.mark.anyio
async def test_nothing_is_recorded_before_configure(capsys: pytest.CaptureFixture[str]) -> None:
    answer = await get("/users/7/rank")
    assert answer.status_code == 200
    assert "x-request-id" not in answer.headers
    assert capsys.readouterr().out == ""


@pytest.mark.anyio
async def test_a_plain_asgi_application(configured: OtlpSink) -> None:
    async def hello(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"hello"})

    app = vario.instrument_asgi(hello)
    assert vario.instrument_asgi(app) is app
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/x")).text == "hello"
    assert vario.flush()
    assert [span.name for span in configured.spans()] == ["GET"]


@pytest.mark.anyio
async def test_the_end_of_the_lifespan_flushes(configured: OtlpSink) -> None:
    app = vario.instrument_asgi(make_app())
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> dict[str, str]:
        vario.count("model_loads_total")
        return next(messages)

    async def send(message: Any) -> None:
        pass

    await app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send)
    assert configured.points("model_loads_total")[-1].value == 2


@pytest.mark.anyio
async def test_calls_to_other_services_carry_trace_and_request_id(configured: OtlpSink) -> None:
    seen: dict[str, str] = {}

    async def other(scope: Any, receive: Any, send: Any) -> None:
        seen.update({k.decode(): v.decode() for k, v in scope["headers"]})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    outgoing = vario.instrument_httpx(
        httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://other")
    )

    async def go(request: Request) -> JSONResponse:
        await outgoing.get("/")
        return JSONResponse(dict(vario.inject_headers({"accept": "*/*"})))

    app = vario.instrument_fastapi(Starlette(routes=[Route("/go", go)]))
    transport = httpx.ASGITransport(app)
    async with outgoing, httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/go", headers={"x-request-id": "r-1"})
    assert vario.flush()
    (server,) = configured.spans()
    traceparent = seen["traceparent"]
    assert traceparent.startswith(f"00-{server.trace_id}-{server.span_id}-0")
    assert seen["x-request-id"] == "r-1"
    assert answer.json() == {"accept": "*/*", "traceparent": traceparent, "x-request-id": "r-1"}


@pytest.mark.anyio
async def test_a_framework_that_begins_a_server_span_keeps_it(configured: OtlpSink) -> None:
    """FastAPI does so from 0.165 on where a tracer provider is set, and earlier ones do not."""
    app = vario.instrument_fastapi(FastAPI())
    vario.instrument_fastapi(app)

    @app.get("/items/{item}")
    async def item(item: str) -> None:
        with vario.step("predict"):
            vario.annotate(prediction=0.5)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.get("/items/3", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert vario.flush()
    (server,) = (span for span in configured.spans() if span.kind == 2)
    assert (server.name, server.parent_span_id) == ("GET /items/{item}", PARENT)
    assert {**server.attributes, **MODEL, "prediction": 0.5} == server.attributes
    assert {span.trace_id for span in configured.spans()} == {TRACE}
    assert "ml-infer.predict" in {span.name for span in configured.spans()}
    (latency,) = configured.points("inference_latency_seconds")
    assert latency.exemplars == (TRACE,)
    assert configured.logs()[-1].span_id == server.span_id


@pytest.mark.anyio
async def test_a_request_is_recorded_before_work_that_follows_its_answer(
    configured: OtlpSink,
) -> None:
    await get("/stream")  # flushes in the background, after its answer
    assert [log.body for log in configured.logs()] == ["GET /stream 200"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("received", "status"), [({"type": "http.disconnect"}, 499), ({"type": "http.request"}, 500)]
)
async def test_no_answer_is_the_client_s_doing_only_where_it_went_away(
    configured: OtlpSink, received: dict[str, str], status: int
) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def receive() -> dict[str, str]:
        return received

    async def send(message: Any) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    await vario.instrument_asgi(silent)(scope, receive, send)
    assert vario.flush()
    assert configured.spans()[0].attributes["http.response.status_code"] == status


@pytest.mark.anyio
async def test_a_client_that_goes_away_while_it_asks_is_no_error_of_the_service(
    configured: OtlpSink,
) -> None:
    async def read(request: Request) -> JSONResponse:
        return JSONResponse(await request.json())

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    app = vario.instrument_asgi(Starlette(routes=[Route("/", read, methods=["POST"])]))
    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    with pytest.raises(ClientDisconnect):
        await app(scope, receive, send)
    assert vario.flush()
    (server,) = configured.spans()
    assert (server.attributes["http.response.status_code"], server.status) == (499, 0)

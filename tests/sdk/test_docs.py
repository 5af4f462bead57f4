"""`docs/sdk.md` says what is so: the schema's examples fit its table, and so do real lines."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.support.otlp_sink import OtlpSink

import vario
from vario.sdk.instruments import LATENCY_BOUNDS, STEP_BOUNDS

DOCS = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text(encoding="utf-8")
SCHEMA = re.findall(r"^\| `(\w+)` \| ([a-z ]+) \| (required|optional) \|", DOCS, re.MULTILINE)
EXAMPLES = re.findall(r"```json\n(.*?)\n```", DOCS, re.DOTALL)
TYPES: dict[str, Any] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "array of strings": list,
    "any": object,
}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def check(line: dict[str, Any]) -> None:
    """Fails where a line does not follow the table."""
    types = {name: kind for name, kind, _ in SCHEMA}
    required = {name for name, _, presence in SCHEMA if presence == "required"}
    assert required <= set(line)
    assert set(line) <= set(types)
    for name, value in line.items():
        assert isinstance(value, TYPES[types[name]]), name
    assert ISO.fullmatch(line["timestamp"])
    assert re.fullmatch(r"[0-9a-f]{32}", line["trace_id"])
    assert re.fullmatch(r"[0-9a-f]{16}", line["span_id"])


def test_the_table_has_what_the_schema_asks_for() -> None:
    assert len(SCHEMA) == 19
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_follow_the_table(example: str) -> None:
    check(json.loads(example))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_real_lines_follow_the_table(
    configured: OtlpSink, capsys: pytest.CaptureFixture[str]
) -> None:
    async def predict(request: Request) -> JSONResponse:
        vario.annotate(
            user_region="eu-west",
            input_schema_version="1.3",
            features_used=("age", "country"),
            prediction=0.87,
            cache_hit=True,
            batch_id="b-1",
            batch_size=3,
        )
        return JSONResponse({})

    def broken(request: Request) -> None:
        raise TimeoutError("too slow")

    app = vario.instrument_fastapi(
        Starlette(routes=[Route("/predict", predict), Route("/broken", broken)])
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for path in ("/predict", "/broken", "/nowhere"):
            await client.get(path)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["status_code"] for line in lines] == [200, 500, 404]
    for line in lines:
        check(line)


def test_verbs_and_bounds_are_those_of_the_code() -> None:
    for name in vario.__all__:
        assert f"`{name}" in DOCS, name
    assert f"{len(LATENCY_BOUNDS)} bounds from 5 ms to 10 s" in DOCS
    assert f"{len(STEP_BOUNDS)} bounds from 0.5 ms to 5 s" in DOCS

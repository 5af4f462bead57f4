"""vario: observability for machine-learning inference.

This is the face that a service imports. Every name is loaded when it is first used, so that
`import vario` costs nothing and pulls in neither OpenTelemetry nor the server.

::

    import vario

    vario.configure(service="ml-infer", model="recommender", version="v23", region="eu-west")
    vario.instrument_fastapi(app)

    with vario.step("encode_features", cache_hit=True):
        ...
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vario.sdk.asgi import VarioMiddleware, instrument_asgi, instrument_fastapi
    from vario.sdk.batches import Ticket, batch, enqueue
    from vario.sdk.bridges import instrument_loguru, structlog_processor
    from vario.sdk.generation import generation
    from vario.sdk.grpc_server import instrument_grpc, instrument_grpc_aio
    from vario.sdk.hardware import gpu
    from vario.sdk.logs import JsonFormatter
    from vario.sdk.measures import count, gauge
    from vario.sdk.outgoing import inject_headers, instrument_httpx, request_from
    from vario.sdk.predictions import record_feedback, record_prediction
    from vario.sdk.requests import annotate, request_id
    from vario.sdk.runtime import configure, flush, shutdown
    from vario.sdk.steps import step
    from vario.sdk.wsgi import instrument_wsgi

    __version__: str

__all__ = [
    "JsonFormatter",
    "Ticket",
    "VarioMiddleware",
    "annotate",
    "batch",
    "configure",
    "count",
    "enqueue",
    "flush",
    "gauge",
    "generation",
    "gpu",
    "inject_headers",
    "instrument_asgi",
    "instrument_fastapi",
    "instrument_grpc",
    "instrument_grpc_aio",
    "instrument_httpx",
    "instrument_loguru",
    "instrument_wsgi",
    "record_feedback",
    "record_prediction",
    "request_from",
    "request_id",
    "shutdown",
    "step",
    "structlog_processor",
]

_HOMES = {
    "JsonFormatter": "vario.sdk.logs",
    "Ticket": "vario.sdk.batches",
    "VarioMiddleware": "vario.sdk.asgi",
    "annotate": "vario.sdk.requests",
    "batch": "vario.sdk.batches",
    "configure": "vario.sdk.runtime",
    "count": "vario.sdk.measures",
    "enqueue": "vario.sdk.batches",
    "flush": "vario.sdk.runtime",
    "gauge": "vario.sdk.measures",
    "generation": "vario.sdk.generation",
    "gpu": "vario.sdk.hardware",
    "inject_headers": "vario.sdk.outgoing",
    "instrument_asgi": "vario.sdk.asgi",
    "instrument_fastapi": "vario.sdk.asgi",
    "instrument_grpc": "vario.sdk.grpc_server",
    "instrument_grpc_aio": "vario.sdk.grpc_server",
    "instrument_httpx": "vario.sdk.outgoing",
    "instrument_loguru": "vario.sdk.bridges",
    "instrument_wsgi": "vario.sdk.wsgi",
    "record_feedback": "vario.sdk.predictions",
    "record_prediction": "vario.sdk.predictions",
    "request_from": "vario.sdk.outgoing",
    "request_id": "vario.sdk.requests",
    "shutdown": "vario.sdk.runtime",
    "step": "vario.sdk.steps",
    "structlog_processor": "vario.sdk.bridges",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("vario")
    elif home := _HOMES.get(name):
        value = getattr(import_module(home), name)
    else:
        raise AttributeError(f"module 'vario' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

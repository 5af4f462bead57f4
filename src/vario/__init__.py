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
    from vario.sdk.logs import JsonFormatter
    from vario.sdk.measures import count, gauge
    from vario.sdk.outgoing import inject_headers, instrument_httpx
    from vario.sdk.requests import annotate, request_id
    from vario.sdk.runtime import configure, flush, shutdown
    from vario.sdk.steps import step

    __version__: str

__all__ = [
    "JsonFormatter",
    "VarioMiddleware",
    "annotate",
    "configure",
    "count",
    "flush",
    "gauge",
    "inject_headers",
    "instrument_asgi",
    "instrument_fastapi",
    "instrument_httpx",
    "request_id",
    "shutdown",
    "step",
]

_HOMES = {
    "JsonFormatter": "vario.sdk.logs",
    "VarioMiddleware": "vario.sdk.asgi",
    "annotate": "vario.sdk.requests",
    "configure": "vario.sdk.runtime",
    "count": "vario.sdk.measures",
    "flush": "vario.sdk.runtime",
    "gauge": "vario.sdk.measures",
    "inject_headers": "vario.sdk.outgoing",
    "instrument_asgi": "vario.sdk.asgi",
    "instrument_fastapi": "vario.sdk.asgi",
    "instrument_httpx": "vario.sdk.outgoing",
    "request_id": "vario.sdk.requests",
    "shutdown": "vario.sdk.runtime",
    "step": "vario.sdk.steps",
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

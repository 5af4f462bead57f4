"""OpenTelemetry's context without its layers, and ids for spans.

What is attached here is what `opentelemetry.context` sees: the same `ContextVar` is used. Where
`OTEL_PYTHON_CONTEXT` names another implementation, the API's own functions are.
"""

from contextvars import ContextVar, Token
from random import Random
from typing import Any

from opentelemetry import context as api
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

SPAN_KEY: str = next(iter(set_span_in_context(INVALID_SPAN, Context())))
"""The key under which OpenTelemetry's context holds the current span."""

_variable: Any = getattr(getattr(api, "_RUNTIME_CONTEXT", None), "_current_context", None)
if isinstance(_variable, ContextVar):
    get_context: Any = _variable.get
    set_context: Any = _variable.set
    _reset_context: Any = _variable.reset
else:
    get_context, set_context, _reset_context = api.get_current, api.attach, api.detach

_random = Random()
random_bits = _random.getrandbits
"""Random bits from a generator of our own: an application may seed Python's as it likes."""


def reseed() -> None:
    """Gives a forked child other ids than its parent."""
    _random.seed()


def attach_span(span: object) -> Token[Any]:
    """Makes a span the current one; returns what `detach` takes."""
    return set_context(Context({**get_context(), SPAN_KEY: span}))


def detach(token: Token[Any]) -> None:
    """Puts the context back, where this is still the context that the token belongs to.

    A generator that is closed by another task leaves its step in another context: there is
    nothing to put back there.
    """
    try:
        _reset_context(token)
    except (ValueError, RuntimeError):
        return

"""Steps of a request: a span and a timing for each."""

import inspect
from collections.abc import Callable
from contextvars import Token
from functools import wraps
from time import perf_counter
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, Status, StatusCode

from vario.sdk.faults import report
from vario.sdk.measures import model_labels
from vario.sdk.state import current
from vario.sdk.values import attribute

P = ParamSpec("P")
R = TypeVar("R")


class Step:
    """A step: `with`, `async with`, or a decorator of a function or a coroutine function."""

    __slots__ = ("_attributes", "_name", "_span", "_start_s", "_token")

    def __init__(self, name: str, attributes: dict[str, Any]) -> None:
        self._name = name
        self._attributes = attributes
        self._span: Span = INVALID_SPAN
        self._start_s = 0.0
        self._token: Token[Context] | None = None

    def __enter__(self) -> Span:
        """Starts the span and returns it: attributes that become known later are set on it."""
        try:
            self._begin()
        except Exception as error:
            report(f"begin step {self._name}", error)
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends the span and records how long the step took; an exception goes on its way."""
        try:
            self._finish(error)
        except Exception as fault:
            report(f"end step {self._name}", fault)

    async def __aenter__(self) -> Span:
        """Does as `__enter__`."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Does as `__exit__`."""
        self.__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Returns the function with each of its calls a step."""
        name, attributes = self._name, self._attributes
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with Step(name, attributes):
                    return await function(*args, **kwargs)

            return cast(Callable[P, R], run_async)

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with Step(name, attributes):
                return function(*args, **kwargs)

        return run

    def _begin(self) -> None:
        pipeline = current()
        self._start_s = perf_counter()
        if pipeline is None:
            return
        attributes = {
            **model_labels(pipeline),
            **{key: attribute(value) for key, value in self._attributes.items()},
        }
        self._span = pipeline.tracer.start_span(
            f"{pipeline.settings.service}.{self._name}", attributes=attributes
        )
        self._token = context.attach(trace.set_span_in_context(self._span))

    def _finish(self, error: BaseException | None) -> None:
        token, self._token = self._token, None
        if token is None:
            return
        try:
            if isinstance(error, Exception) and not _is_answer(error):
                self._span.record_exception(error)
                self._span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
            pipeline = current()
            if pipeline is not None:
                labels = {**model_labels(pipeline), "step": self._name}
                pipeline.instruments.step.record(perf_counter() - self._start_s, labels)
            self._span.end()
        finally:
            context.detach(token)


def _is_answer(error: Exception) -> bool:
    """Says whether an exception is a framework's way to answer below 500: not found, bad input."""
    status = getattr(error, "status_code", None)
    return isinstance(status, int) and status < 500


def step(name: str, /, **attributes: Any) -> Step:
    """Returns a step of a request: a span `<service>.<name>` and its time.

    ::

        with vario.step("encode_features", cache_hit=True) as span:
            span.set_attribute("rows", 3)

        @vario.step("predict")
        async def predict(rows): ...

    The span carries model_name, model_version, region and the attributes; its time goes to the
    histogram `inference_step_seconds{step=}`. Outside of a request it begins a trace of its own.

    Args:
        name: what is done, in lower case with underscores; not unique to a request.
        **attributes: facts about this step, such as `cache_hit=False` or `batch_id="b-17"`.
    """
    return Step(name, attributes)

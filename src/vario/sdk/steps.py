"""Steps of a request: a span and a timing for each.

A step is its own span and its own context manager, so that one object is made and nothing is
copied. Its timing is counted in the background, from the span's clocks, whether the span is
sampled, sent or dropped.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from contextvars import Token
from functools import partial, wraps
from time import time_ns
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, StatusCode, TraceFlags

from vario.sdk.cleaning import SCALARS
from vario.sdk.context import SPAN_KEY, attach_span, detach, get_context, random_bits, set_context
from vario.sdk.faults import report
from vario.sdk.pipeline import OWN_SCOPE
from vario.sdk.requests import current_request
from vario.sdk.spans import OURS
from vario.sdk.spans import Span as RecordedSpan
from vario.sdk.state import STATE
from vario.sdk.tracing import begin
from vario.sdk.values import attribute

_USED: Any = object()
P = ParamSpec("P")
R = TypeVar("R")


class step(RecordedSpan):  # noqa: N801 -- a verb of the SDK's face
    """A step of a request: a span `<service>.<name>` and its time.

    ::

        with vario.step("encode_features", cache_hit=True) as span:
            span.set_attribute("rows", 3)

        @vario.step("predict")
        async def predict(rows): ...

    It is written with `with` or `async with`, or as a decorator of a function, a coroutine
    function or a generator of either kind. The span carries model_name, model_version, region,
    request_id and the attributes; its time goes to the histogram `inference_step_seconds{step=}`.
    Outside of a request it begins a trace of its own.

    Args:
        name: what is done, in lower case with underscores; not unique to a request.
        **attributes: facts about this step, such as `cache_hit=False` or `batch_id="b-17"`.
    """

    __slots__ = ("_token", "labels", "step_name")
    scope = OWN_SCOPE

    def __init__(self, name: str, /, **attributes: Any) -> None:
        self.step_name = name
        self.own_attributes = attributes
        self._token: Token[Any] | None = None

    def __enter__(self) -> Span:
        """Starts the span and returns it: attributes that become known later are set on it."""
        pipeline = STATE.pipeline
        if pipeline is None:
            return INVALID_SPAN
        if self._token is not None:
            return self._again().__enter__()
        try:
            context = get_context()
            parent = context.get(SPAN_KEY)
            recorder = pipeline.recorder
            # The usual case, a child of a span of this process, without a call; see `begin`.
            if type(parent) in OURS and recorder.sampler.follows_parent:
                self.trace = own = parent.trace
                self.parent_id = parent.span_id
                self.span_id = random_bits(64) or 1
                self.end_time = None
            else:
                begin(self, recorder, parent)
                own = self.trace
            request = own.request
            self.labels = pipeline.labels if request is None else request.labels
            self.name = pipeline.prefix + self.step_name
            if not SCALARS.issuperset(map(type, self.own_attributes.values())):
                self.own_attributes = {k: attribute(v) for k, v in self.own_attributes.items()}
            self._token = set_context(Context({**context, SPAN_KEY: self}))
            self.start_time = time_ns()
            if recorder.processors and own.flags & TraceFlags.SAMPLED:
                for processor in recorder.processors:
                    processor.on_start(self, parent_context=context)
        except Exception as error:
            report(f"begin step {self.step_name}", error)
            return INVALID_SPAN
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Ends the span and records how long the step took; an exception goes on its way."""
        token = self._token
        if token is None or token is _USED:
            return
        self._token = _USED  # a token holds the context that was, and a span may wait for long
        try:
            if exc_val is not None:
                self.fail_unless_answer(exc_val)
            if self.end_time is None:
                self.end_time = time_ns()
                recorder = self.trace.recorder
                if recorder.processors:
                    recorder.keep_span(self)
                elif not recorder.spans.put(self):
                    recorder.late_step(self)
        except Exception as fault:
            report(f"end step {self.step_name}", fault)
        finally:
            detach(token)

    async def __aenter__(self) -> Span:
        """Does as `__enter__`."""
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Does as `__exit__`."""
        self.__exit__(exc_type, exc_val, exc_tb)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Returns the function with each of its calls a step."""
        again = self._again
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with again():
                    return await function(*args, **kwargs)

            return cast(Callable[P, R], run_async)
        if inspect.isgeneratorfunction(function):
            return cast(Callable[P, R], _generator(again, function))
        if inspect.isasyncgenfunction(function):
            return cast(Callable[P, R], _async_generator(again, function))

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with again():
                return function(*args, **kwargs)

        return run

    def is_recording(self) -> bool:
        """Says whether what is set on the span is kept and sent."""
        return self.end_time is None and bool(self.trace.flags & TraceFlags.SAMPLED)

    def fail_unless_answer(self, error: BaseException) -> None:
        """Marks the span with an exception that is not a framework's way to answer."""
        if isinstance(error, Exception) and not _is_answer(error):
            self.record_exception(error)
            self.set_status(StatusCode.ERROR, f"{type(error).__name__}: {error}")

    def leave(self) -> None:
        """Takes the step out of the context; it goes on, and its end is told by `__exit__`."""
        if self._token is not None:
            detach(self._token)

    def _again(self) -> "step":
        return step(self.step_name, **self.own_attributes)


OURS.add(step)


def _is_answer(error: Exception) -> bool:
    """Says whether an exception is a framework's way to answer below 500: not found, bad input."""
    status = getattr(error, "status_code", None)
    return isinstance(status, int) and status < 500


def _generator(again: Callable[[], step], function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a generator function whose whole iteration is a step.

    The step is the current span only while the generator itself runs: what its consumer does
    between two items is not part of it.
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        whole = again()
        if whole.__enter__() is not whole:  # nothing is configured
            return (yield from function(*args, **kwargs))
        whole.leave()
        inner: Generator[Any, Any, Any] = function(*args, **kwargs)
        resume: Callable[[], Any] = partial(next, inner)
        failure: BaseException | None = None
        try:
            while True:
                token = attach_span(whole)
                try:
                    item = resume()
                except StopIteration as end:
                    return end.value
                finally:
                    detach(token)
                try:
                    resume = partial(inner.send, (yield item))
                except GeneratorExit:
                    inner.close()
                    raise
                except BaseException as thrown:
                    resume = partial(inner.throw, thrown)
        except BaseException as error:
            failure = error
            raise
        finally:
            whole.__exit__(type(failure) if failure else None, failure, None)

    return run


def _async_generator(again: Callable[[], step], function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns as `_generator` does, for an asynchronous one."""

    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        whole = again()
        if whole.__enter__() is not whole:  # nothing is configured
            async for item in function(*args, **kwargs):
                yield item
            return
        whole.leave()
        inner: AsyncGenerator[Any, Any] = function(*args, **kwargs)
        resume: Callable[[], Any] = inner.__anext__
        failure: BaseException | None = None
        try:
            while True:
                token = attach_span(whole)
                try:
                    item = await resume()
                except StopAsyncIteration:
                    return
                finally:
                    detach(token)
                try:
                    resume = partial(inner.asend, (yield item))
                except GeneratorExit:
                    with suppress(RuntimeError):
                        await inner.aclose()
                    raise
                except BaseException as thrown:
                    resume = partial(inner.athrow, thrown)
        except BaseException as error:
            failure = error
            raise
        finally:
            whole.__exit__(type(failure) if failure else None, failure, None)

    return run


def current_labels() -> Any:
    """Returns the labels of the model that answers now; None before `configure`."""
    pipeline = STATE.pipeline
    if pipeline is None:
        return None
    request = current_request.get()
    return pipeline.labels if request is None else request.labels

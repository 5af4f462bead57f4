"""Language models: tokens and the times between them, under OpenTelemetry's `gen_ai` names.

Source: OpenTelemetry semantic conventions, "Generative AI", spans and metrics (in development).
"""

from collections.abc import AsyncIterator, Iterator
from time import time_ns
from types import TracebackType
from typing import Any, TypeVar

from opentelemetry.trace import Span

from vario.sdk.faults import report
from vario.sdk.measures import measure
from vario.sdk.state import STATE
from vario.sdk.steps import step

Piece = TypeVar("Piece")


class generation(step):  # noqa: N801 -- a verb of the SDK's face
    """A language model at work: a step that counts its tokens.

    ::

        with vario.generation("llama-3.1-8b", provider="vllm") as made:
            for token in made.stream(model.generate(prompt)):
                yield token
            made.usage(input_tokens=len(prompt))

    It records `gen_ai.server.request.duration`, `gen_ai.server.time_to_first_token`,
    `gen_ai.server.time_per_output_token` and `gen_ai.client.token.usage`, and has
    `gen_ai.usage.input_tokens` and `gen_ai.usage.output_tokens` on its span.

    Args:
        model: the model that is asked.
        provider: who serves it, such as `vllm`, `openai`.
        operation: `chat`, `text_completion`, `embeddings`, `generate_content`.
        **attributes: facts about this call.
    """

    __slots__ = ("_first_ns", "_input", "_output", "_said")

    def __init__(
        self, model: str, /, *, provider: str = "", operation: str = "chat", **attributes: Any
    ) -> None:
        self._said = {"gen_ai.operation.name": operation, "gen_ai.request.model": model}
        if provider:
            self._said["gen_ai.provider.name"] = provider
        super().__init__(operation, **{**self._said, **attributes})
        self._first_ns = 0
        self._input = self._output = 0

    def __enter__(self) -> "generation":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Starts the span and returns this, which counts tokens and is the span too."""
        super().__enter__()
        return self

    async def __aenter__(self) -> "generation":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Does as `__enter__`."""
        return self.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Ends the span and records tokens and times; an exception goes on its way."""
        try:
            if STATE.pipeline is not None:
                self._record(exc_val)
        except Exception as error:
            report("record a generation", error)
        super().__exit__(exc_type, exc_val, exc_tb)

    def token(self, count: int = 1) -> None:
        """Says that tokens have come out of the model now."""
        if not self._first_ns:
            self._first_ns = time_ns()
        self._output += count

    def usage(self, *, input_tokens: int | None = None, output_tokens: int | None = None) -> None:
        """Says how many tokens there were, where a model tells."""
        self._input = self._input if input_tokens is None else input_tokens
        self._output = self._output if output_tokens is None else output_tokens

    def stream(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Returns the pieces, each counted as a token when it comes."""
        for piece in pieces:
            self.token()
            yield piece

    async def astream(self, pieces: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
        """Does as `stream`, for asynchronous pieces."""
        async for piece in pieces:
            self.token()
            yield piece

    def span(self) -> Span:
        """Returns the span: this itself."""
        return self

    def _record(self, error: BaseException | None) -> None:
        now_ns = time_ns()
        labels: dict[str, Any] = dict(self._said)
        if error is not None:
            labels["error.type"] = type(error).__qualname__
        took_s = max(0, now_ns - self.start_time) / 1e9
        measure("seconds", "gen_ai.server.request.duration", took_s, labels)
        if self._first_ns:
            first_s = max(0, self._first_ns - self.start_time) / 1e9
            measure("first_token", "gen_ai.server.time_to_first_token", first_s, self._said)
            if self._output > 1:
                each_s = max(0, now_ns - self._first_ns) / 1e9 / (self._output - 1)
                measure("per_token", "gen_ai.server.time_per_output_token", each_s, self._said)
        for kind, tokens in (("input", self._input), ("output", self._output)):
            if tokens:
                self.set_attribute(f"gen_ai.usage.{kind}_tokens", tokens)
                named = {**self._said, "gen_ai.token.type": kind}
                measure("tokens", "gen_ai.client.token.usage", tokens, named)

"""Batching: one run of a model serves several requests, and each can be found from the other."""

from collections.abc import Sequence
from contextvars import Token
from time import time_ns
from types import TracebackType
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanContext

from vario.sdk.context import attach_span, detach, random_bits
from vario.sdk.faults import report
from vario.sdk.measures import measure
from vario.sdk.requests import RequestState, current_request
from vario.sdk.state import STATE
from vario.sdk.steps import step


class Ticket:
    """A request's place in a batching queue; made by `vario.enqueue`.

    `wait_s` is how long it waited, once its batch has begun.
    """

    __slots__ = ("context", "request", "since_ns", "span", "wait_s")

    def __init__(self) -> None:
        self.since_ns = time_ns()
        self.wait_s = 0.0
        self.span: Span = trace.get_current_span()
        self.context: SpanContext = self.span.get_span_context()
        self.request: RequestState | None = current_request.get()

    @property
    def request_id(self) -> str:
        """The id of the request that waits."""
        return self.request.request_id if self.request else ""


def enqueue() -> Ticket:
    """Returns a ticket for what is put into a batching queue now, by the request at hand."""
    return Ticket()


class batch(step):  # noqa: N801 -- a verb of the SDK's face
    """A batch: a span of its own trace, which links the requests that it serves.

    ::

        queue.put((vario.enqueue(), rows))  # in each request
        ...
        with vario.batch(tickets) as span:  # where the model runs
            scores = model.predict(rows)

    Each request gets `batch_id`, `batch_size` and `queue_ms` on its span and its log line; the
    histograms `inference_batch_size` and `inference_queue_wait_seconds` are recorded.

    Args:
        tickets: of the requests, as `vario.enqueue` made them.
        batch_id: how the batch is called; one is made where it is not given.
        name: of the step.
        **attributes: facts about this batch.
    """

    __slots__ = ("_around", "batch_id", "tickets")

    def __init__(
        self,
        tickets: Sequence[Ticket],
        /,
        batch_id: str | None = None,
        name: str = "batch",
        **attributes: Any,
    ) -> None:
        self.tickets = tickets
        self.batch_id = batch_id or f"{random_bits(64):016x}"
        super().__init__(name, **attributes, batch_id=self.batch_id, batch_size=len(tickets))
        self._around: tuple[Token[Any], Token[Any]] | None = None

    def __enter__(self) -> Span:
        """Starts the batch, outside of any request, and returns its span."""
        if STATE.pipeline is None:
            return INVALID_SPAN
        self._around = (current_request.set(None), attach_span(INVALID_SPAN))
        span = super().__enter__()
        try:
            self._meet()
        except Exception as error:
            report("begin a batch", error)
        return span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Ends the batch; an exception goes on its way."""
        super().__exit__(exc_type, exc_val, exc_tb)
        if self._around is not None:
            request, span = self._around
            self._around = None
            detach(span)
            try:
                current_request.reset(request)
            except (ValueError, RuntimeError):  # ended in another context than it began in
                return

    def _meet(self) -> None:
        """Links the requests, tells them of their batch, and records how long they waited."""
        now_ns, size = time_ns(), len(self.tickets)
        longest_s = 0.0
        for ticket in self.tickets:
            ticket.wait_s = max(0, now_ns - ticket.since_ns) / 1e9
            longest_s = max(longest_s, ticket.wait_s)
            if ticket.context.is_valid:
                self.add_link(ticket.context, {"request_id": ticket.request_id})
            facts = {
                "batch_id": self.batch_id,
                "batch_size": size,
                "queue_ms": round(ticket.wait_s * 1_000, 3),
            }
            if ticket.request is not None:
                ticket.request.fields.update(facts)
            if ticket.span.is_recording():
                ticket.span.set_attributes(facts)
            measure("wait", "inference_queue_wait_seconds", ticket.wait_s, {})
        self.set_attribute("queue_ms", round(longest_s * 1_000, 3))
        measure("size", "inference_batch_size", size, {})

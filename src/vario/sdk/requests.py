"""The request that is being answered: what its log line, its span and its metrics will say."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN

from vario.sdk.faults import report
from vario.sdk.protobuf import key_value
from vario.sdk.values import attribute, plain


class RequestState:
    """A request, as seen from within. `fields` go to its log line and its span."""

    __slots__ = ("_encoded", "fields", "labels", "request_id")

    def __init__(self, request_id: str, labels: Any) -> None:
        self.request_id = request_id
        self.labels = labels
        self.fields: dict[str, Any] = {}
        self._encoded: bytes | None = None

    def encoded(self, tag: bytes = b"\x4a") -> bytes:
        """Returns the attribute request_id as a field with this tag."""
        found = self._encoded
        if found is None:
            found = self._encoded = key_value("request_id", self.request_id)
        return tag + found

    @property
    def model_name(self) -> str:
        """The model that answers."""
        return self.labels.attributes.get("model_name", "")

    @property
    def model_version(self) -> str:
        """Its version."""
        return self.labels.attributes.get("model_version", "")


current_request: ContextVar[RequestState | None] = ContextVar("vario_request", default=None)


def request_id() -> str:
    """Returns the id of the request that is being answered, empty outside of one."""
    state = current_request.get()
    return state.request_id if state else ""


def annotate(
    *,
    model_name: str | None = None,
    model_version: str | None = None,
    user_region: str | None = None,
    input_schema_version: str | None = None,
    features_used: Sequence[str] | None = None,
    prediction: Any = None,
    **fields: Any,
) -> None:
    """Adds to the log line and the span of the request that is being answered.

    Outside of a request it adds to the current span. Give names and coarse facts, never personal
    data: names of features, not their values; a region, not an address.

    Args:
        model_name: the model that answers this request, where a service has several. It replaces
            the configured one in the request's metrics too.
        model_version: the version that answers this request, as with a canary.
        user_region: where the user is.
        input_schema_version: version of the request's schema.
        features_used: names of the features that the model was given.
        prediction: what the model said: a score, a label, a short list.
        **fields: anything else that explains the answer, such as `batch_id="b-17"`.
    """
    try:
        state = current_request.get()
        span = trace.get_current_span() if state is None else INVALID_SPAN
        if state is None and not span.is_recording():
            return
        known = {
            "user_region": user_region,
            "input_schema_version": input_schema_version,
            "features_used": list(features_used) if features_used is not None else None,
            "prediction": prediction,
        }
        given = {k: plain(v) for k, v in known.items() if v is not None}
        given.update((k, plain(v)) for k, v in fields.items())
        if state is None:
            names = {"model_name": model_name, "model_version": model_version}
            given.update((k, v) for k, v in names.items() if v)
            span.set_attributes({k: attribute(v) for k, v in given.items()})
            return
        if model_name or model_version:
            state.labels = state.labels.of_model(
                model_name or state.model_name, model_version or state.model_version
            )
        state.fields.update(given)
    except Exception as error:
        report("annotate a request", error)

"""What every signal of one model has in common, encoded once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vario.sdk.protobuf import attributes as encode
from vario.sdk.series import HistogramSeries


class ModelLabels:
    """model_name, model_version and region, as labels, as attributes, and as bytes of both.

    `of_model` returns those of another model of the same process.
    """

    __slots__ = (
        "_instruments",
        "_requests",
        "attributes",
        "bound",
        "encoded",
        "encoded_for_logs",
        "of_logs",
        "of_model",
        "steps",
    )  # fmt: skip

    def __init__(
        self,
        instruments: Any,
        of_model: "Callable[[str, str], ModelLabels]",
        name: str,
        version: str,
        region: str,
    ) -> None:
        self._instruments = instruments
        self.of_model = of_model
        known = {"model_name": name, "model_version": version, "region": region}
        self.attributes = {key: value for key, value in known.items() if value}
        self.of_logs = {k: v for k, v in self.attributes.items() if k != "region"}
        self.encoded = encode(b"\x4a", self.attributes)
        self.encoded_for_logs = encode(b"\x32", self.of_logs)
        self.bound: dict[Any, Any] = {}  # series of a service's own metrics; see `measures.py`
        self.steps: dict[str, HistogramSeries] = {}
        self._requests: dict[tuple[str, str], tuple[Any, Any]] = {}

    def for_logs_without(self, hidden: Any) -> bytes:
        """Returns the labels of a log record that says some of them by itself."""
        return encode(b"\x32", {k: v for k, v in self.of_logs.items() if k not in hidden})

    def step(self, name: str) -> HistogramSeries:
        """Returns the timings of a step."""
        found = self.steps.get(name)
        if found is None:
            labels = {**self.attributes, "step": name}
            found = self.steps.setdefault(name, self._instruments.step.find(labels))
        return found

    def request(self, route: str, status: str) -> tuple[Any, Any]:
        """Returns the counter and the latencies of requests to a route with a status."""
        found = self._requests.get((route, status))
        if found is None:
            labels = {**self.attributes, **({"route": route} if route else {})}
            found = (
                self._instruments.requests.find({**labels, "status_code": status}),
                self._instruments.latency.find(labels),
            )
            self._requests[route, status] = found
        return found

    def with_more(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the labels and others, of which the latter win."""
        return {**self.attributes, **more}


def time_steps(spans: Sequence[Any]) -> list[Any]:
    """Adds the time of each step to its histogram; returns the spans that are sampled."""
    sampled: list[Any] = []
    for span in spans:
        at = span if span.trace.flags & 1 else None
        if name := span.step_name:
            end_ns = span.end_time
            took_s = max(end_ns - span.start_time, 0) / 1e9
            labels = span.labels
            series = labels.steps.get(name) or labels.step(name)
            series.record(took_s, end_ns, at)
        if at is not None:
            sampled.append(span)
    return sampled


def time_late_step(span: Any) -> None:
    """Adds the time of a step whose span was dropped."""
    time_steps([span])

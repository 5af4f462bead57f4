"""The path of telemetry within one process, built from settings: providers, queues, exporter."""

from collections.abc import Sequence
from typing import Any

from opentelemetry._logs import Logger
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from vario.sdk.export import Exporter
from vario.sdk.instruments import Instruments
from vario.sdk.lane import Lane
from vario.sdk.settings import SdkSettings

SCOPE = "vario"


class _SpanQueue(SpanProcessor):
    """Takes finished, sampled spans to their lane."""

    def __init__(self, pipeline: "Pipeline", lane: Lane[ReadableSpan]) -> None:
        self._pipeline = pipeline
        self._lane = lane

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Does nothing: a span is queued when it is over."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queues the span where it is sampled."""
        context = span.context
        if context is not None and context.trace_flags.sampled and self._lane.put(span):
            self._pipeline.exporter.wake()


class _LogQueue(LogRecordProcessor):
    """Takes log records to their lane."""

    def __init__(self, pipeline: "Pipeline", lane: Lane[ReadWriteLogRecord]) -> None:
        self._pipeline = pipeline
        self._lane = lane

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queues the record."""
        if self._lane.put(log_record):
            self._pipeline.exporter.wake()

    def shutdown(self) -> None:
        """Does nothing: the exporter owns the lane's life."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Sends what is queued."""
        return self._pipeline.exporter.flush(timeout_millis / 1000)


class _Reader(MetricReader):
    """Reads the metrics' state into their lane when the exporter asks for it."""

    def __init__(self, lane: Lane[MetricsData] | None) -> None:
        super().__init__()
        self._lane = lane

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        if self._lane is not None and metrics_data.resource_metrics:
            self._lane.replace(metrics_data)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Does nothing: the exporter owns the lane's life."""


class Pipeline:
    """The providers of one process and the thread that empties them.

    A forked child builds one of its own: nothing that it holds (locks, sockets, counts) is shared
    with its parent.
    """

    def __init__(self, settings: SdkSettings) -> None:
        self.settings = settings
        resource = Resource(dict(settings.resource))
        lanes = _lanes(settings)
        self.tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        if spans := lanes.get("traces"):
            self.tracer_provider.add_span_processor(_SpanQueue(self, spans))
        self.logger_provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        if logs := lanes.get("logs"):
            self.logger_provider.add_log_record_processor(_LogQueue(self, logs))
        reader = _Reader(lanes.get("metrics"))
        self.meter_provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self.exporter = Exporter(
            list(lanes.values()),
            reader.collect,
            batch_interval_s=settings.batch_interval_s,
            metric_interval_s=settings.metric_interval_s,
        )
        self.tracer = self.tracer_provider.get_tracer(SCOPE)
        self.instruments = Instruments(self.meter_provider.get_meter(SCOPE))

    def logger(self, name: str) -> Logger:
        """Returns the OpenTelemetry logger of this name."""
        return self.logger_provider.get_logger(name)


def _lanes(settings: SdkSettings) -> dict[str, Lane[Any]]:
    shapes: dict[str, tuple[str, Any, Any]] = {
        "traces": ("spans", encode_spans, ExportTraceServiceResponse),
        "logs": ("log records", encode_logs, ExportLogsServiceResponse),
        "metrics": ("metrics", _encode_newest, ExportMetricsServiceResponse),
    }
    return {
        signal: Lane[Any](
            words,
            target,
            encode,
            decode_answer=answer.FromString,
            max_queue=settings.max_queue,
            max_batch=settings.max_batch,
        )
        for signal, (words, encode, answer) in shapes.items()
        if (target := settings.targets[signal]) is not None
    }


def _encode_newest(batch: Sequence[MetricsData]) -> Any:
    return encode_metrics(batch[-1])

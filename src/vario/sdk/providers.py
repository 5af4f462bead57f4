"""OpenTelemetry's global providers: they stay, whatever becomes of the process.

Libraries fetch their tracers, meters and loggers once and keep them. A forked child, or a second
`vario.configure` after `vario.shutdown`, turns what was handed out to another pipeline.
"""

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider

from vario.sdk.faults import LOG
from vario.sdk.loggers import LoggerProvider
from vario.sdk.meters import MeterProvider
from vario.sdk.tracing import TracerProvider


class Providers:
    """What `opentelemetry.trace`, `.metrics` and `._logs` hand out in this process."""

    def __init__(self) -> None:
        self.traces = TracerProvider()
        self.metrics = MeterProvider()
        self.logs = LoggerProvider()

    def install(self) -> None:
        """Becomes the process's global providers, where there are none yet."""
        if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            LOG.warning(
                "vario: another OpenTelemetry SDK is already set up in this process; vario's own "
                "spans and metrics go to vario, what other instrumentation records stays there"
            )
            return
        trace.set_tracer_provider(self.traces)
        metrics.set_meter_provider(self.metrics)
        set_logger_provider(self.logs)

"""Writing what arrives at the doors: the engine decodes request bodies by itself."""

from vario.model.telemetry import Signal
from vario.store.engine import Engine
from vario.store.projection import proto_text

_MESSAGES = {
    Signal.TRACES: "ExportTraceServiceRequest",
    Signal.LOGS: "ExportLogsServiceRequest",
    Signal.METRICS: "ExportMetricsServiceRequest",
}


class SignalWrites:
    """Takes OTLP request bodies."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write_otlp(self, signal: Signal, body: bytes) -> None:
        """Writes one export request of `signal` in OTLP protobuf; see `SignalWriter`."""
        self._engine.insert_protobuf(
            f"otlp_{signal.value}_in", body, schema=proto_text(), message=_MESSAGES[signal]
        )

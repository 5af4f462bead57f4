"""Writing what arrives at the doors: the engine decodes request bodies by itself."""

from contextlib import nullcontext

from vario.model.telemetry import Signal
from vario.store.engine import Engine
from vario.store.projection import proto_text
from vario.store.seen import SeenRows

_MESSAGES = {
    Signal.TRACES: "ExportTraceServiceRequest",
    Signal.LOGS: "ExportLogsServiceRequest",
    Signal.METRICS: "ExportMetricsServiceRequest",
}


class SignalWrites:
    """Takes OTLP request bodies."""

    def __init__(self, engine: Engine, seen: SeenRows) -> None:
        self._engine = engine
        self._seen = seen

    def write_otlp(self, signal: Signal, body: bytes) -> None:
        """Writes one export request of `signal` in OTLP protobuf; see `SignalWriter`."""
        with self._seen.writing() if signal is Signal.METRICS else nullcontext():
            self._engine.insert_protobuf(
                f"otlp_{signal.value}_in", body, schema=proto_text(), message=_MESSAGES[signal]
            )

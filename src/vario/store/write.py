"""Writing what arrives at the doors: the engine decodes request bodies, or small ones are here."""

from contextlib import nullcontext

from vario.model.telemetry import Signal
from vario.store.direct.writer import DirectWriter
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

    def __init__(self, engine: Engine, seen: SeenRows, direct: DirectWriter | None) -> None:
        """Makes a writer; without `direct` everything goes through the engine's views."""
        self._engine = engine
        self._seen = seen
        self._direct = direct

    def write_otlp(self, signal: Signal, body: bytes) -> None:
        """Writes one export request of `signal` in OTLP protobuf; see `SignalWriter`."""
        with self._seen.writing() if signal is Signal.METRICS else nullcontext():
            if self._direct and self._direct.write_otlp(signal, body):
                return
            self._engine.insert_protobuf(
                f"otlp_{signal.value}_in", body, schema=proto_text(), message=_MESSAGES[signal]
            )

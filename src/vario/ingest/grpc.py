"""OTLP over gRPC: the `Export` method of the three collector services, bodies unparsed."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from vario.errors import Unavailable, VarioError
from vario.ingest.client import client_of_peer
from vario.ingest.pipeline import Pipeline
from vario.ingest.status import CODES, to_status
from vario.model.telemetry import Signal
from vario.wire.otlp import build_response

log = logging.getLogger(__name__)

SERVICES = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
    Signal.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class OtlpGrpc:
    """The gRPC server of the three services."""

    def __init__(self, pipeline: Pipeline, *, max_body_bytes: int) -> None:
        """Makes the server; it needs a running event loop.

        Args:
            pipeline: where requests go.
            max_body_bytes: bound on a message, after decompression.
        """
        self._pipeline = pipeline
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_body_bytes),
                # Two servers that share a port would each get half of the data.
                ("grpc.so_reuseport", 0),
            ]
        )
        for signal, service in SERVICES.items():
            handler = grpc.unary_unary_rpc_method_handler(
                self._handle(signal),
                request_deserializer=bytes,
                response_serializer=_serialize,
            )
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {"Export": handler}),)
            )

    async def start(self, host: str, port: int) -> int:
        """Listens and returns the port (the one given by the system if `port` is 0).

        Raises:
            Unavailable: the port is taken or not allowed.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise Unavailable(f"cannot listen on {address}: {error}") from error
        await self._server.start()
        return bound

    async def stop(self, grace_s: float) -> None:
        """Refuses new requests and waits up to `grace_s` seconds for those in flight."""
        await self._server.stop(grace_s)

    def _handle(self, signal: Signal) -> Callable[[bytes, Any], Awaitable[Any]]:
        async def export(body: bytes, context: Any) -> Any:
            outcome = "ok"
            try:
                client = client_of_peer(context.peer())
                with self._pipeline.budget.hold(client) as hold:
                    hold.grow(len(body))
                    checked = await self._pipeline.export(signal, body, client=client)
                    return build_response(signal, checked)
            except VarioError as error:
                outcome = error.kind
                await _refuse(signal, context, error)
            finally:
                self._pipeline.counters.add(
                    "vario_ingest_requests_total", signal=signal, door="grpc", outcome=outcome
                )

        return export


def _serialize(response: Any) -> bytes:
    return response.SerializeToString()


async def _refuse(signal: Signal, context: Any, error: VarioError) -> None:
    if CODES[error.kind].http == 500:
        log.warning("OTLP %s over gRPC: %s", signal, error)
    status = to_status(error)
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(_CODES[status.code], status.message, details)

"""A gRPC inference service with vario in it; messages are JSON, to need no generated code.

pip install vario grpcio
vario up &
python examples/grpc_app.py 127.0.0.1:8500
"""

import json
import math
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

import vario


def predict(request: bytes, context: Any) -> bytes:
    """Returns the probability that the user accepts what is recommended."""
    features: dict[str, float | None] = json.loads(request)
    if "age" not in features:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "age is missing")
    with vario.step("predict", batch_size=1):
        score = 1 / (1 + math.exp(-(features["age"] or 0.0) / 100))
    vario.record_prediction(features=features, prediction=round(score, 3))
    return json.dumps({"score": round(score, 3), "request_id": vario.request_id()}).encode()


def main(address: str) -> None:
    """Serves until SIGTERM; prints the port."""
    vario.configure(service="ml-infer", model="recommender", version="v23", region="eu-west")
    server = grpc.server(ThreadPoolExecutor(4), interceptors=[vario.instrument_grpc()])
    handler = grpc.unary_unary_rpc_method_handler(predict)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("ml.Infer", {"Predict": handler}),)
    )
    port = server.add_insecure_port(address)

    def stop(*_: Any) -> None:
        server.stop(5)

    signal.signal(signal.SIGTERM, stop)
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8500")

"""A LitServe inference service with vario in it.

    pip install vario litserve
    vario up &
    python examples/litserve_app.py 8000

LitServe runs the model in processes of its own: `setup` configures vario there too.
"""

import sys
from typing import Any

import litserve

import vario


def configure() -> None:
    """Sets vario up: in the process that answers, and in each that runs the model."""
    vario.configure(service="ml-infer", model="doubler", version="v1", region="eu-west")


class Doubler(litserve.LitAPI):
    """A model that doubles its input."""

    def setup(self, device: Any) -> None:
        """Loads the model."""
        configure()

    def decode_request(self, request: dict[str, Any]) -> float:
        """Returns the model's input."""
        return float(request["input"])

    def predict(self, x: float) -> float:
        """Returns twice the input."""
        with vario.step("predict"):
            return 2 * x

    def encode_response(self, output: float) -> dict[str, float]:
        """Returns the answer."""
        return {"output": output}


if __name__ == "__main__":
    configure()
    server = litserve.LitServer(Doubler(), accelerator="cpu")
    vario.instrument_fastapi(server.app)
    server.run(port=int(sys.argv[1]), host="127.0.0.1", generate_client_file=False)

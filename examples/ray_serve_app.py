"""A Ray Serve deployment with vario in it.

    pip install vario "ray[serve]"
    vario up &
    serve run examples.ray_serve_app:app

Each replica is a process of its own, so it is configured where the replica begins.
"""

from fastapi import FastAPI
from ray import serve

import vario

api = vario.instrument_fastapi(FastAPI())


@serve.deployment
@serve.ingress(api)
class Doubler:
    """A model that doubles its input."""

    def __init__(self) -> None:
        vario.configure(service="ml-infer", model="doubler", version="v1", region="eu-west")

    @api.post("/predict")
    async def predict(self, x: float) -> float:
        """Returns twice the input."""
        with vario.step("predict"):
            return 2 * x


app = Doubler.bind()

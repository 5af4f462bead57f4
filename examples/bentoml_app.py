"""A BentoML service with vario in it.

pip install vario bentoml
vario up &
bentoml serve examples.bentoml_app:Doubler --port 8000
"""

import bentoml

import vario

vario.configure(service="ml-infer", model="doubler", version="v1", region="eu-west")


@bentoml.service
class Doubler:
    """A model that doubles its input."""

    @bentoml.api
    def predict(self, x: float) -> float:
        """Returns twice the input."""
        with vario.step("predict"):
            return 2 * x


Doubler.add_asgi_middleware(vario.VarioMiddleware)

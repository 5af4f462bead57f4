"""A service that no one here wrote for vario: FastAPI, standard logging, OpenTelemetry's API.

Run it as `opentelemetry-instrument uvicorn tests.support.stock_service:app`.
"""

import logging

from fastapi import FastAPI
from opentelemetry import metrics, trace

log = logging.getLogger("recommender")
predictions = metrics.get_meter("recommender").create_counter("predictions", unit="1")
app = FastAPI()


@app.get("/predict/{user}")
def predict(user: int) -> dict[str, float]:
    with trace.get_tracer("recommender").start_as_current_span("score") as span:
        span.set_attribute("features_used", ["age", "country"])
        log.warning("scored user %d", user)
        predictions.add(1, {"model_name": "recommender"})
        return {"score": 1 / (1 + user)}

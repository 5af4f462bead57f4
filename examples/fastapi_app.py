"""A FastAPI inference service with vario in it.

    pip install vario fastapi uvicorn
    vario up &
    uvicorn examples.fastapi_app:app --workers 2
    curl -s localhost:8000/predict -d '{"age": 34, "country": "CH", "session_length": 12.5}' \
         -H 'content-type: application/json'

The same file runs under `gunicorn -k asgi --preload -w 2 examples.fastapi_app:app`.
"""

import logging
import math

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

import vario

vario.configure(service="ml-infer", model="recommender", version="v23", region="eu-west")
app = vario.instrument_fastapi(FastAPI())
log = logging.getLogger("ml-infer")

COUNTRIES = {"CH": 0.4, "DE": 0.1, "FR": -0.2}


class Features(BaseModel):
    """What a caller sends."""

    age: int
    country: str
    session_length: float | None = None


@vario.step("encode_features")
def encode(features: Features) -> list[float]:
    """Returns the model's input."""
    if features.session_length is None:
        vario.count("feature_missing_total", feature="session_length")
        log.warning("session_length is missing; its mean is used")
    return [
        features.age / 100,
        COUNTRIES[features.country],
        features.session_length if features.session_length is not None else 8.0,
    ]


@app.post("/predict")
async def predict(features: Features) -> dict[str, float]:
    """Returns the probability that the user accepts what is recommended."""
    if features.country not in COUNTRIES:
        raise HTTPException(422, f"country {features.country!r} is not known to this model")
    row = encode(features)
    with vario.step("predict", batch_size=1):
        score = 1 / (1 + math.exp(-(row[0] + row[1] + 0.05 * row[2])))
    with vario.step("postprocess"):
        score = round(score, 3)
    vario.annotate(
        input_schema_version="1.3",
        features_used=["age", "country", "session_length"],
        prediction=score,
    )
    return {"score": score}

"""A Flask inference service with vario in it.

pip install vario flask gunicorn
vario up &
gunicorn --preload -w 2 -b 127.0.0.1:8000 examples.flask_app:app
curl -s localhost:8000/predict --json '{"age": 34, "session_length": 12.5}'
"""

import math

import flask

import vario

vario.configure(service="ml-infer", model="recommender", version="v23", region="eu-west")
app = vario.instrument_wsgi(flask.Flask(__name__))


@app.post("/predict")
def predict() -> dict[str, float]:
    """Returns the probability that the user accepts what is recommended."""
    features: dict[str, float | None] = flask.request.get_json()
    with vario.step("encode_features"):
        row = [features["age"] or 0.0, features.get("session_length") or 8.0]
    with vario.step("predict", batch_size=1):
        score = 1 / (1 + math.exp(-(row[0] / 100 + 0.05 * row[1])))
    vario.record_prediction(features=features, prediction=round(score, 3))
    return {"score": round(score, 3)}

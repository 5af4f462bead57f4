"""What the overview shows beside traffic, from answers that PromQL would give."""

import pytest

from vario.config import CostSettings, Price
from vario.investigate.instruments import (
    Feedback,
    Instruments,
    price_replicas,
    read_feedback,
    read_instruments,
)
from vario.investigate.prices import mean_replicas
from vario.model.load import ReplicaCount
from vario.model.series import LabelPairs

ANSWERS: dict[str, list[tuple[LabelPairs, float]]] = {
    "avg by (BY) (avg_over_time(DCGM_FI_DEV_GPU_UTIL[60000ms]))": [
        ((("job", "prod/ml-infer"),), 25.0),
    ],
    "sum by (BY) (avg_over_time("
    '{__name__=~"inference_queue_depth|vllm:num_requests_waiting"}[60000ms]))': [
        ((("deployment", "ml-batch"), ("job", "autoscaler")), 3.0),
        ((("job", "ml-infer"),), float("nan")),
    ],
    "sum by (BY) (increase(inference_batch_size_sum[60000ms]))"
    " / (sum by (BY) (increase(inference_batch_size_count[60000ms])) > 0)": [
        ((("job", "ml-infer"),), 4.0),
    ],
    "sum by (BY) (increase(gpu_cost_usd_total[60000ms]))": [((("job", "ml-infer"),), 0.5)],
    "sum by (BY) (last_over_time(replicas[60000ms]))": [((("deployment", "ml-batch"),), 6.0)],
    "sum by (BY) (avg_over_time(replicas[60000ms]))": [((("deployment", "ml-batch"),), 6.0)],
    "sum by (BY) (count_over_time(DCGM_FI_DEV_GPU_UTIL[60000ms]))"
    " / scalar(max(count_over_time(DCGM_FI_DEV_GPU_UTIL[60000ms])))": [
        ((("job", "prod/ml-infer"),), 2.0),
    ],
    "sum by (model_name, accepted) (increase(prediction_feedback_total[60000ms]))": [
        ((("accepted", "true"), ("model_name", "ranker")), 30.0),
        ((("accepted", "false"), ("model_name", "ranker")), 70.0),
        ((("accepted", "true"), ("model_name", "idle")), 0.0),
    ],
}
NAMES = [
    "DCGM_FI_DEV_GPU_UTIL",
    "gpu_cost_usd_total",
    "inference_batch_size_count",
    "inference_batch_size_sum",
    "inference_queue_depth",
    "prediction_feedback_total",
    "replicas",
    "up",
    "vllm:num_requests_waiting",
]


def ask(query: str) -> list[tuple[LabelPairs, float]]:
    return ANSWERS[query.replace("deployment, service, service_name, job", "BY")]


def test_metrics_are_found_by_the_names_of_exporters() -> None:
    found = read_instruments(ask, NAMES, 60_000)
    assert sorted(found) == ["ml-batch", "ml-infer"]
    batch, infer = found["ml-batch"], found["ml-infer"]
    assert (batch.queue, batch.replicas, batch.gpu) == (3.0, 6.0, None)
    assert (infer.gpu, infer.batch, infer.cost, infer.currency) == (0.25, 4.0, 0.5, "USD")
    assert infer.queue is None


def test_every_number_has_its_query() -> None:
    infer = read_instruments(ask, NAMES, 60_000)["ml-infer"]
    assert set(infer.sources) == {"gpu", "batch", "cost"}
    for query in infer.sources.values():
        ask(query)


def test_without_such_metrics_nothing_is_asked() -> None:
    assert read_instruments(ask, ["up"], 60_000) == {}
    assert read_feedback(ask, ["up"], 60_000) == {}
    assert Instruments().gpu is None


def test_replicas_and_gpus_cost_what_their_price_says() -> None:
    costs = CostSettings("EUR", {"ml-batch": Price(replica_hour=0.5), "*": Price(gpu_hour=3.0)})
    known = read_instruments(ask, NAMES, 60_000, costs)
    batch, infer = known["ml-batch"], known["ml-infer"]
    assert (batch.cost, batch.currency) == (pytest.approx(6 * 0.5 / 60), "EUR")
    assert batch.sources["cost"].endswith(
        "(avg_over_time(replicas[60000ms]))) * 0.5 * 0.0166666667"
    )
    assert (infer.cost, infer.currency) == (0.5, "USD")  # what a metric counts is known better
    spans = price_replicas(Instruments(), costs, "ml-batch", 3.0, 3_600_000)
    assert (spans.cost, spans.replicas, spans.sources) == (1.5, 3.0, {})
    assert price_replicas(Instruments(), costs, "ml-infer", 3.0, 3_600_000).cost is None
    assert mean_replicas([ReplicaCount(0, "v1", 2), ReplicaCount(0, "v2", 1)], 4) == 3
    assert mean_replicas([], 4) is None


def test_feedback_is_by_model() -> None:
    assert read_feedback(ask, NAMES, 60_000) == {"ranker": Feedback(30.0, 100.0)}

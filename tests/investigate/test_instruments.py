"""What the overview shows beside traffic, from answers that PromQL would give."""

from vario.investigate.instruments import Feedback, Instruments, read_feedback, read_instruments
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


def test_feedback_is_by_model() -> None:
    assert read_feedback(ask, NAMES, 60_000) == {"ranker": Feedback(30.0, 100.0)}

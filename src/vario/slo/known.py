"""Metrics that inference services already send, and what they are good for.

Sources: the documentation and sources of each project, as of late 2026.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["latency", "requests", "pair", "missing", "gauge"]


@dataclass(frozen=True, slots=True)
class Known:
    """A metric that an indicator can be made of.

    Attributes:
        metric: its name in PromQL.
        kind: `latency` is a histogram of requests; `requests` a counter by status; `pair` a counter
            of failed requests beside one of good ones (`other`); `missing` a counter of missing
            features beside one of requests; `gauge` is kept in a range.
        sent_by: who sends it.
        other: the second metric of a pair.
        sli: kind of the indicator where it is a gauge, and its bounds as YAML.
        noun: what is counted or timed.
    """

    metric: str
    kind: Kind
    sent_by: str
    other: str = ""
    sli: str = ""
    noun: str = "requests"


KNOWN = (
    Known("inference_latency_seconds", "latency", "vario's SDK", noun="inferences"),
    Known("http_server_request_duration_seconds", "latency", "OpenTelemetry"),
    Known("http_server_duration_milliseconds", "latency", "OpenTelemetry before 1.20"),
    Known("gen_ai_server_request_duration_seconds", "latency", "OpenTelemetry GenAI"),
    Known("gen_ai_server_time_to_first_token_seconds", "latency", "OpenTelemetry GenAI",
          noun="first tokens"),
    Known("vllm:e2e_request_latency_seconds", "latency", "vLLM"),
    Known("vllm:time_to_first_token_seconds", "latency", "vLLM", noun="first tokens"),
    Known("request_predict_seconds", "latency", "KServe", noun="predictions"),
    Known("bentoml_service_request_duration_seconds", "latency", "BentoML"),
    Known("ray_serve_http_request_latency_ms", "latency", "Ray Serve"),
    Known("http_request_duration_seconds", "latency", "many a Prometheus client"),
    Known("inference_requests_total", "requests", "vario's SDK", noun="inferences"),
    Known("http_server_request_duration_seconds_count", "requests", "OpenTelemetry"),
    Known("bentoml_service_request_total", "requests", "BentoML"),
    Known("http_requests_total", "requests", "many a Prometheus client"),
    Known("nv_inference_request_failure", "pair", "Triton", "nv_inference_request_success",
          noun="inferences"),
    Known("ray_serve_num_http_error_requests_total", "pair", "Ray Serve",
          "ray_serve_num_http_requests_total"),
    Known("feature_missing_total", "missing", "vario's SDK", "inference_requests_total"),
    Known("drift_psi", "gauge", "vario's SDK", sli="drift: {metric: METRIC, below: 0.2}"),
    Known("gpu_utilization_ratio", "gauge", "vario's SDK",
          sli="gpu_utilisation: {metric: METRIC, between: [30%, 95%]}"),
    Known("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gauge", "DCGM exporter",
          sli="gpu_utilisation: {metric: METRIC, unit: ratio, between: [30%, 95%]}"),
)  # fmt: skip

STATUS_LABELS = (
    "http_response_status_code", "status_code", "http_status_code", "http_response_code", "code",
    "status",
)  # fmt: skip
"""Where a request's HTTP status stands, the usual first."""
OUTCOME_LABELS = ("outcome", "result", "error_type")
"""Where a word says what became of a request."""
BAD_OUTCOMES = "error|failure|failed|timeout"

SERVICE_LABELS = ("service", "service_name", "job")
"""Where a service's name stands, the best first."""
GROUP_LABELS = ("region", "cloud_region", "user_region", "model_version")
"""What explains a burning budget, the best first."""

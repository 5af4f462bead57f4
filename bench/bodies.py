"""Export requests as an inference service sends them, serialised before the clock runs."""

import random
from collections.abc import Iterator

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

STEPS = ("request", "encode_features", "feature_store.get", "predict", "postprocess")
REGIONS = ("us-east", "eu-west")
VERSIONS = ("v23", "v23.1")
SECOND_NS = 1_000_000_000


def trace_bodies(bodies: int, traces_each: int, *, seed: int = 1, start_ns: int) -> Iterator[bytes]:
    """Yields bodies of 5-span traces, 7 attributes a span, about 230 bytes a span."""
    rng = random.Random(seed)
    for number in range(bodies):
        request = ExportTraceServiceRequest()
        batch = request.resource_spans.add()
        batch.resource.CopyFrom(_resource(rng))
        spans = batch.scope_spans.add().spans
        for trace in range(traces_each):
            trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
            begun = start_ns + (number * traces_each + trace) * 1_000_000
            attributes = _request_attributes(rng)
            for index, step in enumerate(STEPS):
                span = spans.add(
                    trace_id=trace_id,
                    span_id=root_id if index == 0 else rng.randbytes(8),
                    parent_span_id=b"" if index == 0 else root_id,
                    name=f"ml-infer.{step}",
                    kind=2 if index == 0 else 1,
                    start_time_unix_nano=begun + index * 1000,
                    end_time_unix_nano=begun + int(rng.lognormvariate(17.5, 0.5)),
                )
                span.attributes.extend(attributes)
        yield request.SerializeToString()


def log_bodies(bodies: int, records_each: int, *, seed: int = 2, start_ns: int) -> Iterator[bytes]:
    """Yields bodies of log records in the mission page's schema, 11 attributes a record."""
    rng = random.Random(seed)
    for number in range(bodies):
        request = ExportLogsServiceRequest()
        batch = request.resource_logs.add()
        batch.resource.CopyFrom(_resource(rng))
        records = batch.scope_logs.add().log_records
        for index in range(records_each):
            record = records.add(
                time_unix_nano=start_ns + (number * records_each + index) * 1_000_000,
                severity_number=9,
                severity_text="INFO",
                trace_id=rng.randbytes(16),
                span_id=rng.randbytes(8),
            )
            record.body.string_value = "inference request answered"
            record.attributes.extend(_request_attributes(rng))
            record.attributes.extend(
                [
                    _text("request_id", rng.randbytes(8).hex()),
                    _text("input_schema_version", "1.3"),
                    _text("features_used", "age,country,session_length"),
                    KeyValue(key="prediction", value={"double_value": round(rng.random(), 4)}),
                ]
            )
        yield request.SerializeToString()


def metric_bodies(bodies: int, series_each: int, *, start_ns: int) -> Iterator[bytes]:
    """Yields bodies of gauge points, every point of a series of its own."""
    rng = random.Random(3)
    for number in range(bodies):
        request = ExportMetricsServiceRequest()
        batch = request.resource_metrics.add()
        batch.resource.CopyFrom(_resource(rng))
        metrics = batch.scope_metrics.add().metrics
        points = metrics.add(name="gpu.utilization", unit="1").gauge.data_points
        for index in range(series_each):
            point = points.add(time_unix_nano=start_ns, as_double=rng.random())
            point.attributes.append(_text("gpu", str(number * series_each + index)))
            point.attributes.append(_text("region", rng.choice(REGIONS)))
        yield request.SerializeToString()


def _resource(rng: random.Random) -> Resource:
    region = rng.choice(REGIONS)
    return Resource(
        attributes=[
            _text("service.name", "ml-infer"),
            _text("service.version", "v23"),
            _text("service.instance.id", f"ml-infer-{region}-1"),
            _text("cloud.region", region),
        ]
    )


def _request_attributes(rng: random.Random) -> list[KeyValue]:
    return [
        _text("model_name", "recommender"),
        _text("model_version", rng.choice(VERSIONS)),
        _text("region", rng.choice(REGIONS)),
        _text("batch_id", f"b{rng.randrange(100_000)}"),
        KeyValue(key="cache_hit", value={"bool_value": rng.random() < 0.8}),
        KeyValue(key="batch_size", value={"int_value": rng.randrange(1, 9)}),
        KeyValue(key="status_code", value={"int_value": 200}),
    ]


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value={"string_value": value})

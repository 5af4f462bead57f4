"""OTLP requests as plain values to compare, without what differs from run to run.

Ids are numbered in the order in which they come; clocks that a program did not set are left out.
"""

from collections.abc import Iterator
from typing import Any

NOW_NS = 1_600_000_000_000_000_000
"""Clocks after this were read from the machine: 2020-09-13, and no test sets any beyond."""

Plain = dict[str, Any]


def decoded_spans(request: Any) -> list[Plain]:
    """Returns every span with its resource and scope, in the order in which they ended."""
    numbers: dict[bytes, int] = {}
    return [
        {
            **around,
            "ids": _numbered(numbers, span.trace_id, span.span_id, span.parent_span_id),
            "trace_state": span.trace_state,
            "name": span.name,
            "kind": span.kind,
            "start": _clock(span.start_time_unix_nano),
            "end": _clock(span.end_time_unix_nano),
            "attributes": attributes(span.attributes),
            "events": [
                (
                    _clock(e.time_unix_nano),
                    e.name,
                    _frames(e.attributes),
                    e.dropped_attributes_count,
                )
                for e in span.events
            ],
            "links": [
                (
                    link.trace_id,
                    link.span_id,
                    attributes(link.attributes),
                    link.dropped_attributes_count,
                    link.flags,
                )
                for link in span.links
            ],
            "dropped": (
                span.dropped_attributes_count,
                span.dropped_events_count,
                span.dropped_links_count,
            ),
            "status": (span.HasField("status"), span.status.code, span.status.message),
            "flags": span.flags,
        }
        for around, span in _items(request.resource_spans, "scope_spans", "spans")
    ]


def decoded_logs(request: Any) -> list[Plain]:
    """Returns every log record with its resource and scope."""
    return [
        {
            **around,
            "times": (_clock(record.time_unix_nano), _clock(record.observed_time_unix_nano)),
            "severity": (record.severity_number, record.severity_text),
            "body": value(record.body),
            "attributes": _frames(record.attributes),
            "dropped": record.dropped_attributes_count,
            "ids": (record.trace_id, record.span_id, record.flags),
            "event_name": record.event_name,
        }
        for around, record in _items(request.resource_logs, "scope_logs", "log_records")
    ]


def decoded_metrics(request: Any) -> list[Plain]:
    """Returns every metric with its points, by name; points by their attributes."""
    found: list[Plain] = []
    for around, metric in _items(request.resource_metrics, "scope_metrics", "metrics"):
        kind = metric.WhichOneof("data")
        data = getattr(metric, kind)
        points = sorted((_point(kind, point) for point in data.data_points), key=repr)
        found.append(
            {
                **around,
                "metric": (metric.name, metric.unit, metric.description, kind),
                "temporality": getattr(data, "aggregation_temporality", None),
                "monotonic": getattr(data, "is_monotonic", None),
                "points": points,
            }
        )
    return sorted(found, key=lambda metric: metric["metric"])


def _point(kind: str, point: Any) -> Plain:
    known: Plain = {
        "attributes": attributes(point.attributes),
        "has_start": point.start_time_unix_nano > 0,
    }
    exemplars = [
        (getattr(e, e.WhichOneof("value")), e.WhichOneof("value"), e.trace_id, e.span_id)
        for e in point.exemplars
    ]
    if kind in ("gauge", "sum"):  # which one is kept as its exemplar is drawn by chance
        which = point.WhichOneof("value")
        known |= {"value": getattr(point, which), "type": which, "exemplars": len(exemplars)}
        return known
    known |= {
        "count": point.count,
        "sum": round(point.sum, 6),
        "extremes": (point.min, point.max),
    }
    if kind == "histogram":
        known |= {
            "buckets": (list(point.bucket_counts), list(point.explicit_bounds)),
            "exemplars": exemplars,
        }
        return known
    counts = list(point.positive.bucket_counts)
    while counts and not counts[-1]:
        counts.pop()
    known |= {"scale": point.scale, "zeros": point.zero_count, "exemplars": len(exemplars)}
    known |= {"positive": (point.positive.offset if counts else 0, counts)}
    return known


def attributes(given: Any) -> Plain:
    """Returns attributes with the types of their values."""
    return {item.key: value(item.value) for item in given}


def value(given: Any) -> Any:
    """Returns a value beside the name of its type: 1, 1.0 and True are not the same."""
    kind = given.WhichOneof("value")
    if kind == "array_value":
        return kind, [value(item) for item in given.array_value.values]
    if kind == "kvlist_value":
        return kind, attributes(given.kvlist_value.values)
    return kind, repr(getattr(given, kind)) if kind else None


def _frames(given: Any) -> Plain:
    """Returns attributes, of a stack trace only its last line: frames differ between SDKs."""
    found = attributes(given)
    if stack := found.get("exception.stacktrace"):
        found["exception.stacktrace"] = stack[1].rstrip("'\"\\n").rsplit("\\n", 1)[-1]
    return found


def _clock(time_ns: int) -> int | str:
    return "now" if NOW_NS < time_ns < 2 * NOW_NS else time_ns


def _numbered(numbers: dict[bytes, int], *ids: bytes) -> list[int]:
    return [numbers.setdefault(one, len(numbers)) if one else -1 for one in ids]


def _items(groups: Any, scopes: str, items: str) -> Iterator[tuple[Plain, Any]]:
    for group in groups:
        for scope in getattr(group, scopes):
            around: Plain = {
                "resource": (attributes(group.resource.attributes), group.schema_url),
                "scope": (
                    scope.scope.name,
                    scope.scope.version,
                    attributes(scope.scope.attributes),
                    scope.schema_url,
                ),
            }
            for item in getattr(scope, items):
                yield around, item

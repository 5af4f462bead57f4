"""A trace as a short indented list, for readers that have no screen."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

MAX_SPANS = 40


def outline_trace(spans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the spans of a trace in order, each with its depth and self time.

    Args:
        spans: as `/api/traces/{id}` gives them, ordered by start.

    Returns:
        `spans` (the `MAX_SPANS` longest, times in milliseconds after the first), `span_count`,
        `duration_ms` and `longest_self_time`: name and milliseconds of the five that took most.
    """
    if not spans:
        return {"span_count": 0, "spans": []}
    depth = _depths(spans)
    own = _self_times(spans)
    first_ns = min(int(span["start_time_unix_nano"]) for span in spans)
    last_ns = max(_end_ns(span) for span in spans)
    longest = sorted(spans, key=lambda span: -int(span["duration_ns"]))[:MAX_SPANS]
    kept = {span["span_id"] for span in longest}
    busiest = sorted(spans, key=lambda span: -own[span["span_id"]])[:5]
    return {
        "span_count": len(spans),
        "duration_ms": (last_ns - first_ns) / 1e6,
        "longest_self_time": {
            f"{span['service']}: {span['name']}": own[span["span_id"]] / 1e6 for span in busiest
        },
        "spans": [
            _line(span, depth[span["span_id"]], own[span["span_id"]], first_ns)
            for span in spans
            if span["span_id"] in kept
        ],
    }


def _line(span: Mapping[str, Any], depth: int, own_ns: int, first_ns: int) -> dict[str, Any]:
    error = span["status_code"] == "Error"
    return {
        "span": "  " * depth + f"{span['service']}: {span['name']}",
        "at_ms": (int(span["start_time_unix_nano"]) - first_ns) / 1e6,
        "ms": int(span["duration_ns"]) / 1e6,
        "self_ms": own_ns / 1e6,
        "error": (span["status_message"] or "error") if error else "",
        "attributes": span["attributes"],
    }


def _end_ns(span: Mapping[str, Any]) -> int:
    return int(span["start_time_unix_nano"]) + int(span["duration_ns"])


def _depths(spans: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    parents = {span["span_id"]: span["parent_span_id"] for span in spans}
    depths: dict[str, int] = {}
    for start in parents:
        path, node = list[str](), start
        # A span that claims to be its own ancestor ends the walk.
        while node in parents and node not in depths and node not in path:
            path.append(node)
            node = parents[node]
        depth = depths.get(node, -1)
        for known in reversed(path):
            depth += 1
            depths[known] = depth
    return depths


def _self_times(spans: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Returns by span id the nanoseconds in which none of its children ran."""
    children: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for span in spans:
        children[span["parent_span_id"]].append((int(span["start_time_unix_nano"]), _end_ns(span)))
    own: dict[str, int] = {}
    for span in spans:
        start, end = int(span["start_time_unix_nano"]), _end_ns(span)
        covered, at = 0, start
        for begin, finish in sorted(children[span["span_id"]]):
            until = max(at, min(finish, end))
            covered += max(0, until - max(begin, at))
            at = until
        own[span["span_id"]] = end - start - covered
    return own

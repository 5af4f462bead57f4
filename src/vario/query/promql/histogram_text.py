"""Native histograms as text: as Prometheus prints them, and as its test scripts write them."""

from vario.query.promql.histogram import Bucket, Buckets, Histogram, ResetHint
from vario.query.promql.literals import format_general

_HINTS = {ResetHint.RESET: "reset", ResetHint.NOT_RESET: "not_reset", ResetHint.GAUGE: "gauge"}


def format_histogram(h: Histogram) -> str:
    """Returns `{count:4, sum:7, [-1,1]:2, (1,2]:2}`; empty buckets are left out."""
    parts = [f"count:{format_general(h.count)}", f"sum:{format_general(h.sum)}"]
    negative = [f"[{_range(b)})" for b in h.negative_buckets() if b.count != 0]
    counts = [b.count for b in h.negative_buckets() if b.count != 0]
    for text, count in zip(reversed(negative), reversed(counts), strict=True):
        parts.append(f"{text}:{format_general(count)}")
    if h.zero_count != 0:
        zero = Bucket(-h.zero_threshold, h.zero_threshold, h.zero_count)
        parts.append(f"[{_range(zero)}]:{format_general(h.zero_count)}")
    for bucket in h.positive_buckets():
        if bucket.count != 0:
            opening = "[" if bucket.lower == float("-inf") else "("
            parts.append(f"{opening}{_range(bucket)}]:{format_general(bucket.count)}")
    return "{" + ", ".join(parts) + "}"


def _range(bucket: Bucket) -> str:
    return f"{format_general(bucket.lower)},{format_general(bucket.upper)}"


def format_test_histogram(h: Histogram) -> str:
    """Returns `{{schema:1 count:5 sum:3 buckets:[2 3]}}`, the notation of test scripts."""
    h = h.compacted()
    parts: list[str] = []
    if h.schema:
        parts.append(f"schema:{h.schema}")
    if h.count:
        parts.append(f"count:{format_general(h.count)}")
    if h.sum:
        parts.append(f"sum:{format_general(h.sum)}")
    if h.zero_count:
        parts.append(f"z_bucket:{format_general(h.zero_count)}")
    if h.zero_threshold:
        parts.append(f"z_bucket_w:{format_general(h.zero_threshold)}")
    if h.bounds:
        parts.append(f"custom_values:[{' '.join(map(format_general, h.bounds))}]")
    if h.hint in _HINTS:
        parts.append(f"counter_reset_hint:{_HINTS[h.hint]}")
    parts.extend(_run("", h.positive))
    parts.extend(_run("n_", h.negative))
    return "{{" + " ".join(parts) + "}}"


def _run(prefix: str, buckets: Buckets) -> list[str]:
    if not len(buckets):
        return []
    offset = [f"{prefix}offset:{buckets.offset}"] if buckets.offset else []
    return [*offset, f"{prefix}buckets:[{' '.join(map(format_general, buckets.counts.tolist()))}]"]

"""What names say: of labels, of metrics, of severities. All judgement by name stands here."""

import re
from typing import Literal

Unit = Literal[
    "seconds", "milliseconds", "microseconds", "nanoseconds", "bytes", "ratio", "percent"
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNIQUE = _words(
    """
    user_id userid uid customer_id account_id client_id visitor_id session session_id sessionid
    request_id requestid req_id trace_id traceid span_id spanid correlation_id transaction_id
    order_id message_id event_id batch_id prediction_id document_id uuid guid email user_email
    client_ip remote_addr remote_ip full_path query_string user_agent prompt
    """
)
_PERSONAL = _words(
    """
    email e_mail mail user_email username user_name full_name first_name last_name surname phone
    phone_number ssn social_security_number passport birth_date date_of_birth dob
    street postal_address home_address credit_card card_number iban ip_address client_ip
    remote_addr remote_ip user_ip latitude longitude password gender
    """
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(name: str) -> str:
    """Returns a name in lower case with underscores, however it is spelled.

    Example:
        >>> snake("requestId"), snake("request-id"), snake("user.email")
        ('request_id', 'request_id', 'user_email')
    """
    return re.sub(r"[^A-Za-z0-9]+", "_", _CAMEL.sub("_", name)).lower().strip("_")


def is_unique_label(name: str) -> bool:
    """Whether a label of this name has a value of its own for each user, request or session."""
    plain = snake(name)
    return plain in _UNIQUE or plain.endswith(("_uuid", "_guid"))


def is_personal_name(name: str) -> bool:
    """Whether a label or field of this name holds personal data."""
    return snake(name) in _PERSONAL


_PAGES = _words("page pager critical crit emergency high urgent p0 p1 sev0 sev1")
_TICKETS = _words(
    """
    ticket warning warn minor info informational low none p2 p3 p4 p5 sev2 sev3 sev4 notice
    notify
    """
)


def wakes_someone(severity: str) -> bool | None:
    """Returns whether a severity pages; None where the word is not known."""
    word = severity.strip().lower()
    return True if word in _PAGES else False if word in _TICKETS else None


# A symptom is what a user feels. The words are matched at word boundaries of the metric's name.
_SYMPTOM = re.compile(
    r"(?:^|[_:])(?:"
    r"(?:request|http|grpc|rpc|inference|predict\w*|response|api|e2e|endpoint|ttft|serving)s?_"
    r"(?:\w+_)?(?:latency|duration|response_time|errors?|failures?|failed|5xx|time)"
    r"|latency|error_rate|error_ratio|errors_ratio|error_budget|burn_rate|burnrate|availability"
    r"|success_ratio|success_rate|time_to_first_token|probe_success"
    r")(?:$|[_:0-9])"
)
_CAUSE = re.compile(
    r"(?:^|[_:])(?:cpu|cpus|memory|mem|heap|swap|disk|disks|filesystem|inode|inodes|gpu|fb|load1|"
    r"load5|load15|threads?|goroutines|gc|replicas|pods?|restarts?|evictions?|evicted|cache|queue|"
    r"queued|waiting|pending|lag|backlog|connections?|fds?|temperature|temp|power|throttled|oom|"
    r"kv|pool|saturation|utilization|utilisation)(?:$|[_:])",
    re.IGNORECASE,
)
# What has failed already is more than a busy resource.
_FAILED = re.compile(
    r"(?:^|[_:])(?:errors?|fail\w*|deaths?|dead\w*|\w*health\w*|alarm|dropped|lost|down|stale|state|"
    r"status|drives|disks_required|replicas|live)(?:$|[_:])",
    re.IGNORECASE,
)
# Parts behind the stage: users feel them at second hand, if at all.
_BACKSTAGE = re.compile(r"dns|cache|disk|osd|storage|replication|raft|jetstream|compact|tombstone")
_DCGM = re.compile(r"^DCGM_FI_")


def is_symptom(metric: str) -> bool:
    """Whether a metric measures what users feel: latency, errors, availability."""
    lower = metric.lower()
    return bool(_SYMPTOM.search(lower)) and not _BACKSTAGE.search(lower)


def is_cause(metric: str) -> bool:
    """Whether a metric measures a resource: what may hurt users, or may not."""
    resource = _DCGM.match(metric) or (_CAUSE.search(metric) and not _FAILED.search(metric))
    return bool(resource) and not is_symptom(metric)


_STATUS = re.compile(r"(?:^|_)(?:status|code|status_code|status_class|outcome|result)$")
_FAILURE = re.compile(r"5(?:\.|\d|x|\[)|err|fail|timeout|unavailable|internal", re.IGNORECASE)
_REQUESTS = re.compile(
    r"(?:request|response|inference|predict\w*|http|grpc_server_handled)s?(?:_|$)"
)


def is_request_count(metric: str) -> bool:
    """Whether a metric counts requests."""
    lower = metric.lower()
    return bool(_REQUESTS.search(lower)) and not _BACKSTAGE.search(lower)


def is_status_label(name: str) -> bool:
    """Whether a label says how a request ended."""
    return bool(_STATUS.search(name.lower()))


def is_failure(value: str) -> bool:
    """Whether the value of such a label, or a pattern of it, means that the request failed."""
    return bool(_FAILURE.search(value))


_UNIT_SUFFIXES: tuple[tuple[str, Unit], ...] = (
    ("seconds", "seconds"),
    ("milliseconds", "milliseconds"),
    ("millis", "milliseconds"),
    ("msec", "milliseconds"),
    ("ms", "milliseconds"),
    ("microseconds", "microseconds"),
    ("us", "microseconds"),
    ("nanoseconds", "nanoseconds"),
    ("ns", "nanoseconds"),
    ("bytes", "bytes"),
    ("ratio", "ratio"),
    ("percent", "percent"),
    ("percentage", "percent"),
    ("pct", "percent"),
)
# Names that carry a unit which they do not spell (vLLM's `_perc` is a ratio).
_KNOWN_UNITS: dict[str, Unit] = {
    "vllm:kv_cache_usage_perc": "ratio",
    "vllm:gpu_cache_usage_perc": "ratio",
    "nv_gpu_utilization": "ratio",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": "ratio",
    "DCGM_FI_DEV_GPU_UTIL": "percent",
    "DCGM_FI_DEV_MEM_COPY_UTIL": "percent",
}
_AGGREGATE_SUFFIX = re.compile(r"_(?:bucket|sum|total)$")


def unit_of(metric: str) -> Unit | None:
    """Returns the unit that a metric's name says; None where it says none.

    Example:
        >>> unit_of("inference_latency_seconds_bucket"), unit_of("ray_serve_latency_ms")
        ('seconds', 'milliseconds')
    """
    if metric in _KNOWN_UNITS:
        return _KNOWN_UNITS[metric]
    if metric.endswith("_count"):
        return None
    base = _AGGREGATE_SUFFIX.sub("", metric)
    for word, unit in _UNIT_SUFFIXES:
        if base.endswith((f"_{word}", f":{word}")):
            return unit
    return None


_GAUGE = re.compile(
    r"_(?:ratio|percent|percentage|pct|perc|celsius|utilization|utilisation|info|timestamp_seconds|"
    r"in_progress|inflight|in_flight|waiting|running|depth|queue_length|queue_size|usage_bytes|"
    r"free_bytes|available_bytes|avail_bytes|used_bytes|size_bytes|temperature|temp|watts|volts|"
    r"psi)$|^DCGM_FI_DEV_(?!\w*(?:TOTAL|COUNT|ENERGY))|_pending_request_count$|^up$"
)
_COUNTER = re.compile(r"_(?:total|count|sum|bucket)$")
# Counters of time: they add up how long things took, so a mean is in them and no percentile.
_TIME_COUNTER = re.compile(
    r"^nv_inference_\w*duration_us$|_(?:seconds|milliseconds|microseconds|us|ms)_(?:total|sum)$"
)
_TRITON_COUNTER = re.compile(r"^nv_inference_(?:request_success|request_failure|count|exec_count)$")


def is_gauge(metric: str, known_type: str = "") -> bool:
    """Whether a metric is a gauge: by its known type, else by a name that only gauges have."""
    if known_type:
        return known_type == "gauge"
    if metric == "nv_inference_pending_request_count":
        return True
    return bool(_GAUGE.search(metric)) and not _COUNTER.search(metric)


def is_counter(metric: str, known_type: str = "") -> bool:
    """Whether a metric only ever grows: by its known type, else by its name."""
    if known_type:
        return known_type in ("counter", "histogram")
    if metric == "nv_inference_pending_request_count":
        return False
    if _TIME_COUNTER.search(metric) or _TRITON_COUNTER.match(metric):
        return True
    return metric.endswith(("_total", "_bucket"))


def is_time_counter(metric: str) -> bool:
    """Whether a metric is a counter of time: how long everything took together."""
    return bool(_TIME_COUNTER.search(metric))


_PERCENTILE = re.compile(
    r"(?:^|[_:.])(?:p\d{2,3}|p999?|q\d{2,3}|median|(?:\d{2}th_)?percentile)(?:$|[_:.])"
)


def is_percentile(metric: str) -> bool:
    """Whether a metric's name says that its values are percentiles.

    Example:
        >>> is_percentile("p95_inference_latency_seconds"), is_percentile("http2_total")
        (True, False)
    """
    return bool(_PERCENTILE.search(metric.lower()))


_SERVING = re.compile(
    r"(?:^|[_:])(?:request|response|http|grpc|rpc|inference|predict\w*|latency|token|ttft|e2e|api)"
)
_LONG = re.compile(
    r"backup|job|cron|snapshot|compaction|uptime|age|timestamp|sync|scrape|build|restore|migration|"
    r"batch_run|train|lag|expir|created|cache_ttl|reload|up_since"
)


def is_serving_time(metric: str) -> bool:
    """Whether a metric is the time of a request, which is seconds at most, not hours."""
    return bool(_SERVING.search(metric)) and not _LONG.search(metric)

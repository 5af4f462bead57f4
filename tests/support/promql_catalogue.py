"""Queries of every kind over what a live Prometheus has scraped, made from templates.

`AT` stands for a fixed time in seconds. Metrics: the demo's feature store, vario's and Prometheus'
own. Where ties would make an answer a matter of taste (`topk`), metrics are taken that have none.
"""

from itertools import product

COUNTERS = (
    "feature_store_cache_hits_total",
    'prometheus_http_requests_total{job="prometheus"}',
    "process_cpu_seconds_total",
)
GAUGES = ("feature_store_cache_entries", "scrape_duration_seconds", "process_resident_memory_bytes")
HISTOGRAM = "feature_store_read_seconds"
NATIVE = "prometheus_http_request_duration_seconds"
HITS, MISSES = "feature_store_cache_hits_total", "feature_store_cache_misses_total"

SELECTORS = (
    "up",
    "{__name__='up'}",
    '{job="feature-store"}',
    '{job=~"fea.*",region!="us-east"}',
    '{__name__=~"feature_store_.*",region=~"us-east|eu-west"}',
    '{job!~"prom.*|vario",__name__=~"scrape_.+"}',
    '{region!="",le=""}',
    'feature_store_read_seconds_bucket{le=~"0\\\\.(1|5)|\\\\+Inf"}',
    'up{instance!="",nowhere=""}',
    "no_such_metric",
    'up{job="nobody"}',
    "up offset 3s",
    "up offset -2s",
    "feature_store_cache_entries @ AT",
    "feature_store_cache_entries @ AT offset 4s",
    "feature_store_cache_entries @ end()",
    "feature_store_cache_entries @ start()",
    "rate(feature_store_cache_misses_total[4s] @ AT)",
    "feature_store_cache_hits_total[5s]",
    "feature_store_cache_hits_total[5s] offset 2s",
    "prometheus_http_request_duration_seconds",
    "(up)",
    "-feature_store_cache_entries",
    "+up",
)
OF_COUNTERS = ("rate", "irate", "increase", "resets", "changes")
OF_GAUGES = ("delta", "idelta", "deriv", "changes")
OVER_TIME = ("avg", "min", "max", "sum", "count", "stddev", "stdvar", "last", "present")
AGGREGATIONS = ("sum", "avg", "min", "max", "count", "stddev", "stdvar", "group")
GROUPINGS = ("", " by (job)", " by (region)", " without (instance, job)", " by ()")
MATH = (
    *("abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "deg", "rad", "round"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
    *("asinh", "acosh", "atanh"),
)
CLOCK = (
    *("minute", "hour", "month", "year"),
    *("day_of_month", "day_of_week", "day_of_year", "days_in_month"),
)
ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
SETS = ("and", "or", "unless")

JOINED = (
    f"{HITS} / ({HITS} + {MISSES})",
    f"{HITS} / on (region) {MISSES}",
    f"{HITS} - ignoring (job) {MISSES}",
    f"{HITS} / on (region) group_left feature_store_cache_entries",
    f"{HISTOGRAM}_bucket / ignoring (le) group_left {HISTOGRAM}_count",
    f"sum by (region) ({HISTOGRAM}_count) * on (region) group_right {HISTOGRAM}_bucket",
    "up * on (job) group_left (version) vario_build_info",
    "up * on (instance, job) group_left (goversion, version) prometheus_build_info",
    f"{HITS} == bool on (region) {MISSES}",
    f"{HITS} > on (region) {MISSES}",
    "up and on (job) feature_store_cache_entries",
    "up unless on (job) feature_store_cache_entries",
    "up or on (job) feature_store_cache_entries",
    "scrape_samples_scraped > 30 and up == 1",
    f"sum({HITS}) / (sum({HITS}) + sum({MISSES}))",
    f"1 - sum(rate({MISSES}[5s])) / sum(rate({HITS}[5s]) + rate({MISSES}[5s]))",
)
CHOSEN = (
    "topk(2, scrape_duration_seconds)",
    "bottomk(1, scrape_duration_seconds)",
    f"topk by (region) (1, {HISTOGRAM}_sum)",
    f"bottomk without (region) (1, {HISTOGRAM}_sum)",
    "topk(0, up)",
    "quantile(0.9, scrape_duration_seconds)",
    "quantile by (job) (0.25, prometheus_http_requests_total)",
    "quantile(-1, up)",
    "quantile(2, up)",
    'count_values("samples", scrape_samples_scraped)',
    'count_values by (job) ("v", up)',
    "sort(scrape_duration_seconds)",
    "sort_desc(scrape_duration_seconds)",
)
HISTOGRAMS = (
    *(f"histogram_quantile({q}, rate({HISTOGRAM}_bucket[6s]))" for q in (0, 0.5, 0.9, 0.99, 1)),
    f"histogram_quantile(0.95, sum by (le) (rate({HISTOGRAM}_bucket[6s])))",
    f"histogram_quantile(0.95, sum by (le, region) ({HISTOGRAM}_bucket))",
    f"histogram_quantile(-0.1, {HISTOGRAM}_bucket)",
    f"rate({HISTOGRAM}_sum[5s]) / rate({HISTOGRAM}_count[5s])",
    *(f"histogram_quantile({q}, {NATIVE})" for q in (0.1, 0.5, 0.99)),
    f"histogram_quantile(0.9, sum by (job) (rate({NATIVE}[6s])))",
    f"histogram_fraction(0, 0.01, {NATIVE})",
    f"histogram_fraction(0.001, 0.02, rate({HISTOGRAM}_bucket[6s]))",
    f"histogram_count({NATIVE})",
    f"histogram_sum({NATIVE})",
    f"histogram_avg(rate({NATIVE}[6s]))",
    f"histogram_stddev({NATIVE})",
    f"histogram_stdvar(sum({NATIVE}))",
    f"sum({NATIVE})",
    f"avg by (handler) ({NATIVE})",
    f"rate({NATIVE}[6s])",
    f"increase({NATIVE}[6s])",
    f"{NATIVE} * 2",
    f"{NATIVE} / 4 + {NATIVE}",
    f"-{NATIVE}",
    f"sum_over_time({NATIVE}[4s])",
    f"count({NATIVE})",
    f"max({NATIVE})",
    f"resets({NATIVE}[6s])",
)
SUBQUERIES = (
    *(f"{f}_over_time(sum(rate({HITS}[3s]))[6s:1s])" for f in ("max", "min", "avg", "sum")),
    f"rate({HITS}[6s:2s])",
    f"max_over_time({HITS}[6s:1s] offset 2s)",
    f"sum_over_time({HITS}[4s:1s] @ AT)",
    f"quantile_over_time(0.5, (up * {7})[5s:500ms])",
    "deriv(sum(feature_store_cache_entries)[5s:1s])",
    f"avg_over_time(max_over_time(rate({HITS}[2s])[3s:1s])[4s:1s])",
    "count_over_time(vector(1)[5s:1s])",
    "sum_over_time(time()[3s:1s])",
    "up[3s:1s]",
    "last_over_time(absent(no_such_metric)[3s:1s])",
)
LABELS = (
    'label_replace(up, "host", "$1", "instance", "(.*):.*")',
    'label_replace(up, "kind", "${first}-x", "job", "(?P<first>[a-z]).*")',
    'label_replace(up, "job", "", "job", ".*")',
    'label_replace(up, "job", "y", "job", "no")',
    'label_join(up, "both", "/", "job", "instance")',
    'label_join(up, "job", "-", "nowhere")',
    'sum by (first) (label_replace(up, "first", "$1", "job", "(.).*"))',
    f'max(label_join({HITS}, "r", "", "region")) by (r)',
)
SCALARS = (
    "1", "0x1F", "1e3 + 0.5", "2 ^ 3 ^ 2", "-2 ^ 2", "1 / 0", "0 / 0", "-1 / 0", "5 % -3", "Inf",
    "1 == bool 1", "2 < bool 1", "time()", "time() - AT", "pi()", "vector(time())", "vector(3)",
    "scalar(sum(up))", "scalar(up)", f"scalar({HITS}) + 1", 'scalar(up{job="vario"}) * up',
    '"text"', "vector(1) or up", "time() % 60 > bool 30", "5m", "1h30m",
)  # fmt: skip
OTHERS = (
    "absent(up)", "absent(no_such_metric)", 'absent(no_such_metric{a="b",c=~"d"})',
    "absent(sum(no_such_metric))", "absent_over_time(up[3s])",
    'absent_over_time(no_such_metric{job="x"}[3s])', "timestamp(up)", "timestamp(up offset 2s)",
    "timestamp(timestamp(up))", "timestamp(vector(1))", "time() - timestamp(up)",
    "clamp(feature_store_cache_entries, 5, 20)", "clamp_min(feature_store_cache_entries, 12)",
    "clamp_max(feature_store_cache_entries, 12)", "clamp(up, 2, 1)",
    "round(scrape_duration_seconds, 0.001)", "round(-feature_store_cache_entries, 7)",
    f"predict_linear({HITS}[6s], 60)", "predict_linear(feature_store_cache_entries[6s], -5)",
    "quantile_over_time(0.9, scrape_duration_seconds[6s])",
    "quantile_over_time(1.5, scrape_duration_seconds[6s])",
    "minute(vector(AT))", "hour(timestamp(up))", "year(process_start_time_seconds)",
    "sum(up) by (job) > 0", "count(up == 1)", "count({job!=''}) by (__name__)",
    "count(count by (__name__) ({job=~'.+'}))", "group by (__name__) ({job='feature-store'})",
    "sum by (job, __name__) ({region!=''})",
    f"sum(rate({HITS}[1s]))", f"rate({HITS}[100ms])", "sgn(up - 1)",
    "up == up", "up != up", "up > bool 0.5", "1 > bool up", "up == bool NaN",
)  # fmt: skip
REFUSED = (
    "up +", "sum(", "rate(up)", "up[5m", "no_such_function(up)", 'up{job="a', "up{job=~'('}",
    "sum_over_time(up)", "up and 1", "1 > 2", f"{HITS} * on (job) {MISSES}",
    f"{HITS} * on (job) group_left {MISSES}", '{job=""}', "{}", "topk(up)", "up @ x", "up offset",
    "5m[3s]", "label_replace(up, '', 'x', 'job', '.*')",
    "label_replace(up, 'x', '$1', 'job', '(')", "sum by (job up", "up[3s:]:",
    "count_values(up, up)",
)  # fmt: skip


def queries(at_s: float) -> list[str]:
    """Returns all of them but those that Prometheus refuses."""
    aggregated = enumerate(product(AGGREGATIONS, GROUPINGS))
    made = [
        *SELECTORS,
        *(f"{f}({m}[{w}])" for f, m, w in product(OF_COUNTERS, COUNTERS, ("3s", "7s"))),
        *(f"{f}({m}[{w}])" for f, m, w in product(OF_GAUGES, GAUGES, ("3s", "7s"))),
        *(f"{f}_over_time({m}[5s])" for f, m in product(OVER_TIME, GAUGES)),
        *(f"{f}{by} ({GAUGES[i % 3]})" for i, (f, by) in aggregated),
        *(f"sum{by} (rate({HISTOGRAM}_bucket[5s]))" for by in GROUPINGS),
        *(f"{f}(scrape_duration_seconds)" for f in MATH),
        *(f"{f}()" for f in CLOCK),
        *(f"{f}(timestamp(up) * 50)" for f in CLOCK),
        *(f"{HITS} {op} 7" for op in (*ARITHMETIC, *COMPARISONS)),
        *(f"3 {op} {MISSES}" for op in (*ARITHMETIC, *COMPARISONS)),
        *(f"{MISSES} {op} bool 10" for op in COMPARISONS),
        *(f"{HITS} {op} on (region) {MISSES}" for op in (*ARITHMETIC, *SETS)),
        *(f'up {op} up{{job="vario"}}' for op in (*SETS, *COMPARISONS)),
        *JOINED,
        *CHOSEN,
        *HISTOGRAMS,
        *SUBQUERIES,
        *LABELS,
        *SCALARS,
        *OTHERS,
    ]
    return [query.replace("AT", f"{at_s:.3f}") for query in made]

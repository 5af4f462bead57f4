"""What is found where, and what is passed over: the edges of the rules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vario.lint.facts import Facts
from vario.lint.run import lint
from vario.lint.source import Source
from vario.lint.words import is_cause, is_symptom, is_unique_label, unit_of


def codes(text: str, name: str = "r.yml", facts: Facts | None = None) -> list[str]:
    return [f.rule.code for f in lint([Source(name, text)], facts or Facts())]


def record(expr: str) -> str:
    return f"groups:\n- name: g\n  rules:\n  - record: a\n    expr: |\n      {expr}\n"


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        # high cardinality: only what is made, not what is dropped
        ("sum without (user_id) (rate(x_total[5m]))", []),
        ('count_values("request_id", x)', ["VA101"]),
        ("sum by (tenant_uuid) (x)", ["VA101"]),
        # percentiles
        ('max(x{quantile="0.9"})', []),
        ('count(x{quantile="0.9"})', []),
        ('sum(x{quantile=""})', ["VA102"]),
        ("avg(p95_latency_seconds * 1000)", ["VA102"]),
        ("avg(http2_streams)", []),
        ("quantile(0.9, sum by (pod) (rate(x_total[5m])))", []),
        ("quantile_over_time(0.9, histogram_quantile(0.9, rate(x[5m]))[1h:])", ["VA103"]),
        ("histogram_quantile(0.9, sum(rate(native_histogram[5m])))", []),
        ("histogram_quantile(0.9, sum without (le) (rate(x_bucket[5m])))", ["VA108"]),
        ("histogram_quantile(0.9, job:x_bucket:rate5m)", []),
        ("histogram_quantile(1.5, rate(x_bucket[5m]))", ["VA110"]),
        ("quantile(50, x)", ["VA110"]),
        ("quantile_over_time(0.9, (rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m]))[1h:])", []),
        # windows
        ("rate(temperature_celsius[5m])", ["VA104"]),
        ("rate(some_thing[5m])", []),
        ("changes(queue_depth[5m])", []),
        ("deriv(queue_depth[5m])", []),
        ("increase(x_total[59s])", ["VA106"]),
        ("irate(x_total[30s])", []),
        ("rate(sum(rate(x_total[5m]))[10m:])", []),
        ("increase(job:requests:sum[5m])", ["VA107"]),
        ("sum_over_time(sum(x_total)[5m:])", []),
        # thresholds
        ("batch_job_duration_seconds > 3600", []),
        (
            "http_request_duration_seconds_sum / http_request_duration_seconds_count > 500",
            ["VA112"],
        ),
        ("process_uptime_seconds < 600", []),
        ("rate(http_request_duration_seconds_sum[5m]) > 200", []),
        ("1000 * p95_inference_latency_seconds > 200", []),
        ("200 < p95_inference_latency_seconds", ["VA112"]),
        ("mem_fragmentation_ratio > 1.5", []),
        ("gpu_utilization_ratio > 80", ["VA113"]),
        ("100 * gpu_utilization_ratio > 80", []),
        ("disk_used_percent > 0.9", ["VA113"]),
        ("avg(up) > 1", ["VA115"]),
        ("count(x) > 0", []),
        ("rate(x_total[5m]) >= 0", ["VA115"]),
        ("(rate(x_total[5m]) / rate(y_total[5m])) >= 0", []),
        ("absent(x) == 1", []),
        ("absent(x) == 0", ["VA115"]),
        ("3 <= x < 20", []),
        # selectors
        ('{job=~".+"}', ["VA116"]),
        ('{job="a"}', []),
        ('x{path="/api/.*"}', ["VA118"]),
        ('x{host="10.0.0.1", version="1.2.3"}', []),
        ('x{path="/users/{id}"}', []),
        ('x{user_email="a@b.c"}', ["VA119"]),
    ],
)
def test_queries(expr: str, wanted: list[str]) -> None:
    assert codes(record(expr)) == wanted


def test_labels_of_ones_own_count_as_unique() -> None:
    text = record("sum by (pod_uid) (x)")
    assert codes(text, facts=Facts(high_cardinality=frozenset({"pod_uid"}))) == ["VA101"]


def test_a_scrape_interval_moves_the_shortest_window() -> None:
    assert codes(record("rate(x_total[1m])"), facts=Facts(scrape_interval_s=30.0)) == ["VA106"]


def test_a_bound_that_is_no_bucket_is_named() -> None:
    text = record('sum(rate(x_seconds_bucket{le="0.2"}[5m]))')
    found = lint([Source("r.yml", text)], Facts(buckets={"x_seconds": (0.1, 0.5)}))
    assert [f.message for f in found] == ["x_seconds_bucket has no bucket le='0.2', only 0.1, 0.5"]


def test_a_group_in_which_nothing_has_an_owner_is_told_once() -> None:
    rule = (
        "  - {alert: NAME, expr: 'max_over_time(x[1h]) > 1',"
        " labels: {severity: ticket}, annotations: {summary: s, runbook_url: u}}\n"
    )
    text = "groups:\n- name: g\n  rules:\n" + "".join(rule.replace("NAME", n) for n in "ABC")
    found = lint([Source("r.yml", text)], Facts())
    assert [(f.rule.code, f.place.line) for f in found] == [("VA204", 2)]
    assert codes(text.replace("- name: g", "- name: g\n  labels: {team: ml}")) == []


def test_rules_of_a_kubernetes_object_are_read() -> None:
    inner = record("sum by (user_id) (x)").replace("\n", "\n  ")
    text = f"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  {inner}"
    assert codes(text) == ["VA101"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compose.yml", "services: {web: {image: x}}"),
        ("package.json", '{"name": "x", "version": "1"}'),
        ("pyproject.toml", "[tool.x]\na = 1"),
        ("chart.yaml", "{{ if .Values.x }}\na: b\n{{ end }}"),
        ("empty.yml", ""),
        ("list.json", "[1, 2]"),
    ],
)
def test_what_is_none_of_these_is_passed_over(name: str, text: str) -> None:
    assert codes(text, name) == []


def test_panels_of_other_data_sources_are_passed_over() -> None:
    target = '{"expr": "{app=\\"x\\"} |= `error`", "datasource": {"type": "loki"}}'
    assert codes(f'{{"panels": [{{"title": "a", "targets": [{target}]}}]}}', "d.json") == []


def test_a_panel_query_of_variables_that_is_no_promql_is_passed_over() -> None:
    panel = '{"panels": [{"title": "a", "targets": [{"expr": "EXPR"}]}]}'
    assert codes(panel.replace("EXPR", "$metric $operator 5"), "d.json") == []
    assert codes(panel.replace("EXPR", "topk($n, x[$range:$step])"), "d.json") == []
    assert codes(panel.replace("EXPR", "sum(x"), "d.json") == ["VA001"]


def test_rows_of_old_dashboards_are_read() -> None:
    panel = '{"title": "a", "targets": [{"expr": "sum by (user_id) (x)"}]}'
    assert codes(f'{{"rows": [{{"panels": [{panel}]}}]}}', "d.json") == ["VA101"]


def test_lines_that_say_the_same_are_counted() -> None:
    found = lint([Source("a.log", "x 1\ny 2\nz 3\n")], Facts())
    assert [f.message for f in found] == [
        "this line is not a JSON object: 'x' is not JSON (and 2 more lines)"
    ]


def test_the_example_of_the_mission_is_clean_in_any_common_spelling() -> None:
    line = (
        '{"ts": "2026-01-01T12:00:00.123+02:00", "severity": "INFO", "service.name": "ml-infer", '
        '"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "x-request-id": "98f7-21ab", '
        '"http.status_code": 200, "duration_ms": 1.5, "modelVersion": "v23"}\n'
    )
    assert codes(line, "a.jsonl") == []


@pytest.mark.parametrize(
    ("metric", "symptom", "cause"),
    [
        ("http_request_duration_seconds_bucket", True, False),
        ("inference_errors_total", True, False),
        ("vllm:time_to_first_token_seconds_bucket", True, False),
        ("probe_success", True, False),
        ("node_cpu_seconds_total", False, True),
        ("DCGM_FI_DEV_GPU_UTIL", False, True),
        ("gpu_utilization_ratio", False, True),
        ("drift_psi", False, False),
        ("up", False, False),
    ],
)
def test_symptoms_and_causes_are_told_apart(metric: str, symptom: bool, cause: bool) -> None:
    assert (is_symptom(metric), is_cause(metric)) == (symptom, cause)


def test_names_say_units() -> None:
    names = ["x_seconds_bucket", "x_ms", "nv_inference_request_duration_us", "x_total", "x_ratio"]
    assert [unit_of(name) for name in names] == [
        "seconds",
        "milliseconds",
        "microseconds",
        None,
        "ratio",
    ]
    assert [is_unique_label(name) for name in ("userId", "region", "trace.id")] == [
        True,
        False,
        True,
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["r.yml", "d.json", "l.jsonl", "s.toml", "-"]),
    st.text(max_size=40),
    st.sampled_from(["", "groups: ", "slos: ", '{"panels": ', "openslo/v1: ", "- "]),
)
def test_no_text_breaks_it(name: str, text: str, before: str) -> None:
    codes(before + text, name)

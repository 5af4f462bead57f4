"""Sloth's and Pyrra's specifications, read; exports for Prometheus and Grafana."""

import json

from inline_snapshot import snapshot

from vario.query.promql.parser import parse
from vario.slo.grafana import make_dashboard
from vario.slo.load import check_text
from vario.slo.shortwrite import to_short_form

SLOTH = """\
version: prometheus/v1
service: myservice
labels: {owner: myteam, tier: "2"}
slos:
- name: requests-availability
  objective: 99.9
  description: Common SLO
  sli:
    events:
      error_query: sum(rate(http_request_duration_seconds_count{code=~"(5..|429)"}[{{.window}}]))
      total_query: sum(rate(http_request_duration_seconds_count[{{.window}}]))
  alerting:
    name: MyServiceHighErrorRate
    labels: {category: availability}
    annotations: {runbook: https://runbooks.example/a}
    page_alert: {labels: {severity: pageteam}}
    ticket_alert: {disable: true}
- name: raw
  objective: 95
  sli: {raw: {error_ratio_query: 'sum(rate(bad[{{.window}}])) / sum(rate(all[{{.window}}]))'}}
"""

PYRRA = """\
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata:
  name: api-latency
  namespace: monitoring
  labels: {pyrra.dev/team: platform}
spec:
  target: "99"
  window: 2w
  indicator:
    latency:
      success: {metric: 'http_request_duration_seconds_bucket{job="api",le="0.1"}'}
      total: {metric: 'http_request_duration_seconds_count{job="api"}'}
      grouping: [handler]
---
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: up}
spec:
  target: "99.9"
  window: 28d
  indicator: {bool_gauge: {metric: 'probe_success{job="web"}'}}
  alerting: {disabled: true}
---
apiVersion: pyrra.dev/v1alpha1
kind: ServiceLevelObjective
metadata: {name: native}
spec:
  target: "90"
  window: 28d
  indicator: {latencyNative: {latency: 200ms, total: {metric: http_seconds}}}
"""


def test_sloth() -> None:
    found, problems = check_text(SLOTH, "sloth.yml")
    assert problems == []
    first, raw = found.slos
    assert (first.name, first.owner, first.alert_name, first.runbook) == (
        *("myservice-requests-availability", "myteam"),
        *("MyServiceHighErrorRate", "https://runbooks.example/a"),
    )
    assert first.labels == {"owner": "myteam", "tier": "2", "category": "availability"}
    assert [w.severity for w in first.windows] == ["page", "page"]
    assert (raw.sli.mode, raw.target, len(raw.windows)) == ("ratio", 0.95, 4)
    assert first.sli.bad == snapshot(
        '((sum(rate(http_request_duration_seconds_count{code=~"(5..|429)"}[{{.window}}]))) or '
        "(sum(rate(http_request_duration_seconds_count[{{.window}}]))) * 0)"
    )


def test_pyrra() -> None:
    found, problems = check_text(PYRRA, "pyrra.yml")
    assert problems == []
    latency, up, native = found.slos
    assert (latency.service, latency.owner, latency.by, latency.period.words) == (
        *("monitoring", "platform"),
        *(("handler",), "14-day"),
    )
    assert up.windows == ()
    assert up.sli.bad == '1 - avg{{.by}}(avg_over_time(probe_success{job="web"}[{{.window}}]))'
    assert native.sli.latency is not None
    assert (native.sli.latency.bound, native.sli.latency.buckets) == (0.2, "native")


def test_what_is_not_read_is_refused_with_its_place() -> None:
    said = [
        str(problem)
        for text in (
            SLOTH.replace("prometheus/v1", "prometheus/v2"),
            SLOTH.replace("objective: 95", "objective: 195"),
            "version: prometheus/v1\nslos: [{name: a, objective: 9, sli: {plugin: {id: x}}}]\n",
            PYRRA.replace("bool_gauge", "bool_gage"),
        )
        for problem in check_text(text, "f.yml")[1]
    ]
    assert said == snapshot(
        [
            'f.yml:1:10: version "prometheus/v2" is not supported; prometheus/v1 is',
            "f.yml:19:14: objective: 195 is no percentage between 0 and 100",
            "f.yml:2:46: sli.plugin: Sloth's plugins are not run here; write the query",
            'f.yml:22:15: field "bool_gage" is not known in indicator; known here: boolGauge, '
            "bool_gauge, latency, latencyNative, ratio",
        ]
    )


def test_what_was_imported_is_written_in_the_short_form_and_reads_back() -> None:
    for text in (SLOTH, PYRRA):
        slos = check_text(text, "f.yml")[0].slos
        again, problems = check_text(to_short_form(slos), "again.yml")
        assert problems == []
        assert [(s.name, s.target, s.windows) for s in again.slos] == [
            (s.name, s.target, s.windows) for s in slos
        ]


def test_a_dashboard_asks_for_what_the_rules_record() -> None:
    dashboard = make_dashboard(check_text(SLOTH, "sloth.yml")[0].slos)
    panels = json.loads(json.dumps(dashboard))["panels"]
    assert [panel["type"] for panel in panels] == ["row", "stat", "timeseries", "timeseries",
                                                   "text"] * 2  # fmt: skip
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for target in panel.get("targets", ()):
            parse(target["expr"])

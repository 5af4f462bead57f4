"""The short form: what it means, and what is refused with its field and line."""

import doctest
import importlib

import pytest
from inline_snapshot import snapshot

from vario.slo.load import check_text
from vario.slo.shortwrite import to_short_form


def read(sli: str, objective: str = "99%", more: str = "") -> list[str]:
    text = f"slos:\n- name: a\n  service: s\n  owner: o\n  runbook: r.md\n  sli: {sli}\n"
    found, problems = check_text(f"{text}  objective: {objective}\n{more}", "s.yml")
    return [str(one) for one in (*problems, *found.warnings)] or [
        f"{slo.sli.mode} {slo.target:g}: {slo.sli.bad} of {slo.sli.total}" for slo in found.slos
    ]


@pytest.mark.parametrize(
    ("sli", "objective", "wanted"),
    [
        (
            "{latency: l_seconds}",
            "p95 <= 200 ms",
            snapshot([
                "events 0.95: ((sum{{.by}}(rate(l_seconds_count[{{.window}}]))) - "
                '(sum{{.by}}(rate(l_seconds_bucket{le="0.2"}[{{.window}}])))) of '
                "sum{{.by}}(rate(l_seconds_count[{{.window}}]))"
            ]),
        ),
        (
            "{latency: 'l_ms{a=\"b\"}'}",
            "99% of requests faster than 1 s",
            snapshot([
                'events 0.99: ((sum{{.by}}(rate(l_ms_count{a="b"}[{{.window}}]))) - '
                '(sum{{.by}}(rate(l_ms_bucket{a="b",le=~"1000([.]0)?"}[{{.window}}])))) of '
                'sum{{.by}}(rate(l_ms_count{a="b"}[{{.window}}]))'
            ]),
        ),
        (
            "{latency: {metric: l_seconds, buckets: native}}",
            "p99 < 0.5 s",
            snapshot([
                "events 0.99: ((1 - histogram_fraction(-Inf, 0.5, sum{{.by}}(rate(l_seconds"
                "[{{.window}}])))) * histogram_count(sum{{.by}}(rate(l_seconds[{{.window}}])))) "
                "of histogram_count(sum{{.by}}(rate(l_seconds[{{.window}}])))"
            ]),
        ),
        (
            "{errors: r_total}",
            "errors < 1%",
            snapshot([
                'events 0.99: ((sum{{.by}}(rate(r_total{code=~"5.."}[{{.window}}]))) or '
                "(sum{{.by}}(rate(r_total[{{.window}}]))) * 0) of "
                "sum{{.by}}(rate(r_total[{{.window}}]))"
            ]),
        ),
        (
            "{drift: {metric: drift_psi}}",
            "95%",
            snapshot(["slices 0.95: 1 - ((max{{.by}}(drift_psi) <= bool 0.2)) of "]),
        ),
        (
            "{gpu_utilisation: {between: [30%, 95%]}}",
            "90%",
            snapshot([
                "slices 0.9: 1 - ((avg{{.by}}(gpu_utilization_ratio) >= bool 0.3) * "
                "(avg{{.by}}(gpu_utilization_ratio) <= bool 0.95)) of "
            ]),
        ),
        (
            "{freshness: {metric: feature_updated_seconds, max_age: 15m}}",
            "99%",
            snapshot([
                "slices 0.99: 1 - ((time() - min{{.by}}(feature_updated_seconds)) <= bool 900.0) "
                "of "
            ]),
        ),
        (
            "{score_shift: {metric: score_shift_ratio, below: 10%}}",
            "95%",
            snapshot(["slices 0.95: 1 - ((max{{.by}}(score_shift_ratio) <= bool 0.1)) of "]),
        ),
        (
            "{accept_rate: {good: accepted_total, total: shown_total}}",
            "30%",
            snapshot([
                "events 0.3: ((sum{{.by}}(rate(shown_total[{{.window}}]))) - "
                "((sum{{.by}}(rate(accepted_total[{{.window}}]))) or "
                "(sum{{.by}}(rate(shown_total[{{.window}}]))) * 0)) of "
                "sum{{.by}}(rate(shown_total[{{.window}}]))"
            ]),
        ),
        (
            "{logs: {total: 'service.name = \"a\"', bad: 'severity >= ERROR'}}",
            "99%",
            snapshot([
                'events 0.99: ((sum{{.by}}(rate(slo:sli_events:total{slo="a",kind="bad"}'
                '[{{.window}}]))) or (sum{{.by}}(rate(slo:sli_events:total{slo="a",kind="all"}'
                '[{{.window}}]))) * 0) of sum{{.by}}(rate(slo:sli_events:total{slo="a",'
                'kind="all"}[{{.window}}]))'
            ]),
        ),
    ],
)  # fmt: skip
def test_what_a_kind_means(sli: str, objective: str, wanted: list[str]) -> None:
    assert read(sli, objective) == wanted


@pytest.mark.parametrize(
    ("sli", "objective", "more", "said"),
    [
        ("{latency: l_seconds}", "p95 <= 200", "",
         's.yml:6:18: SLO "a": metric: 200 has no unit, and l_seconds is in seconds; '
         "write the unit, such as 200 ms"),
        ("{latency: {metric: l_seconds, unit: ms}}", "p95 <= 200 ms", "",
         's.yml:6:44: SLO "a": unit: a target in ms against l_seconds, which is in s by its name: '
         "a factor of 0.001 apart"),
        ("{latency: l_seconds}", "p95 <= 2 GiB", "",
         's.yml:6:18: SLO "a": metric: 2 GiB cannot be compared with l_seconds, which is in '
         "seconds"),
        ("{latency: l}", "p95 <= 200 ms", "",
         's.yml:6:18: SLO "a": metric: 200 ms is compared with l, whose name tells no unit; add '
         "'unit:' with the metric's own, such as unit: s"),
        ("{gpu_utilisation: {between: [30, 95]}}", "90%", "",
         's.yml:6:36: SLO "a": bounds: 30 has no unit, and gpu_utilization_ratio is in ratio; '
         "write the unit, such as 30 %"),
        ("{errors: r_total}", "99.9", "",
         's.yml:7:14: SLO "a": objective: objective "99.9": a share lies between 0 and 1; '
         "write 99.9%"),
        ("{errors: r_total}", "p95 <= 1 s", "",
         's.yml:7:14: SLO "a": objective: 1 s is a bound of latency, and the indicator is errors'),
        ("{errors: 'r_total{'}", "99%", "",
         's.yml:6:17: SLO "a": requests: "r_total{" is no selector; write a metric, with '
         '{label="value"} or not'),
        ("{errors: r_total}", "99%", "  windows: 30d\n", 'field "windows" is not known'),
        ("{errors: r_total}", "99%", "  window: {calendar: moon}\n", 'calendar "moon" is none of'),
        ("{errors: r_total}", "99%", "  hours: {zone: Mars/Base}\n",
         's.yml:8:17: SLO "a": zone "Mars/Base" is no IANA time zone, such as Europe/Zurich'),
        ("{errors: r_total}", "99%", "  hours: {zone: UTC, open: 22:00-06:00}\n",
         "must end after it starts, by 24:00; a span over midnight is written as two"),
        ("{errors: r_total}", "99%", "  severity: urgent\n", 'severity "urgent": page wakes'),
        ("{errors: r_total}", "99%", "  severity: FILL-ME-IN\n",
         's.yml:8:13: SLO "a": severity is still FILL-ME-IN: say who is told, and how urgently'),
        ("{errors: r_total}", "99%", "- name: a\n  service: s\n  sli: {errors: r_total}\n"
         "  objective: 99%\n", "the name is taken by the SLO at s.yml:2:3; names are unique"),
    ],
)  # fmt: skip
def test_what_is_refused_or_doubted(sli: str, objective: str, more: str, said: str) -> None:
    assert any(said in line for line in read(sli, objective, more)), read(sli, objective, more)


def test_what_is_written_reads_back_as_the_same() -> None:
    text = """\
slos:
- name: a
  service: s
  sli: {latency: l_seconds}
  objective: p95 <= 200 ms
  by: [region]
  window: {calendar: month, zone: Asia/Tokyo}
- name: b
  service: s
  sli: {drift: {metric: drift_psi}}
  objective: 90%
  alerts: [{severity: ticket, long: 1d, short: 2h, factor: 2, for: 10m}]
"""
    slos = check_text(text, "s.yml")[0].slos
    written = to_short_form(slos)
    again, problems = check_text(written, "t.yml")
    assert problems == []
    for before, after in zip(slos, again.slos, strict=True):
        assert (before.target, before.period, before.windows, before.by) == (
            *(after.target, after.period),
            *(after.windows, after.by),
        )
    assert to_short_form(again.slos) == written


@pytest.mark.parametrize("module", ["quantity", "windows", "promql", "openslo", "starter"])
def test_examples_in_docstrings_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"vario.slo.{module}")).failed == 0

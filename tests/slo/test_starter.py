"""`vario init`: what is drafted out of what services send, and what is written."""

import re
from collections.abc import Mapping, Sequence

from vario.model.telemetry import Signal
from vario.query.filter import parse_filter
from vario.query.promql.parser import parse
from vario.slo.load import check_text
from vario.slo.runbook import render_runbook
from vario.slo.starter import choose_bound, find_drafts, render_slos


class Pretended:
    """A server that answers from tables; queries are found by a part of their text."""

    def __init__(
        self, series: Sequence[Mapping[str, str]], answers: Mapping[str, Sequence[float]]
    ) -> None:
        self._series = series
        self._answers = answers

    def metric_names(self) -> list[str]:
        return sorted({one["__name__"] for one in self._series})

    def series(self, selector: str) -> list[Mapping[str, str]]:
        return [one for one in self._series if one["__name__"] == selector]

    def query(self, expr: str) -> list[tuple[Mapping[str, str], float]]:
        found = next((v for part, v in self._answers.items() if part in expr), ())
        if "by (le)" in expr and "quantile" not in expr:
            ends = ("0.1", "0.25", "0.5", "+Inf")
            return [({"le": le}, v) for le, v in zip(ends, found, strict=True)]
        return [({}, value) for value in found[:1]]


def make_server() -> Pretended:
    job = {"job": "ml-infer"}
    return Pretended(
        [
            *({"__name__": "inference_requests_total", "status_code": code, "region": region, **job}
              for code in ("200", "503") for region in ("us-east", "eu-west")),
            *({"__name__": "inference_latency_seconds_bucket", "le": le, **job}
              for le in ("0.1", "0.25", "0.5", "+Inf")),
            {"__name__": "feature_missing_total", "feature": "age", **job},
            {"__name__": "gpu_utilization_ratio", "gpu": "0", **job},
            {"__name__": "vllm:e2e_request_latency_seconds_bucket", "le": "+Inf",
             "model_name": "m"},
        ],
        {
            "histogram_quantile": (0.18,),
            "vllm": (0, 0, 0, 12),
            "by (le)": (7000, 9900, 9990, 10_000),
            "5..": (20,),
            "feature_missing": (300,),
            "inference_requests_total": (10_000,),
        },
    )  # fmt: skip


def test_a_draft_for_each_thing_that_known_metrics_tell() -> None:
    drafts = find_drafts(make_server())
    assert [(d.name, d.objective, d.severity, d.breakdown) for d in drafts] == [
        ("ml-infer-latency", "p99 <= 500 ms", "page", ""),
        ("ml-infer-errors", "99.5%", "page", "region"),
        ("ml-infer-availability", "99.5%", "page", "region"),
        ("ml-infer-features", "90%", "ticket", ""),
        ("ml-infer-gpu-utilisation", "95%", "ticket", ""),
    ]
    assert find_drafts(make_server(), "somebody-else") == []


def test_what_is_written_loads_and_says_what_to_fill_in() -> None:
    drafts = find_drafts(make_server())
    found, problems = check_text(render_slos(drafts, "7d"), "slos.yml")
    assert problems == []
    assert [slo.name for slo in found.slos] == [draft.name for draft in drafts]
    said = {warning.message for warning in found.warnings}
    assert said == {
        "owner is still FILL-ME-IN: say who is told, and how urgently",
        "severity is still FILL-ME-IN: say who is told, and how urgently",
    }
    filled, _ = check_text(render_slos(drafts, "7d", "ml", "usual"), "slos.yml")
    assert filled.warnings == ()
    assert {w.severity for slo in filled.slos if "gpu" in slo.name for w in slo.windows} == {
        "ticket"
    }


def test_a_runbook_says_what_to_check_in_which_order() -> None:
    for draft in find_drafts(make_server()):
        text = render_runbook(draft)
        assert [line[:2] for line in text.splitlines() if line[1:2] == "."] == [
            *("1.", "2.", "3.", "4.", "5.", "6.")
        ]
        assert f"vario slo status {draft.name}" in text
        (traces,) = re.findall(r"`vario traces '(.*)'`", text)
        (logs,) = re.findall(r"`vario logs '(.*)'`", text)
        (promql,) = re.findall(r"`vario query '(.*)'`", text)
        parse_filter(traces, Signal.TRACES)
        parse_filter(logs, Signal.LOGS)
        parse(promql)


def test_a_latency_target_is_the_end_of_a_bucket() -> None:
    inf = float("inf")
    assert choose_bound({0.1: 500, 0.2: 980, 2.0: 996, inf: 1000}) == (0.95, 0.2)
    assert choose_bound({0.1: 500, inf: 1000}) is None

"""SLOs as a Grafana dashboard over what their rules record."""

from collections.abc import Sequence
from typing import Any

from vario.slo.model import Slo
from vario.slo.words import say_rule

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_ROW = 9


def make_dashboard(slos: Sequence[Slo]) -> dict[str, Any]:
    """Returns the JSON of a dashboard with a row for each SLO.

    Source: Grafana's documentation, "Dashboard JSON model", schema 39.
    """
    panels: list[dict[str, Any]] = []
    for i, slo in enumerate(slo for slo in slos if slo.sli.mode != "unsupported"):
        panels += _row(slo, i)
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    title = f"SLO {slos[0].name}" if len(slos) == 1 else "SLOs"
    return {
        "title": title,
        "uid": f"vario-slo-{slos[0].name}"[:40] if len(slos) == 1 else "vario-slos",
        "tags": ["slo", "vario"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-7d", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "hide": 0}]
        },
        "panels": panels,
    }


def _row(slo: Slo, number: int) -> list[dict[str, Any]]:
    me = f'{{slo="{slo.name}"}}'
    top = number * _ROW
    legend = " ".join(f"{{{{{label}}}}}" for label in slo.by)
    worst = max((w.factor for w in slo.windows), default=14.4)
    rules = "\n\n".join(say_rule(slo, window) for window in slo.windows)
    left = f"slo:period_error_budget_remaining:ratio{me}"
    return [
        {
            "type": "row",
            "title": f"{slo.title or slo.name}: {100 * slo.target:.6g}% over {slo.period.words}",
            "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
            "collapsed": False,
            "panels": [],
        },
        _panel("stat", "Budget left", [(left, legend)], (0, top + 1, 4), "percentunit", [0, 0.25]),
        _panel("timeseries", "Budget left", [(left, legend)], (4, top + 1, 7), "percentunit"),
        _panel(
            "timeseries",
            "Burn rate by window",
            [(f'{{__name__=~"slo:sli_error:ratio_rate.+",slo="{slo.name}"}} / {slo.budget!r}',
              f"{{{{window}}}} {legend}".strip())],
            (11, top + 1, 8),
            "none",
            [worst],
        ),
        {
            "type": "text",
            "title": "Alerts",
            "gridPos": {"x": 19, "y": top + 1, "w": 5, "h": _ROW - 1},
            "options": {"mode": "markdown", "content": rules},
        },
    ]  # fmt: skip


def _panel(
    kind: str,
    title: str,
    queries: Sequence[tuple[str, str]],
    place: tuple[int, int, int],
    unit: str,
    thresholds: Sequence[float] = (),
) -> dict[str, Any]:
    x, y, width = place
    rising = ("green", "red") if unit == "none" else ("red", "orange", "green")
    steps: list[dict[str, Any]] = [{"color": rising[0], "value": None}]
    steps += [{"color": c, "value": v} for c, v in zip(rising[1:], thresholds, strict=False)]
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": _ROW - 1},
        "fieldConfig": {
            "defaults": {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "targets": [
            {"refId": chr(65 + i), "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
            for i, (expr, legend) in enumerate(queries)
        ],
    }

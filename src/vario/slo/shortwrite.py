"""SLOs written in the short form: how what was imported is kept."""

from collections.abc import Sequence

import yaml

from vario.query.promql.literals import format_duration_ms
from vario.slo.model import Slo
from vario.slo.period import Calendar
from vario.slo.promql import BY, BY_LE, join_selector


def to_short_form(slos: Sequence[Slo]) -> str:
    """Returns SLOs as the text of a file in the short form.

    Indicators but latency are written as the PromQL that they came to: an SLO that is read back
    judges the same events. What cannot be measured here is left out, with a comment.
    """
    kept = [slo for slo in slos if slo.sli.mode != "unsupported"]
    lost = [slo for slo in slos if slo.sli.mode == "unsupported"]
    comment = "".join(f"# left out: {slo.name}: {slo.sli.reason}\n" for slo in lost)
    document = {"slos": [_slo(slo) for slo in kept]}
    return comment + yaml.safe_dump(document, sort_keys=False, width=100, allow_unicode=True)


def _slo(slo: Slo) -> dict[str, object]:
    optional: dict[str, object] = {
        "title": slo.title,
        "description": slo.description,
        "owner": slo.owner,
        "runbook": slo.runbook,
        "by": list(slo.by),
        "labels": dict(slo.labels),
        "alert_name": slo.alert_name if slo.alert_name != "ErrorBudgetBurn" else "",
    }
    document: dict[str, object] = {"name": slo.name, "service": slo.service}
    document |= {key: value for key, value in optional.items() if value}
    document |= {"sli": _sli(slo), "objective": f"{100 * slo.target:.10g}%", "window": _window(slo)}
    if slo.alerts is not None:
        document["alerts"] = [
            {
                "severity": w.severity,
                "long": format_duration_ms(w.long_s * 1000),
                "short": format_duration_ms(w.short_s * 1000),
                "factor": w.factor,
                **({"for": format_duration_ms(w.for_s * 1000)} if w.for_s else {}),
            }
            for w in slo.alerts
        ] or "none"
    return document


def _sli(slo: Slo) -> dict[str, object]:
    sli = slo.sli
    by = f" by ({', '.join(slo.by)}) " if slo.by else ""
    by_le = f" by ({', '.join((*slo.by, 'le'))}) "
    bad, total = (text.replace(BY, by).replace(BY_LE, by_le) for text in (sli.bad, sli.total))
    if bound := sli.latency:
        metric = join_selector(bound.metric, bound.selector)
        limit = {"faster_than": f"{bound.bound:.12g} {sli.unit}", "buckets": bound.buckets}
        return {"latency": {"metric": metric, "unit": sli.unit, **limit}}
    if sli.mode == "events":
        return {"ratio": {"bad": bad, "total": total, "words": sli.words}}
    if sli.mode == "ratio":
        return {"error_ratio": {"query": bad, "words": sli.words}}
    return {"slices": {"bad": bad, "words": sli.words}}


def _window(slo: Slo) -> object:
    if isinstance(slo.period, Calendar):
        return {"calendar": slo.period.unit, "zone": slo.period.zone}
    return format_duration_ms(slo.period.nominal_s * 1000)

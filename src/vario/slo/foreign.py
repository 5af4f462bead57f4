"""Specifications of Sloth (`prometheus/v1`) and Pyrra (`pyrra.dev/v1alpha1`), read as SLOs.

Sources: the documentation of both projects. Their alerts become vario's for the same period; what
they say of names, labels, runbooks and disabled severities is kept.
"""

from dataclasses import replace

from vario.slo import indicators
from vario.slo.fields import Fields, duration_s, parsed, text_of
from vario.slo.model import Place, Sli, Slo
from vario.slo.openslo import slug
from vario.slo.period import Rolling
from vario.slo.promql import BY, WINDOW, split_selector
from vario.slo.quantity import Quantity, parse_quantity
from vario.wire.document import Item

_SLOTH_TOP = frozenset({"version", "service", "labels", "slos"})
_SLOTH_SLO = frozenset({"name", "objective", "description", "labels", "sli", "alerting", "plugins"})
_SLOTH_ALERTING = frozenset({"name", "labels", "annotations", "page_alert", "ticket_alert"})
_PYRRA_SPEC = frozenset({"target", "window", "description", "indicator", "alerting"})
_PYRRA_SLI = frozenset({"ratio", "latency", "latencyNative", "bool_gauge", "boolGauge"})


def is_sloth(item: Item) -> bool:
    """Whether a document is a specification of Sloth."""
    return text_of(item.fields("a document"), "version").startswith("prometheus/")


def is_pyrra(item: Item) -> bool:
    """Whether a document is one of Pyrra."""
    return text_of(item.fields("a document"), "apiVersion").startswith("pyrra.dev/")


def read_sloth(item: Item, file: str) -> list[Slo]:
    """Returns the SLOs of a Sloth specification; its period is 30 days.

    Raises:
        DocumentError: something in it makes no sense, or needs one of Sloth's plugins.
    """
    top = item.fields("a Sloth specification", _SLOTH_TOP)
    if (version := text_of(top, "version")) != "prometheus/v1":
        raise top["version"].fail(f'version "{version}" is not supported; prometheus/v1 is')
    labels = top["labels"].texts("labels") if "labels" in top else {}
    service = text_of(top, "service")
    return [
        _sloth_slo(one, service, labels, file)
        for one in (top["slos"].items("slos") if "slos" in top else ())
    ]


def _sloth_slo(item: Item, service: str, labels: dict[str, str], file: str) -> Slo:
    fields = item.fields("an SLO", _SLOTH_SLO)
    for key in ("name", "objective", "sli"):
        if key not in fields:
            raise item.fail(f'field "{key}" is missing in the SLO')
    name = slug(f"{service}-{text_of(fields, 'name')}")
    labels = {**labels, **(fields["labels"].texts("labels") if "labels" in fields else {})}
    slo = Slo(
        name,
        service,
        _share(fields["objective"], "objective"),
        _sloth_sli(fields["sli"]),
        description=text_of(fields, "description"),
        owner=labels.get("owner", labels.get("team", "")),
        labels=labels,
        place=Place(file, item.line, item.column),
    )
    return _sloth_alerting(slo, fields["alerting"]) if "alerting" in fields else slo


def _sloth_alerting(slo: Slo, item: Item) -> Slo:
    fields = item.fields("alerting", _SLOTH_ALERTING)
    labels = fields["labels"].texts("labels") if "labels" in fields else {}
    notes = fields["annotations"].texts("annotations") if "annotations" in fields else {}
    disabled: set[str] = set()
    for severity in ("page", "ticket"):
        if f"{severity}_alert" in fields:
            one = fields[f"{severity}_alert"].fields(
                "an alert", frozenset({"disable", "labels", "annotations"})
            )
            if text_of(one, "disable") == "true":
                disabled.add(severity)
    alerts = tuple(w for w in slo.windows if w.severity not in disabled) if disabled else None
    return replace(
        slo,
        alert_name=text_of(fields, "name", slo.alert_name),
        labels={**slo.labels, **labels},
        runbook=notes.get("runbook", notes.get("runbook_url", "")),
        alerts=alerts,
    )


def _sloth_sli(item: Item) -> Sli:
    kinds = item.fields("sli", frozenset({"events", "raw", "plugin"}))
    try:
        if "events" in kinds:
            fields = kinds["events"].fields("events", frozenset({"error_query", "total_query"}))
            bad, total = (text_of(fields, key) for key in ("error_query", "total_query"))
            return indicators.ratio("ratio", bad=bad, total=total)
        if "raw" in kinds:
            fields = kinds["raw"].fields("raw", frozenset({"error_ratio_query"}))
            return indicators.error_ratio("error_ratio", text_of(fields, "error_ratio_query"))
    except ValueError as error:
        raise item.fail(f"sli: {error}") from error
    if "plugin" in kinds:
        raise kinds["plugin"].fail("sli.plugin: Sloth's plugins are not run here; write the query")
    raise item.fail("sli wants events or raw")


def read_pyrra(item: Item, file: str) -> list[Slo]:
    """Returns the SLO of a Pyrra document.

    Raises:
        DocumentError: something in it makes no sense.
    """
    top = item.fields("a Pyrra document", frozenset({"apiVersion", "kind", "metadata", "spec"}))
    if (kind := text_of(top, "kind")) != "ServiceLevelObjective":
        raise top.get("kind", item).fail(f'kind "{kind}" is not ServiceLevelObjective')
    if "metadata" not in top or "spec" not in top:
        raise item.fail('fields "metadata" and "spec" must be there')
    meta = top["metadata"].fields("metadata")
    spec = top["spec"].fields("spec", _PYRRA_SPEC)
    for key in ("target", "window", "indicator"):
        if key not in spec:
            raise top["spec"].fail(f'field "{key}" is missing in spec')
    labels = meta["labels"].texts("labels") if "labels" in meta else {}
    own = {k.removeprefix("pyrra.dev/"): v for k, v in labels.items() if k.startswith("pyrra.dev/")}
    name = text_of(meta, "name")
    sli, by = _pyrra_sli(spec["indicator"])
    alerting = spec["alerting"].fields("alerting") if "alerting" in spec else {}
    slo = Slo(
        slug(name),
        own.get("service", text_of(meta, "namespace", name)),
        _share(spec["target"], "target"),
        sli,
        Rolling(parsed(spec["window"], "window", duration_s)),
        description=text_of(spec, "description"),
        owner=own.get("team", own.get("owner", "")),
        by=by,
        labels=own,
        alert_name=text_of(alerting, "name", "ErrorBudgetBurn"),
        place=Place(file, item.line, item.column),
    )
    is_off = text_of(alerting, "disabled") == "true" or text_of(alerting, "burnrates") == "false"
    return [replace(slo, alerts=()) if is_off else slo]


def _pyrra_sli(item: Item) -> tuple[Sli, tuple[str, ...]]:
    ((kind, inner),) = _one_kind(item)
    fields = inner.fields(kind)
    by = (
        tuple(one.text("grouping") for one in fields["grouping"].items("grouping"))
        if "grouping" in fields
        else ()
    )
    try:
        if kind == "ratio":
            bad, total = _metric(fields, "errors", inner), _metric(fields, "total", inner)
            return indicators.ratio("ratio", bad=bad, total=total), by
        if kind == "latency":
            good, total = _metric(fields, "success", inner), _metric(fields, "total", inner)
            words = "requests that were too slow"
            return indicators.ratio("latency", good=good, total=total, words=words), by
        if kind == "latencyNative":
            bound = parse_quantity(text_of(fields, "latency"))
            total = _metric(fields, "total", inner)
            if not bound.unit:
                bound = Quantity(bound.value, "s")
            return indicators.latency(total, bound, buckets="native"), by
        metric = text_of(fields, "metric")
        split_selector(metric)
        query = f"1 - avg{BY}(avg_over_time({metric}[{WINDOW}]))"
        return indicators.error_ratio("availability", query, words="time that it was down"), by
    except ValueError as error:
        raise inner.fail(f"indicator.{kind}: {error}") from error


def _one_kind(item: Item) -> list[tuple[str, Item]]:
    kinds = list(item.fields("indicator", _PYRRA_SLI).items())
    if len(kinds) != 1:
        raise item.fail("indicator wants exactly one kind")
    return kinds


def _metric(fields: Fields, key: str, item: Item) -> str:
    if key not in fields:
        raise item.fail(f'field "{key}" is missing')
    return text_of(fields[key].fields(key, frozenset({"metric"})), "metric")


def _share(item: Item, key: str) -> float:
    """Returns a target in percent, as both write it, as a share."""
    percent = parsed(item, key, float)
    if not 0 < percent < 100:
        raise item.fail(f"{key}: {percent:g} is no percentage between 0 and 100")
    return round(percent / 100, 12)

"""What an alert says: templates that ask for what is left, and for where it burns."""

from vario.query.promql.literals import format_duration_ms
from vario.slo.model import Slo
from vario.slo.promql import render
from vario.slo.windows import BurnWindow


def annotations_of(slo: Slo, window: BurnWindow) -> dict[str, str]:
    """Returns the annotations of a burn-rate alert, as Prometheus' templates.

    The summary reads: "ml-infer: burning the 30-day budget of infer-latency 14x; at this rate it is
    gone in 2 d 3 h; 12% left; us-east only".
    """
    words = slo.period.words
    summary = (
        f"{slo.service}: burning the {words} budget of {slo.name} "
        '{{ printf "%.1f" $value | reReplaceAll "([0-9]{2,})[.][0-9]$" "$1" }}x'
        f"{_gone(slo)}{_where(slo, window)}"
    )
    link = f"{{{{ externalURL }}}}/slos/{slo.name}"
    runbook = slo.runbook if "://" in slo.runbook else f"{link}/runbook"
    texts = {"summary": summary, "description": say_rule(slo, window), "dashboard": link}
    return {**texts, "runbook_url": runbook} if slo.runbook else texts


def say_rule(slo: Slo, window: BurnWindow) -> str:
    """Returns one alert in words."""
    long, short = (format_duration_ms(s * 1000) for s in (window.long_s, window.short_s))
    share = 100 * window.factor * slo.budget
    held = f" for {format_duration_ms(window.for_s * 1000)}" if window.for_s else ""
    who = "wakes someone" if window.severity == "page" else "opens a ticket"
    hours = "" if slo.hours is None else ", business hours only"
    return (
        f"{who.capitalize()} when more than {share:.4g}% are {slo.sli.words} over the last {long} "
        f"and over the last {short}{held}{hours}: {window.factor:.4g} times what "
        f"{100 * slo.target:.6g}% over a {slo.period.words} period allows, "
        f"{100 * window.budget:.3g}% of the budget within {long}"
    )


def _gone(slo: Slo) -> str:
    """Returns the template of what is left, and of when it is gone."""
    period_s = slo.period.nominal_s
    unit = ""
    if slo.hours is not None:
        period_s = round(period_s * slo.hours.open_share)
        unit = " of business hours"
    left = f"slo:period_error_budget_remaining:ratio{{{_matchers(slo)}}}"
    args = "".join(f" $labels.{name}" for name in slo.by)
    ask_gone = f'printf "clamp_min({left}, 0) * {period_s} / %g"{args} $value | query'
    ask_left = f'printf "{left}"{args} | query' if slo.by else f'"{left}" | query'
    short = (
        'reReplaceAll "^([0-9]+)d ([0-9]+)h.*" "$1 d $2 h" | '
        'reReplaceAll "^([0-9]+)h ([0-9]+)m.*" "$1 h $2 min" | '
        'reReplaceAll "^([0-9]+)m .*" "$1 min"'
    )
    return (
        f"{{{{ with {ask_left} }}}}{{{{ $left := . | first | value }}}}"
        "{{ if le $left 0.0 }}; the budget is spent{{ else }}"
        f"{{{{ with {ask_gone} }}}}; at this rate it is gone in "
        f"{{{{ . | first | value | humanizeDuration | {short} }}}}{unit}{{{{ end }}}}; "
        '{{ $left | humanizePercentage | reReplaceAll "[.][0-9]+%" "%" }} left'
        "{{ end }}{{ end }}"
    )


def _matchers(slo: Slo) -> str:
    """Returns matchers of an SLO's series and of the alert's group, for a template's text."""
    return ",".join([f"slo='{slo.name}'", *(f"{name}=%q" for name in slo.by)])


def _where(slo: Slo, window: BurnWindow) -> str:
    """Returns the template of where it burns: the group, or what explains it."""
    long = format_duration_ms(window.long_s * 1000)
    threshold = f"{window.factor * slo.budget:.10g}"
    if slo.by:
        name = " ".join(f"{{{{ $labels.{label} }}}}" for label in slo.by)
        series = f"slo:sli_error:ratio_rate{long}{{slo='{slo.name}'}}"
        ask = f"(count({series}) > 1) and (count({series} > {threshold}) == 1)"
        return f'; {name}{{{{ if query "{ask}" }}}} only{{{{ end }}}}'
    if not slo.breakdown or slo.sli.mode != "events" or slo.is_recorded:
        return ""
    bad, total = (render(t, window.long_s, (slo.breakdown,)) for t in (slo.sli.bad, slo.sli.total))
    share = f"({bad} / ({total} > 0))".replace("\\", "\\\\").replace('"', '\\"')
    ask = f"({share} > {threshold}) and on () (count({share} > {threshold}) == 1)"
    ask += f" and on () (count({share}) > 1)"
    label = f'{{{{ . | first | label "{slo.breakdown}" }}}}'
    return f'{{{{ with query "{ask}" }}}}; {label} only{{{{ end }}}}'

"""`vario investigate`: what is wrong, for whom, since when, why, and what to do."""

import json
import shutil
import textwrap
from collections.abc import Mapping
from typing import Any

import click

from vario.cli.client import json_option, send, server_option
from vario.cli.output import format_time

_SYMPTOMS = ("latency", "errors", "traffic", "quality", "cost", "saturation")
_COLOURS = {"explained": "red", "partial": "yellow", "unexplained": "yellow", "no_change": "green"}
_HEADINGS = {
    "explained": "cause found",
    "partial": "no clear cause, but where it is",
    "unexplained": "no clear cause",
    "no_change": "nothing beyond the usual",
}


@click.command()
@click.option("--service", default="", help="service.name; all of them where it is left out.")
@click.option("--symptom", type=click.Choice(_SYMPTOMS), help="What is wrong, where it is known.")
@click.option("--alert", "alert_id", default="", help="Id of an alert that asks.")
@click.option("--slo", default="", help="An SLO that asks.")
@click.option("--expression", default="", help="PromQL of a metric that is wrong.")
@click.option("--model", default="", help="model_name.")
@click.option("--scope", multiple=True, metavar="FIELD=VALUE", help="Only these; repeatable.")
@click.option("--since", default="1h", show_default=True, help="How far back, such as 15m.")
@click.option("--until", default="now", show_default=True, help="Up to when.")
@click.option("--evidence/--no-evidence", default=False, help="Print the queries of each number.")
@server_option
@json_option
def investigate(
    scope: tuple[str, ...], since: str, until: str, server: str, *, evidence: bool, as_json: bool,
    **asked: str | None,
) -> None:  # fmt: skip
    """Find out what is wrong, for whom, since when and why, and what to do.

    The answer rests on numbers that anyone can ask again: --evidence prints their queries. Where
    nothing is beyond its usual variation, or no suspect stands, it says so.
    """
    pairs: dict[str, str] = {}
    for one in scope:
        name, equals, value = one.partition("=")
        if not equals:
            raise click.BadParameter(f"{one!r} is no FIELD=VALUE", param_hint="--scope")
        pairs[name] = value
    given = {name: value for name, value in asked.items() if value}
    start = since if not since[:1].isdigit() or "-" in since else f"now-{since}"
    body = {**given, "start": start, "end": until, "scope": pairs}
    answer = send(server, "POST", "/api/investigate", body)
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    print_investigation(answer, evidence=evidence)


def print_investigation(answer: Mapping[str, Any], *, evidence: bool = False) -> None:
    """Prints an answer for people."""
    verdict = answer["verdict"]
    head = click.style(f" {_HEADINGS[verdict]} ", fg=_COLOURS[verdict], bold=True, reverse=True)
    click.echo(f"{head}  {answer['question']['service'] or 'all services'}")
    click.echo()
    for line in answer["summary"]:
        _say(line, "  • ", "    ")
    for rank, finding in enumerate(answer["findings"], 1):
        _print_finding(rank, finding, evidence=evidence)
    if answer["ruled_out"]:
        click.echo()
        click.secho("Ruled out", bold=True)
        for one in answer["ruled_out"]:
            _say(f"{_subject(one['subject'])}: {one['reason']}", "  × ", "    ")
    if len(answer["timeline"]) > 1:
        click.echo()
        click.secho("What happened when", bold=True)
        for moment in answer["timeline"]:
            _say(moment["text"], f"  {_clock(moment['time'])}  ", " " * 12)
    _print_coverage(answer)


def _print_finding(rank: int, finding: Mapping[str, Any], *, evidence: bool) -> None:
    click.echo()
    bar = _bar(finding["confidence"])
    explained = finding["explained"]
    share = f"  explains {100 * explained:.0f}%" if explained is not None else ""
    kind = click.style(finding["kind"], fg="cyan")
    subject = click.style(_subject(finding["subject"]), bold=True)
    click.echo(f"{rank}. {subject}  {kind}")
    click.echo(f"   {bar} {finding['confidence']:.2f} confidence{share}")
    _say(finding["statement"], "   ", "   ")
    for text in finding["supports"]:
        _say(text, click.style("   + ", fg="green"), "     ")
    for text in finding["contradicts"]:
        _say(text, click.style("   - ", fg="red"), "     ")
    if finding["next_step"]:
        _say(finding["next_step"], click.style("   → ", fg="yellow"), "     ")
    if finding["command"]:
        click.echo(f"     $ {finding['command']}")
    if finding["trace_ids"]:
        click.echo(f"   e.g. vario trace {finding['trace_ids'][0]}")
    if evidence:
        for one in finding["evidence"]:
            value = "nothing" if one["value"] is None else f"{one['value']:.6g} {one['unit']}"
            click.secho(f"   {one['title']}: {value}", dim=True)
            click.secho(f"     {one['language']}: {one['query']}", dim=True)


def _print_coverage(answer: Mapping[str, Any]) -> None:
    cover = answer["coverage"]
    read = [
        f"{cover['spans']:,} spans",
        f"{cover['logs']:,} records",
        f"{cover['series']:,} series",
    ]
    left = "".join(f"; {one}" for one in cover["left_out"])
    click.echo()
    took = f"{answer['took_ms']:.0f} ms; {cover['placebos']} earlier windows for comparison"
    click.secho(f"Read {', '.join(read)} in {took}{left}.", dim=True)


def _say(text: str, first: str, rest: str) -> None:
    width = min(100, shutil.get_terminal_size((100, 40)).columns)
    plain = " " * len(click.unstyle(first))
    lines = textwrap.wrap(text, width, initial_indent=plain, subsequent_indent=rest) or [plain]
    click.echo(first + lines[0][len(plain) :])
    for line in lines[1:]:
        click.echo(line)


def _subject(subject: Mapping[str, str]) -> str:
    return "  ".join(f"{name}={value}" for name, value in subject.items()) or "everything"


def _bar(confidence: float) -> str:
    full = round(10 * confidence)
    colour = "red" if confidence >= 0.7 else "yellow"
    return click.style("█" * full, fg=colour) + click.style("░" * (10 - full), dim=True)


def _clock(time_s: float) -> str:
    return format_time(int(time_s * 1e9))[11:19]

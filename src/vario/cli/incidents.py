"""`vario incident`: what is wrong, why, who looks after it, and whether the fix worked."""

import getpass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import orjson

from vario.cli.alerts import show_time
from vario.cli.client import ask, ask_text, json_option, send, server_option
from vario.cli.output import paint, print_table

_COLOURS = {
    "open": "failed",
    "verifying": "warning",
    "resolved": "ok",
    "recovered": "ok",
    "improved": "warning",
    "not_recovered": "failed",
    "relapsed": "failed",
    "too_early": "warning",
}
_VERDICTS = {"too_early": "too early to say", "not_recovered": "not recovered"}
by_option = click.option("--by", default=getpass.getuser, help="Who says so.  [default: you]")


@click.group()
def incident() -> None:
    """Show incidents, say that one is fixed, and have the fix proved."""


@incident.command("list")
@click.option("--state", type=click.Choice(["open", "verifying", "resolved"]))
@click.option("--service", help="Of this service alone.")
@click.option("--since", default="30d", show_default=True, help="How far back, such as 2h or 7d.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@json_option
@server_option
def list_(
    *, state: str | None, service: str | None, since: str, limit: int, as_json: bool, server: str
) -> None:
    """List incidents: those that are not resolved first, then the newest."""
    params = {"state": state, "service": service, "start": f"now-{since}", "limit": limit}
    answer = ask(server, "/api/incidents", params)
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    if not answer["incidents"]:
        click.echo("no incidents")
        return
    rows = [
        [
            paint(one["state"], _COLOURS[one["state"]]),
            one["severity"],
            show_time(one["opened"]),
            one["id"],
            _paint_verdict(one["fix"]) if one["fix"] else "",
            one["title"] + (f": {one['finding']}" if one["finding"] else ""),
        ]
        for one in answer["incidents"]
    ]
    print_table(["STATE", "SEVERITY", "OPENED (UTC)", "ID", "FIX", "WHAT"], rows)


def _paint_verdict(verdict: str) -> str:
    return paint(_VERDICTS.get(verdict, verdict), _COLOURS[verdict])


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@json_option
@server_option
def show(incident_id: str, *, as_json: bool, server: str) -> None:
    """Show one incident: what was found, whether the fix works, and what happened."""
    answer = ask(server, _path(incident_id))
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    print_incident(answer)


def print_incident(answer: dict[str, Any]) -> None:
    """Prints an incident of the API."""
    click.echo(click.style(answer["title"], bold=True))
    who = f", {answer['acknowledged_by']} looks after it" if answer["acknowledged_by"] else ""
    state = paint(answer["state"], _COLOURS[answer["state"]])
    click.echo(f"{answer['id']}  {state}  {answer['severity']}  {answer['service']}{who}")
    found, proof = answer["investigation"], answer["verification"]
    if found:
        click.echo(f"\n{click.style('Why', bold=True)} ({found['verdict']})")
        for sentence in found["summary"]:
            click.echo(f"  - {sentence}")
        for number, finding in enumerate(found["findings"], start=1):
            click.echo(f"  {number}. {finding['statement']} [{finding['confidence']:.0%}]")
            if finding["next_step"]:
                click.echo(f"     next: {finding['next_step']}")
            if finding["command"]:
                click.echo(f"     {finding['command']}")
    if proof:
        click.echo(f"\n{click.style('Fix', bold=True)}: {_paint_verdict(proof['verdict'])}")
        click.echo(f"  {proof['statement']}")
    for note in answer["notes"]:
        click.echo(f"\n{paint('warning', 'warning')}: {note}")
    click.echo(f"\n{click.style('Timeline', bold=True)}")
    for moment in answer["timeline"]:
        click.echo(f"  {show_time(moment['time'])}  {moment['text']}")


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@server_option
def investigate(incident_id: str, *, server: str) -> None:
    """Investigate INCIDENT again, now."""
    print_incident(send(server, "POST", f"{_path(incident_id)}/investigate"))


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option("--at", default="now", show_default=True, help="Since when, such as now-5m.")
@click.option("--note", default="", help="What was done.")
@click.option("--withdraw", is_flag=True, help="Take it back.")
@by_option
@server_option
def fixed(incident_id: str, *, at: str, note: str, withdraw: bool, by: str, server: str) -> None:
    """Say that INCIDENT is fixed: from then on it is tested whether that is true."""
    path = f"{_path(incident_id)}/fixed"
    if withdraw:
        send(server, "DELETE", path)
        click.echo(f"{incident_id} is not fixed after all")
        return
    answer = send(server, "POST", path, {"at": at, "by": by, "note": note})
    since = show_time(answer["verification"]["claimed"])
    click.echo(
        f"{incident_id} is said to be fixed since {since}: 'vario incident show {incident_id}' "
        "tells whether it is"
    )


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.argument("text")
@by_option
@server_option
def note(incident_id: str, text: str, *, by: str, server: str) -> None:
    """Put a remark on the timeline of INCIDENT."""
    send(server, "POST", f"{_path(incident_id)}/note", {"by": by, "text": text})
    click.echo(f"noted on {incident_id}")


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option("--withdraw", is_flag=True, help="Take it back.")
@by_option
@server_option
def ack(incident_id: str, *, withdraw: bool, by: str, server: str) -> None:
    """Say that somebody looks after INCIDENT: its alerts are not told again while they fire on."""
    path = f"{_path(incident_id)}/acknowledge"
    if withdraw:
        send(server, "DELETE", path)
        click.echo(f"{incident_id} is nobody's again")
        return
    send(server, "POST", path, {"by": by})
    click.echo(f"{incident_id} is looked after by {by}")


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option("--note", default="", help="Why it is over.")
@by_option
@server_option
def resolve(incident_id: str, *, note: str, by: str, server: str) -> None:
    """End INCIDENT by your word, without proof."""
    send(server, "POST", f"{_path(incident_id)}/resolve", {"by": by, "note": note})
    click.echo(f"{incident_id} is resolved")


@incident.command()
@click.argument("incident_id", metavar="INCIDENT")
@click.option(
    "--format", "kind", type=click.Choice(["markdown", "html"]), default="markdown",
    show_default=True,
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write."
)
@server_option
def report(incident_id: str, *, kind: str, output: Path | None, server: str) -> None:
    """Write a draft of the post-mortem of INCIDENT."""
    text = ask_text(server, f"{_path(incident_id)}/report", {"format": kind})
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    click.echo(f"written to {output}")


def _path(incident_id: str) -> str:
    return f"/api/incidents/{quote(incident_id, safe='')}"

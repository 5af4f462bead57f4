"""`vario alerts`: what fires, what became of it, who was told."""

import getpass
from typing import Any
from urllib.parse import quote

import click
import orjson

from vario.cli.client import ask, json_option, send, server_option
from vario.cli.output import format_time, paint, print_table

_COLOURS = {
    "firing": "failed",
    "pending": "warning",
    "resolved": "ok",
    "sent": "ok",
    "queued": "warning",
    "dead": "failed",
}
"""State of an alert or a notification, and the state whose colour it has."""


@click.group()
def alerts() -> None:
    """Show alerts, what became of them, and who was told."""


@alerts.command("list")
@click.argument("matchers", nargs=-1)
@click.option("--state", type=click.Choice(["pending", "firing", "resolved"]))
@json_option
@server_option
def show(matchers: tuple[str, ...], *, state: str | None, as_json: bool, server: str) -> None:
    """List alerts that are pending, firing or lately resolved.

    MATCHERS such as service=ml-infer or 'severity=~"page|ticket"' narrow it.
    """
    answer = ask(server, "/api/alerts", {"matcher": list(matchers), "state": state})
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    if not answer["alerts"]:
        click.echo("no alerts")
        return
    rows = [
        [
            paint(alert["state"], _COLOURS[alert["state"]]),
            alert["labels"].get("severity", ""),
            show_time(alert["fired"] or alert["active"]),
            alert["id"],
            alert["name"],
            _describe(alert),
        ]
        for alert in answer["alerts"]
    ]
    print_table(["STATE", "SEVERITY", "SINCE (UTC)", "ID", "ALERT", "WHAT"], rows)


def _describe(alert: dict[str, Any]) -> str:
    """Returns what an alert says, and why it is quiet if it is."""
    annotations = alert["annotations"]
    said = annotations.get("summary") or annotations.get("description") or ""
    notes = [f"{mute['kind']}: {mute['comment'] or mute['id']}" for mute in alert["muted_by"]]
    if alert["acknowledged"]:
        notes.append(f"{alert['acknowledged']['author']} is on it")
    if alert["flapping"]:
        notes.append(f"flapping, {alert['changes']} changes in an hour")
    return said + (f" [{'; '.join(notes)}]" if notes else "")


@alerts.command()
@click.argument("matchers", nargs=-1)
@click.option("--since", default="24h", show_default=True, help="How far back, such as 2h or 7d.")
@click.option("--limit", type=click.IntRange(1, 5000), default=50, show_default=True)
@json_option
@server_option
def history(
    matchers: tuple[str, ...], *, since: str, limit: int, as_json: bool, server: str
) -> None:
    """List what became of alerts, newest first."""
    params = {"matcher": list(matchers), "start": f"now-{since}", "limit": limit}
    answer = ask(server, "/api/alerts/history", params)
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    rows = [
        [
            show_time(event["time"]),
            paint(event["state"], _COLOURS.get(event["state"], "")),
            event["id"],
            event["name"],
            ", ".join(f"{k}={v}" for k, v in event["labels"].items() if k != "alertname"),
        ]
        for event in answer["events"]
    ]
    print_table(["TIME (UTC)", "STATE", "ID", "ALERT", "LABELS"], rows)


@alerts.command()
@click.option("--status", type=click.Choice(["queued", "sent", "dead"]))
@click.option("--receiver", help="Of this receiver alone.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
@server_option
def deliveries(
    *, status: str | None, receiver: str | None, limit: int, as_json: bool, server: str
) -> None:
    """List notifications and how far they have come; dead ones reached nobody."""
    params = {"status": status, "receiver": receiver, "limit": limit}
    answer = ask(server, "/api/alerts/deliveries", params)
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    rows = [
        [
            show_time(delivery["created"]),
            paint(delivery["status"], _COLOURS[delivery["status"]]),
            str(delivery["attempts"]),
            delivery["receiver"],
            delivery["id"],
            delivery["title"] + (f" ({delivery['error']})" if delivery["error"] else ""),
        ]
        for delivery in answer["deliveries"]
    ]
    print_table(["TIME (UTC)", "STATUS", "TRIES", "RECEIVER", "ID", "WHAT"], rows)


@alerts.command()
@click.argument("delivery")
@server_option
def retry(delivery: str, *, server: str) -> None:
    """Put a notification that was given up on back on its way."""
    again = send(server, "POST", f"/api/alerts/deliveries/{quote(delivery, safe='')}/retry")
    click.echo(f"{again['id']} is on its way to {again['receiver']}")


@alerts.command()
@click.argument("receiver")
@server_option
def test(receiver: str, *, server: str) -> None:
    """Send a test message to RECEIVER; exits with 1 where it does not arrive."""
    outcome = send(server, "POST", f"/api/alerts/receivers/{quote(receiver, safe='')}/test")
    if not outcome["delivered"]:
        click.echo(f"{receiver}: {outcome['error']}", err=True)
        raise SystemExit(1)
    click.echo(f"{receiver}: delivered")


@alerts.command()
@click.argument("alert")
@click.option("--author", default=getpass.getuser, help="Who looks after it.  [default: you]")
@click.option("--comment", default="", help="What others should know.")
@click.option("--withdraw", is_flag=True, help="Take it back.")
@server_option
def ack(alert: str, *, author: str, comment: str, withdraw: bool, server: str) -> None:
    """Say that somebody looks after ALERT (its id): it is not told again while it fires on."""
    path = f"/api/alerts/{quote(alert, safe='')}/acknowledge"
    if withdraw:
        send(server, "DELETE", path)
        click.echo(f"{alert} is nobody's again")
        return
    send(server, "POST", path, {"author": author, "comment": comment})
    click.echo(f"{alert} is acknowledged by {author}")


def show_time(seconds: float) -> str:
    """Returns a time of the API in UTC, to the second."""
    return format_time(round(seconds * 1e9))[:19]

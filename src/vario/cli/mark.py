"""`vario mark`: say what was changed, for charts and investigations."""

import getpass
from typing import Any

import click
import orjson

from vario.cli.alerts import show_time
from vario.cli.client import ask, json_option, send, server_option
from vario.cli.output import print_table
from vario.errors import BadData
from vario.model.marker import MARKER_KINDS


@click.command()
@click.argument("text", required=False)
@click.option("--kind", type=click.Choice(MARKER_KINDS), default="note", show_default=True)
@click.option("--service", default="", help="service.name of what was changed; else everything.")
@click.option("--scope", multiple=True, metavar="NAME=VALUE", help="Limits it: region=us-east.")
@click.option("--at", default="now", show_default=True, help="now-5m, or an RFC 3339 time.")
@click.option("--by", default=getpass.getuser, help="Who changed it.  [default: you]")
@click.option("--link", default="", help="A page about it.")
@click.option("--delete", metavar="ID", help="Take a marker back instead.")
@click.option("--since", default="now-24h", show_default=True, help="Of the list, without TEXT.")
@json_option
@server_option
def mark(
    text: str | None,
    *,
    kind: str,
    service: str,
    scope: tuple[str, ...],
    at: str,
    by: str,
    link: str,
    delete: str | None,
    since: str,
    as_json: bool,
    server: str,
) -> None:
    """Say what was changed: TEXT in a few words. Without TEXT, list what was changed lately.

    Charts show it, and investigations weigh it by its time and target. Call it from the pipeline
    that deploys: vario mark "v23.1 to eu-west" --kind release --service ml-infer
    --scope region=eu-west --scope model_version=v23.1
    """
    if delete:
        send(server, "DELETE", f"/api/markers/{delete}")
        click.echo(f"{delete} is taken back")
        return
    if text is None:
        _show(ask(server, "/api/markers", {"start": since, "service": service}), as_json=as_json)
        return
    body = {
        "text": text, "kind": kind, "service": service, "scope": _parse(scope), "at": at,
        "by": by, "link": link,
    }  # fmt: skip
    made = send(server, "POST", "/api/markers", body)
    click.echo(orjson.dumps(made) if as_json else f"{made['id']} at {show_time(made['time'])} UTC")


def _parse(scope: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in scope]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise BadData(
                f"--scope {name}{equals}{value}: write NAME=VALUE, such as region=eu-west"
            )
    return {name: value for name, _, value in pairs}


def _show(answer: dict[str, list[dict[str, Any]]], *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    names = ("kind", "source", "id", "service", "text")
    rows = [[show_time(one["time"]), *(one[name] for name in names)] for one in answer["markers"]]
    print_table(["TIME (UTC)", "KIND", "SOURCE", "ID", "SERVICE", "WHAT"], rows)

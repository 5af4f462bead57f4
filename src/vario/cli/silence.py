"""`vario silence`: keep alerts quiet for a while, with a name and a reason."""

import getpass
from urllib.parse import quote

import click
import orjson

from vario.cli.alerts import show_time
from vario.cli.client import ask, json_option, send, server_option
from vario.cli.output import paint, print_table

_COLOURS = {"active": "ok", "pending": "warning"}


@click.group()
def silence() -> None:
    """Keep alerts quiet for a while."""


@silence.command()
@click.argument("matchers", nargs=-1, required=True)
@click.option("--for", "duration", default="2h", show_default=True, help="How long from now.")
@click.option("--start", default="now", show_default=True, help="now+1h, or an RFC 3339 time.")
@click.option("--end", help="now+3h, or an RFC 3339 time; instead of --for.")
@click.option("--author", default=getpass.getuser, help="Who decided it.  [default: you]")
@click.option("--comment", required=True, help="Why: others will wonder.")
@server_option
def add(
    matchers: tuple[str, ...],
    *,
    duration: str,
    start: str,
    end: str | None,
    author: str,
    comment: str,
    server: str,
) -> None:
    """Silence alerts whose labels match every one of MATCHERS, such as service=ml-infer."""
    body = {
        "matchers": list(matchers),
        "starts": start,
        "ends": end or f"now+{duration}",
        "author": author,
        "comment": comment,
    }
    made = send(server, "POST", "/api/silences", body)
    until = show_time(made["ends"])
    click.echo(f"{made['id']} silences {made['silenced']} alerts until {until} UTC")


@silence.command("list")
@click.option("--expired", is_flag=True, help="Also those that have ended.")
@json_option
@server_option
def show(*, expired: bool, as_json: bool, server: str) -> None:
    """List silences."""
    answer = ask(server, "/api/silences")
    found = [one for one in answer["silences"] if expired or one["state"] != "expired"]
    if as_json:
        click.echo(orjson.dumps({"silences": found}))
        return
    rows = [
        [
            paint(one["state"], _COLOURS.get(one["state"], "")),
            show_time(one["ends"]),
            str(one["silenced"]),
            one["id"],
            one["author"],
            f"{', '.join(one['matchers'])}: {one['comment']}",
        ]
        for one in found
    ]
    print_table(["STATE", "UNTIL (UTC)", "ALERTS", "ID", "AUTHOR", "WHAT"], rows)


@silence.command()
@click.argument("ids", nargs=-1, required=True)
@server_option
def expire(ids: tuple[str, ...], *, server: str) -> None:
    """End silences now."""
    for id_ in ids:
        ended = send(server, "DELETE", f"/api/silences/{quote(id_, safe='')}")
        click.echo(f"{ended['id']} has ended")

"""`vario doctor`: what arrives, from whom, what is missing, and how to mend that."""

from itertools import groupby
from typing import Any

import click
import orjson

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import paint

_MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}


@click.command()
@server_option
@json_option
def doctor(server: str, *, as_json: bool) -> None:
    """Ask a running server what arrives and what is missing.

    Exit code: 0 all well or warnings only, 1 something failed, 2 no answer.
    """
    report = ask(server, "/api/doctor")
    if as_json:
        click.echo(orjson.dumps(report))
    else:
        _print(server, report)
    if report["status"] == "failed":
        raise SystemExit(1)


def _print(server: str, report: dict[str, Any]) -> None:
    click.echo(f"{paint(_MARKS['ok'], 'ok')} server: vario answers at {server}")
    for service, checks in groupby(report["checks"], key=lambda check: check["service"]):
        click.secho(f"\n{service}" if service else "", bold=True)
        for check in checks:
            mark = paint(_MARKS[check["status"]], check["status"])
            click.echo(f"  {mark} {check['name']}: {check['message']}")
            if check["remedy"]:
                click.echo(f"    → {check['remedy']}")
    click.echo(f"\n{paint(report['status'].upper(), report['status'])}")

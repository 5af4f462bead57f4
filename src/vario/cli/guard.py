"""`vario guard`: what was redacted and folded, and what to write instead."""

from typing import Any

import click
import orjson

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import format_time, print_table


@click.command()
@server_option
@json_option
def guard(server: str, *, as_json: bool) -> None:
    """Show what a server redacted and folded, since when, and what to write instead."""
    report = ask(server, "/api/guard")
    if as_json:
        click.echo(orjson.dumps(report))
        return
    _print_found(report)
    click.echo()
    _print_folds(report)
    for overflow in report["sdk_overflows"]:
        services = ", ".join(overflow["services"])
        click.echo(f"\n{overflow['metric']} ({services}): its own SDK folded attributes")


def _print_found(report: dict[str, Any]) -> None:
    if not report["personal_data"]:
        click.echo("personal data is not looked for (guard.personal_data = false)")
    elif not report["found"]:
        click.echo("no personal data found")
    else:
        rows = [
            [
                row["detector"],
                row["mode"],
                row["signal"],
                row["service"],
                row["field"],
                str(row["count"]),
                _time(row["first"]),
            ]
            for row in report["found"]
        ]
        print_table(["FOUND", "MODE", "SIGNAL", "SERVICE", "FIELD", "COUNT", "SINCE"], rows)
        for advice in dict.fromkeys(row["advice"] for row in report["found"]):
            click.echo(f"  → {advice}")


def _print_folds(report: dict[str, Any]) -> None:
    if not report["cardinality"]:
        click.echo("values of labels are not counted (guard.cardinality = false)")
    elif not report["folds"]:
        click.echo("no label is over its budget")
    else:
        rows = [
            [
                row["metric"],
                row["label"],
                ", ".join(row["services"]),
                f"{row['values']} {row['reason'] if row['reason'] == 'ids' else ''}".strip(),
                str(row["budget"]),
                str(row["points"]),
                _time(row["since"]),
            ]
            for row in report["folds"]
        ]
        print_table(["FOLDED", "LABEL", "SERVICES", "VALUES", "BUDGET", "POINTS", "SINCE"], rows)
        for row in report["folds"]:
            click.echo(f"  such as {', '.join(row['samples'][:3])}\n  → {row['advice']}")


def _time(seconds: float) -> str:
    return format_time(int(seconds * 1e9))[:19]

"""`vario retention`: what takes the space, how long it will do, and what went."""

from typing import Any

import click
import orjson

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import format_time, print_table

_TOP = 10


@click.command()
@server_option
@json_option
def retention(server: str, *, as_json: bool) -> None:
    """Show what is stored, how it grows, how long it is kept, and what retention took away."""
    data = ask(server, "/api/data")
    if as_json:
        click.echo(orjson.dumps(data))
        return
    _print_disk(data)
    click.echo()
    print_table(
        ["KIND", "ROWS", "SIZE", "A DAY", "KEPT"],
        [
            [
                one["kind"],
                str(one["rows"]),
                format_size(one["bytes"]),
                format_size(one["growth_bytes"]),
                f"{one['days_kept']} days",
            ]
            for one in data["kinds"]
        ],
    )
    _print_usage(data)
    _print_removed(data["retention"]["removed"])


def format_size(size: int) -> str:
    """Returns bytes as people read them, such as `1.5 GB`."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def _print_disk(data: dict[str, Any]) -> None:
    budget = data["budget_bytes"]
    limit = f" of {format_size(budget)}" if budget else " (no budget: vario up --max-disk 20GB)"
    click.echo(f"{format_size(data['used_bytes'])}{limit}", nl=False)
    if data["days_left"] is None:
        click.echo("; it will do: old data goes before it is full")
    else:
        click.echo(f"; full in {data['days_left']} days")
    if data["over_bytes"]:
        click.secho(f"{format_size(data['over_bytes'])} over the budget: today's data", fg="red")


def _print_usage(data: dict[str, Any]) -> None:
    if data["services"]:
        click.echo()
        rows = [
            [one["service"], one["kind"], str(one["rows"]), format_size(one["bytes"])]
            for one in data["services"][:_TOP]
        ]
        print_table(["SERVICE", "KIND", "ROWS", "SIZE"], rows)
    if data["metrics"]:
        click.echo()
        rows = [
            [one["metric"], str(one["series"]), str(one["samples"])]
            for one in data["metrics"][:_TOP]
        ]
        print_table(["METRIC", "SERIES", "SAMPLES AN HOUR"], rows)


def _print_removed(removed: list[dict[str, Any]]) -> None:
    if not removed:
        return
    click.echo()
    rows = [
        [
            format_time(int(one["at"] * 1e9))[:19],
            one["reason"],
            one["table"],
            one["day"],
            str(one["rows"]),
            format_size(one["bytes"]),
            one["detail"],
        ]
        for one in removed[:_TOP]
    ]
    print_table(["WENT", "REASON", "TABLE", "DAY", "ROWS", "SIZE", "WHY"], rows)

"""`vario capacity`: how much more a service can take, and what it has too much of."""

from typing import Any

import click
import orjson

from vario.cli.client import ask, json_option, server_option

_EXAMPLE = "Example: vario capacity --service ml-infer --target 'p95<=200ms' --since 6h"
_ROWS, _COLUMNS = 10, 60


@click.command(epilog=_EXAMPLE)
@click.option("--service", required=True, help="service.name of the service.")
@click.option("--target", default="", help="Such as p95<=200ms.  [default: its latency SLO]")
@click.option("--since", default="3h", show_default=True, help="How far back to look.")
@server_option
@json_option
def capacity(service: str, target: str, since: str, server: str, *, as_json: bool) -> None:
    """Show how much traffic can grow until an SLO is missed, and what is idle.

    Latency is set against load as it was seen; how sure the answer is comes with it.
    """
    params = {"service": service, "target": target or None, "start": f"now-{since}"}
    answer = ask(server, "/api/capacity", params)
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    click.secho(f"{service}, the last {since}", bold=True)
    if headroom := answer["headroom"]:
        click.echo(f"  headroom  {headroom['text']}")
        click.echo(f"            target: {headroom['target_source']}")
        _plot(headroom)
    if idle := answer["idle"]:
        click.secho(f"  GPUs      {idle['text']}", fg="yellow" if idle["is_waste"] else None)
    for batch in answer["batches"]:
        click.echo(f"  batches   {batch['text']}")
    if cost := answer["cost"]:
        click.echo(f"  cost      {cost['text']}")
    for note in answer["notes"]:
        click.secho(f"note: {note}", fg="yellow", err=True)


def _plot(headroom: dict[str, Any]) -> None:
    """Draws latency over load, with a line at the target."""
    points = headroom["points"]
    if not points:
        return
    widest = max(*(p["load"] for p in points), headroom["reachable"] or 0) * 1.05
    highest = max(*(p["latency"] for p in points), headroom["target_bound"]) * 1.1
    grid = [[" "] * _COLUMNS for _ in range(_ROWS)]
    line = _row(headroom["target_bound"], highest)
    grid[line] = ["-"] * _COLUMNS
    for point in points:
        column = min(_COLUMNS - 1, int(point["load"] / widest * _COLUMNS))
        grid[_row(point["latency"], highest)][column] = "o"
    for number, row in enumerate(grid):
        label = f"{1000 * headroom['target_bound']:.0f} ms" if number == line else ""
        click.echo(f"  {label:>8} |{''.join(row)}")
    click.echo(f"  {'0':>8} +{'-' * _COLUMNS}")
    click.echo(f"  {'':>8}  {'requests/s'}{f'{widest:.3g}':>{_COLUMNS - 10}}")


def _row(latency: float, highest: float) -> int:
    return max(0, _ROWS - 1 - int(latency / highest * _ROWS))

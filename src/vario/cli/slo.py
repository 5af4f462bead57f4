"""`vario slo`: service level objectives, on a running server and as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import format_time, print_table, sparkline

_COLOURS = {"ok": "green", "burning": "red", "exhausted": "red", "unmeasured": "yellow"}


@click.group()
def slo() -> None:
    """Look at SLOs, check their files, and export them."""


@slo.command("list")
@server_option
@json_option
def list_slos(server: str, *, as_json: bool) -> None:
    """List the SLOs of a running server and where they stand."""
    answer = ask(server, "/api/slos")
    if as_json:
        _print_json(answer)
        return
    rows = [
        [
            one["id"],
            one["service"],
            click.style(one["state"], fg=_COLOURS[one["state"]]),
            f"{100 * one['objective']:.6g}% / {one['period']}",
            _percent(one["budget_left"]),
            _fastest(one["burn_rates"]),
            _percent(one["coverage"]),
            one["owner"],
        ]
        for one in answer["slos"]
    ]
    print_table(
        ["SLO", "SERVICE", "STATE", "OBJECTIVE", "LEFT", "BURNING", "MEASURED", "OWNER"], rows
    )
    for warning in answer["warnings"]:
        click.secho(warning, fg="yellow", err=True)


@slo.command()
@click.argument("name")
@server_option
@json_option
def status(name: str, server: str, *, as_json: bool) -> None:
    """Show one SLO: what is left, how fast it burns, what spent it."""
    answer = ask(server, f"/api/slos/{name}")
    if as_json:
        _print_json(answer)
        return
    one = answer["slo"]
    state = click.style(one["state"], fg=_COLOURS[one["state"]], bold=True)
    click.echo(f"{one['id']} of {one['service']}: {state}")
    click.echo(f"  {100 * one['objective']:.6g}% over a {one['period']} period; bad: {one['sli']}")
    if answer["hours"]:
        click.echo(f"  counts {answer['hours']}")
    click.echo(
        f"  budget left {_percent(one['budget_left'])}; {one['bad']:.0f} bad of "
        f"{one['total']:.0f}; measured {_percent(one['coverage'])} of the period"
    )
    points = [p["budget_left"] for p in answer["burn_down"]]
    thinned = points[:: max(1, len(points) // 72)]
    click.echo("  " + sparkline([float("nan") if p is None else p for p in thinned]))
    for burn in one["burn_rates"]:
        mark = click.style("burning", fg="red") if burn["burning"] else "ok"
        click.echo(
            f"  {burn['severity']:6}  {_factor(burn['long'])} and {_factor(burn['short'])} "
            f"of {burn['threshold']:g}x  {mark}  {burn['rule']}"
        )
    for spender in answer["spenders"][:5]:
        where = " ".join(f"{k}={v}" for k, v in spender["labels"].items()) or "all"
        start = format_time(int(spender["start"]) * 10**9)
        click.echo(f"  spent {_percent(spender['budget_spent'])} from {start}: {where}")
    for warning in answer["warnings"]:
        click.secho(f"  {warning}", fg="yellow", err=True)


@slo.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
def check(files: tuple[str, ...]) -> None:
    """Check that SLO FILES are valid; every fault is named with its line.

    Exits with 1 where one is not.
    """
    from vario.slo.load import check_file

    failed = False
    for file in files:
        found, problems = check_file(file)
        failed |= bool(problems)
        for problem in problems:
            click.secho(str(problem), fg="red", err=True)
        for warning in found.warnings:
            click.secho(f"{warning} (warning)", fg="yellow", err=True)
        if not problems:
            click.echo(f"{file}: {len(found.slos)} SLOs, {len(found.others)} other documents")
    raise SystemExit(1 if failed else 0)


@slo.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--format",
    "kind",
    type=click.Choice(["prometheus", "grafana"]),
    default="prometheus",
    show_default=True,
)
@click.option("--name", "names", multiple=True, help="Only this SLO; repeatable.")
@click.option("--interval", default=30, show_default=True, help="Seconds between evaluations.")
def export(files: tuple[str, ...], kind: str, names: tuple[str, ...], interval: int) -> None:
    """Print the SLOs in FILES as a Prometheus rule file, or as a Grafana dashboard.

    FILES may be vario's, OpenSLO's, Sloth's or Pyrra's.
    """
    import json

    from vario.clock import SystemClock
    from vario.slo.grafana import make_dashboard
    from vario.slo.load import load_slos
    from vario.slo.rules import make_groups, to_yaml

    slos = [one for one in load_slos(files).slos if not names or one.name in names]
    now_s = SystemClock().now_ns() // 10**9
    if kind == "grafana":
        click.echo(json.dumps(make_dashboard(slos), indent=2))
        return
    groups = [group for one in slos for group in make_groups(one, now_s=now_s, interval_s=interval)]
    comment = f"Made by vario from {', '.join(files)}."
    if any(one.hours or one.period.words.startswith("calendar") for one in slos):
        comment += "\nChanges of time zones are written down for five years: export anew by then."
    click.echo(to_yaml(groups, comment), nl=False)


@slo.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write.")
def import_slos(files: tuple[str, ...], output: Path | None) -> None:
    """Print FILES of Sloth, Pyrra or OpenSLO in vario's own form."""
    from vario.slo.load import load_slos
    from vario.slo.shortwrite import to_short_form

    text = to_short_form(load_slos(files).slos)
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    click.echo(f"wrote {output}")


def _print_json(answer: Any) -> None:
    import json

    click.echo(json.dumps(answer, indent=2))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}%"


def _factor(value: float | None) -> str:
    return "unmeasured" if value is None else f"{value:.1f}x"


def _fastest(burns: Sequence[dict[str, Any]]) -> str:
    rates = [burn["short"] for burn in burns if burn["short"] is not None]
    return f"{max(rates):.1f}x" if rates else "-"

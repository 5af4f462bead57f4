"""`vario compare`: a release beside another, with a verdict for a canary gate."""

from typing import Any

import click
import orjson

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import print_table

_EXAMPLE = """Example: vario compare --service ml-infer --versions v23 v23.1 --by region

Exit codes: 0 as good, 1 worse, 3 too little to tell, 2 any other failure."""
_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
_MARKS = {"better": "better", "same": "as good", "worse": "WORSE", "unclear": "unclear", "told": ""}
_NAMES = {"error_ratio": "errors", "replica_seconds": "replica-seconds"}
_EXIT = {"pass": 0, "fail": 1, "inconclusive": 3}


@click.command(epilog=_EXAMPLE)
@click.option("--service", required=True, help="service.name of the service.")
@click.option(
    "--versions",
    nargs=2,
    metavar="BASELINE CANDIDATE",
    help="The releases.  [default: the two newest]",
)
@click.option("--model", default="", help="Requests of this model alone.")
@click.option(
    "--by",
    type=click.Choice(["region", "operation", "none"]),
    default="region",
    show_default=True,
    help="Also tell these apart.",
)
@click.option("--since", default="1h", show_default=True, help="How far back to look.")
@click.option(
    "--until", default="now", show_default=True, help="Where to end, as --since or a time."
)
@click.option(
    "--max-latency",
    default=0.1,
    show_default=True,
    help="Share by which p50, p95 and p99 may be longer.",
)
@click.option(
    "--max-errors",
    default=0.005,
    show_default=True,
    help="By how much the error ratio may be higher.",
)
@server_option
@json_option
@click.pass_context
def compare(
    context: click.Context,
    service: str,
    versions: tuple[str, str] | None,
    model: str,
    by: str,
    since: str,
    until: str,
    max_latency: float,
    max_errors: float,
    server: str,
    *,
    as_json: bool,
) -> None:
    """Compare two releases of a service: latency, errors, features, cost.

    Releases that answer at the same time are compared minute by minute, so that a surge meets both
    alike. The traffic of both is weighed as the baseline's was.
    """
    baseline, candidate = versions or ("", "")
    answer = ask(
        server,
        "/api/compare",
        {
            "service": service,
            "model": model,
            "baseline": baseline,
            "candidate": candidate,
            "by": by,
            "start": f"now-{since}",
            "end": until,
            "max_latency": max_latency,
            "max_errors": max_errors,
        },
    )
    if as_json:
        click.echo(orjson.dumps(answer))
    else:
        _print(answer)
    context.exit(_EXIT[answer["verdict"]])


def _print(answer: dict[str, Any]) -> None:
    verdict = click.style(answer["verdict"], fg=_COLOURS[answer["verdict"]], bold=True)
    click.echo(f"{answer['service']}: {answer['candidate']} beside {answer['baseline']}: {verdict}")
    for line in answer["summary"]:
        click.echo(f"  - {line}")
    click.echo()
    rows: list[list[Any]] = [
        [
            part["segment"] or "all",
            _NAMES.get(measure["measure"]) or measure["measure"],
            _value(measure, "baseline"),
            _value(measure, "candidate"),
            _change(measure),
            _MARKS[measure["judgement"]],
        ]
        for part in answer["parts"]
        for measure in part["measures"]
    ]
    headers = ("WHERE", "MEASURE", answer["baseline"], answer["candidate"], "CHANGE", "")
    print_table(headers, rows)
    for note in answer["notes"]:
        click.secho(f"note: {note}", fg="yellow", err=True)


def _value(measure: dict[str, Any], release: str) -> str:
    value = measure[release]
    if value is None:
        return "-"
    return f"{1000 * value:.3g} ms" if measure["unit"] != "1" else f"{100 * value:.2f}%"


def _change(measure: dict[str, Any]) -> str:
    if measure["change"] is None:
        return "-"
    unit = " points" if measure["unit"] == "1" else "%"
    change = f"{100 * measure['change']:+.1f}{unit}"
    if measure["low"] is None:
        return change
    return f"{change} ({100 * measure['low']:+.1f} to {100 * measure['high']:+.1f})"

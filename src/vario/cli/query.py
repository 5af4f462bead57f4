"""`vario query`: PromQL at a moment, or over a range."""

from typing import Any

import click
import orjson

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import print_table, sparkline

_EXAMPLE = """Example: vario query 'sum by (model_name) (rate(inference_requests_total[5m]))'"""


@click.command(epilog=_EXAMPLE)
@click.argument("expression")
@click.option("--time", help="Evaluate at this time: unix seconds or RFC 3339.  [default: now]")
@click.option("--start", help="Evaluate over a range from here, with --end and --step.")
@click.option("--end", help="End of the range.")
@click.option("--step", help="Step of the range, such as 15s.")
@server_option
@json_option
def query(
    expression: str,
    time: str | None,
    start: str | None,
    end: str | None,
    step: str | None,
    server: str,
    *,
    as_json: bool,
) -> None:
    """Evaluate a PromQL EXPRESSION."""
    if start or end or step:
        if not (start and end and step):
            raise click.UsageError("a range needs all of --start, --end and --step")
        given = {"query": expression, "start": start, "end": end, "step": step}
        answer = ask(server, "/api/v1/query_range", given)
    else:
        answer = ask(server, "/api/v1/query", {"query": expression, "time": time})
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    for warning in answer.get("warnings", []):
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    _print(answer["data"])


def _print(data: dict[str, Any]) -> None:
    result = data["result"]
    if data["resultType"] in ("scalar", "string"):
        click.echo(result[1])
    elif not result:
        click.echo("no series", err=True)
    elif data["resultType"] == "vector":
        rows = [(format_labels(entry["metric"]), _value(entry)) for entry in result]
        print_table(("series", "value"), rows)
    else:
        print_table(("series", "last", "min", "max", "over time"), [_range(e) for e in result])


def format_labels(metric: dict[str, str]) -> str:
    """Returns labels as PromQL writes them, `name{label="value"}`."""
    name = metric.get("__name__", "")
    pairs = ", ".join(
        f"{label}={orjson.dumps(value).decode()}"
        for label, value in sorted(metric.items())
        if label != "__name__"
    )
    return f"{name}{{{pairs}}}" if pairs or not name else name


def _value(entry: dict[str, Any]) -> str:
    if "value" in entry:
        return entry["value"][1]
    histogram = entry["histogram"][1]
    return f"histogram count={histogram['count']} sum={histogram['sum']}"


def _range(entry: dict[str, Any]) -> tuple[str, ...]:
    values = [float(value) for _, value in entry.get("values", [])]
    labels = format_labels(entry["metric"])
    if not values:
        return (labels, f"{len(entry.get('histograms', []))} histograms", "", "", "")
    last, low, high = (f"{v:.6g}" for v in (values[-1], min(values), max(values)))
    # More points than columns of a terminal: every n-th.
    return (labels, last, low, high, sparkline(values[:: -(-len(values) // 60)]))

"""`vario logs`: search over log records."""

from typing import Any

import click
import orjson

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import format_time, paint

_EXAMPLE = """Example: vario logs 'severity >= warn and service.name = "ml-infer"' --since 15m"""


@click.command(epilog=_EXAMPLE)
@click.argument("filter", default="")
@click.option("--since", default="1h", show_default=True, help="How far back, such as 15m.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@server_option
@json_option
def logs(filter: str, since: str, limit: int, server: str, *, as_json: bool) -> None:
    """Search log records that match FILTER; the newest comes last."""
    given = {"filter": filter, "start": f"now-{since}", "limit": limit}
    answer = ask(server, "/api/logs", given)
    if as_json:
        click.echo(orjson.dumps(answer))
    elif not answer["logs"]:
        click.echo("no log record matches", err=True)
    for record in [] if as_json else reversed(answer["logs"]):
        click.echo(_line(record))


def _line(record: dict[str, Any]) -> str:
    level = record["severity_text"] or "-"
    trace = f" trace_id={record['trace_id']}" if record["trace_id"] else ""
    return (
        f"{format_time(record['time_unix_nano'])} {paint(f'{level:5}', level)} "
        f"{record['service']}: {record['body']}{click.style(trace, dim=True)}"
    )

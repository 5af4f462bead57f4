"""`vario traces` and `vario trace`: search, and one trace as a tree."""

from typing import Any

import click
import orjson

from vario.cli.client import ask, json_option, server_option
from vario.cli.output import format_duration, format_time, paint, print_table

_BAR = 40


_EXAMPLE = """Example: vario traces 'service.name = "ml-infer" and duration > 200ms'"""


@click.command(epilog=_EXAMPLE)
@click.argument("filter", default="")
@click.option("--since", default="1h", show_default=True, help="How far back, such as 15m.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@click.option(
    "--order", type=click.Choice(["newest", "slowest"]), default="newest", show_default=True
)
@server_option
@json_option
def traces(
    filter: str,
    since: str,
    limit: int,
    order: str,
    server: str,
    *,
    as_json: bool,
) -> None:
    """Search traces of which a span matches FILTER."""
    given = {"filter": filter, "start": f"now-{since}", "limit": limit, "order": order}
    answer = ask(server, "/api/traces", given)
    if as_json:
        click.echo(orjson.dumps(answer))
    elif not answer["traces"]:
        click.echo("no trace matches", err=True)
    else:
        print_table(
            ("start (UTC)", "duration", "spans", "errors", "root", "trace id"),
            [_row(trace) for trace in answer["traces"]],
        )


def _row(trace: dict[str, Any]) -> tuple[str, ...]:
    errors = trace["error_count"]
    return (
        format_time(trace["start_time_unix_nano"]),
        format_duration(trace["duration"]),
        str(trace["span_count"]),
        paint(str(errors), "error") if errors else "",
        f"{trace['root_service']}: {trace['root_name']}",
        trace["trace_id"],
    )


@click.command()
@click.argument("trace_id")
@server_option
@json_option
def trace(trace_id: str, server: str, *, as_json: bool) -> None:
    """Show the spans of TRACE_ID as a tree over time."""
    answer = ask(server, f"/api/traces/{trace_id}")
    if as_json:
        click.echo(orjson.dumps(answer))
        return
    spans = answer["spans"]
    begin = min(int(span["start_time_unix_nano"]) for span in spans)
    end = max(int(span["start_time_unix_nano"]) + span["duration_ns"] for span in spans)
    rows = [
        (
            f"{'  ' * depth}{paint(span['name'], span['status_code'].lower())}",
            span["service"],
            format_duration(span["duration_ns"] / 1e9),
            _bar(span, begin, end),
        )
        for depth, span in walk(spans)
    ]
    print_table(("span", "service", "duration", f"from {format_time(begin)}"), rows)
    count = answer["log_count"]
    noun = "record" if count == 1 else "records"
    click.echo(f"{count} log {noun}: vario logs 'trace_id = \"{trace_id}\"'")


def walk(spans: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Returns spans with their depth, parents before children, each level ordered by start.

    Spans whose parent is not among them stand at depth 0.
    """
    known = {span["span_id"] for span in spans}
    children: dict[str, list[dict[str, Any]]] = {}
    for span in sorted(spans, key=lambda span: int(span["start_time_unix_nano"]), reverse=True):
        parent = span["parent_span_id"]
        children.setdefault(parent if parent in known else "", []).append(span)
    ordered: list[tuple[int, dict[str, Any]]] = []
    waiting = [(0, span) for span in children.pop("", [])]
    while waiting:
        depth, span = waiting.pop()
        ordered.append((depth, span))
        waiting += [(depth + 1, child) for child in children.pop(span["span_id"], [])]
    # What is left stands in a circle of parents, which only a broken sender makes.
    return ordered + [(0, span) for group in children.values() for span in group]


def _bar(span: dict[str, Any], begin: int, end: int) -> str:
    scale = _BAR / max(end - begin, 1)
    offset = round((int(span["start_time_unix_nano"]) - begin) * scale)
    return " " * offset + "━" * max(1, round(span["duration_ns"] * scale))

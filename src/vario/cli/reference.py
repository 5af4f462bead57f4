"""`vario reference`: what models are compared with."""

import datetime
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from vario.cli.client import ask, json_option, send, server_option
from vario.cli.output import format_time, print_table, save
from vario.errors import BadData

OUTPUT = "prediction"
MOST_CATEGORIES = 100
"""A text with more of them is left out if nearly every row has one of its own."""


@click.group()
def reference() -> None:
    """Make and look at references: what a model's inputs look like when all is well."""


@reference.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--model", required=True, help="Name of the model (model_name).")
@click.option("--name", help="What the reference is called; the version if it is not given.")
@click.option("--version", "model_version", default="", help="The model's version (model_version).")
@click.option("--columns", help="Features to take, separated by commas; all if not given.")
@click.option("--prediction", help="Column with the model's output.")
@click.option("--label", help="Column with what came of it: true or false, 1 or 0.")
@click.option("--by", help="Column that divides the rows, such as region; each value is kept too.")
@click.option("--bins", default=10, show_default=True, type=click.IntRange(2, 100))
@click.option("--from-live", "window", help="Take live traffic of the last, say, 24h instead.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write a file instead of sending it to a server."
)
@server_option
def create(
    file: Path | None,
    *,
    model: str,
    name: str | None,
    model_version: str,
    columns: str | None,
    prediction: str | None,
    label: str | None,
    by: str | None,
    bins: int,
    window: str | None,
    out: Path | None,
    server: str,
) -> None:
    """Make a reference of FILE (Parquet, CSV, TSV, Arrow or JSON lines), or of live traffic."""
    called = name or model_version
    if not called:
        raise BadData("a reference needs a name: give --name or --version")
    if (file is None) == (window is None):
        raise BadData("name a FILE of rows, or give --from-live 24h: one of the two")
    if file is None:
        made = _from_live(server, model, called, model_version, window or "")
        click.echo(_told(made, server))
        return
    if label and not prediction:
        raise BadData("--label tells what came of predictions: name their column with --prediction")
    document = _of_file(file, model, called, model_version, columns, prediction, label, by, bins)
    if out:
        save(out, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        rows = max(sum(f["counts"]) + f["missing"] for f in document["features"].values())
        click.echo(f"wrote {out}: {len(document['features'])} features, {rows:.0f} rows")
        return
    made = send(server, "PUT", "/api/references", {"document": document})
    click.echo(_told(made, server))


def _from_live(server: str, model: str, name: str, version: str, window: str) -> Any:
    from vario.query.durations import parse_duration_ns

    try:
        seconds = parse_duration_ns(window) / 1e9
    except ValueError as error:
        raise BadData(f"--from-live: {window!r} is no duration; write 30m, 24h or 7d") from error
    body = {"model_name": model, "name": name, "model_version": version, "window_s": seconds}
    return send(server, "POST", "/api/references/from-live", body)


def _of_file(
    file: Path,
    model: str,
    name: str,
    version: str,
    columns: str | None,
    prediction: str | None,
    label: str | None,
    by: str | None,
    bins: int,
) -> dict[str, Any]:
    from vario.drift.reference import (
        Reference,
        dump_reference,
        label_outcomes,
        make_feature,
        make_parts,
    )
    from vario.store.files import read_columns

    found = read_columns(file)
    wanted = [c.strip() for c in columns.split(",")] if columns else list(found)
    others = [column for column in (prediction, label, by) if column]
    wanted = [c for c in wanted if c not in others]
    unknown = [c for c in (*wanted, *others) if c not in found]
    if unknown:
        raise BadData(f"{file} has no column {unknown[0]!r}; it has {', '.join(found)}")
    if not columns:
        wanted = list(_fit(found, wanted))
    features = {column: make_feature(column, found[column], bins) for column in wanted}
    if prediction:
        features[OUTPUT] = make_feature(OUTPUT, found[prediction], bins)
        found[OUTPUT] = found[prediction]
    parts = make_parts(features, found, by) if by else {}
    if label:
        features, parts = label_outcomes(features, parts, found, OUTPUT, label)
    made = Reference(name, model, version, file.name, time.time_ns(), features, parts)
    document: dict[str, Any] = json.loads(dump_reference(made))
    return document


def _fit(found: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[str]:
    """Yields the columns that may be features; says which others there are, and why not."""
    for name in wanted:
        if why := _unfit(found[name]):
            click.echo(f"left out: {name} ({why}); name features with --columns", err=True)
        else:
            yield name


def _unfit(column: Any) -> str:
    values = [value for value in column if value is not None]
    if not values:
        return "no value in any row"
    if isinstance(values[0], datetime.date):
        return "dates"
    if isinstance(values[0], str) and len(set(values)) > max(MOST_CATEGORIES, len(values) / 2):
        return "nearly every row has a value of its own"
    return ""


def _told(made: Any, server: str) -> str:
    return (
        f"reference {made['name']!r} of model {made['model_name']!r}: {made['features']} features, "
        f"{made['rows']:.0f} rows. Live traffic is compared with it: {server}/drift"
    )


@reference.command("list")
@server_option
@json_option
def list_(*, server: str, as_json: bool) -> None:
    """List what is kept, the newest first."""
    found = ask(server, "/api/references")
    if as_json:
        click.echo(json.dumps(found))
        return
    if not found["references"]:
        click.echo("no references: make one with 'vario reference create'")
        return
    print_table(
        ["MODEL", "NAME", "VERSION", "FEATURES", "ROWS", "CREATED", "FROM"],
        [
            [
                r["model_name"],
                r["name"],
                r["model_version"] or "-",
                str(r["features"]),
                f"{r['rows']:.0f}",
                format_time(int(r["created"] * 1e9))[:16],
                r["source"],
            ]
            for r in found["references"]
        ],
    )


@reference.command()
@click.argument("model")
@click.argument("name")
@server_option
def show(*, model: str, name: str, server: str) -> None:
    """Print a reference as JSON, as `drift check --reference` reads it."""
    document = ask(server, f"/api/references/{quote(model, safe='')}/{quote(name, safe='')}")
    click.echo(json.dumps(document["document"], indent=1, ensure_ascii=False))


@reference.command()
@click.argument("model")
@click.argument("name")
@server_option
def delete(*, model: str, name: str, server: str) -> None:
    """Delete a reference."""
    send(server, "DELETE", f"/api/references/{quote(model, safe='')}/{quote(name, safe='')}")
    click.echo(f"deleted reference {name!r} of model {model!r}")


@reference.command()
@click.argument("model")
@click.argument("old")
@click.argument("new")
@server_option
def diff(*, model: str, old: str, new: str, server: str) -> None:
    """Compare two references of a MODEL, feature by feature: what has changed from OLD to NEW."""
    from vario.drift.reference import Reference, load_reference

    def load(name: str) -> Reference:
        path = f"/api/references/{quote(model, safe='')}/{quote(name, safe='')}"
        return load_reference(json.dumps(ask(server, path)["document"]), f"reference {name!r}")

    from vario.drift.compare import compare

    rows = [
        [
            change.feature,
            change.what,
            "-" if change.psi is None else f"{change.psi:.3f}",
            "-"
            if change.missing is None
            else f"{change.missing[0]:.1%} to {change.missing[1]:.1%}",
        ]
        for change in compare(load(old), load(new))
    ]
    print_table(["FEATURE", "CHANGE", "PSI", "MISSING"], rows)

"""`vario move`: from one store to another, such as from this machine to a ClickHouse server."""

from dataclasses import replace
from pathlib import Path

import click

from vario.cli.stores import opened, print_counts, settings_of, show_progress
from vario.errors import BadData


@click.command()
@click.option("--to", required=True, metavar="DSN", help="http(s)://user:pw@host:8123/database")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the embedded store.")
@click.option("--dsn", help="Address of the store to copy from.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings of that store as TOML.")
def move(to: str, data: Path | None, dsn: str | None, config: Path | None) -> None:
    """Copy everything from a store that no server uses to an empty one.

    Nothing is deleted here. If it is cut off, the same command goes on where it stopped. Then start
    the server on the new address: vario up --dsn http://...
    """
    from vario.store.address import parse_dsn
    from vario.store.move import move_store

    source = settings_of(config, data, dsn)
    if source.cluster:
        raise BadData("a store on a cluster cannot be moved: use ClickHouse's BACKUP there")
    if parse_dsn(to) == parse_dsn(source.dsn):
        raise BadData(f"{parse_dsn(to)} is where the data is already: name another store in --to")
    if parse_dsn(to).embedded and parse_dsn(source.dsn).embedded:
        raise BadData(
            "one process holds one embedded store: to move data between folders make a backup and "
            "restore it (vario backup, vario restore)"
        )
    with opened(source) as here, opened(replace(source, dsn=to)) as there:
        rows = move_store(here.engine, there.engine, show_progress("moving"))
        click.echo(f"{there.engine.address} has all {sum(rows.values())} rows; counts agree")
    print_counts(rows)
    click.echo(f"now: vario up --dsn {to}")

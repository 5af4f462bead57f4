"""`vario backup` and `vario restore`: everything that is stored, in one file."""

from datetime import UTC, datetime
from pathlib import Path

import click

from vario.cli.client import DEFAULT_SERVER
from vario.cli.stores import opened, print_counts, settings_of, show_progress
from vario.errors import BadData, Unavailable

_PATH = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_REPORT_BYTES = 64 << 20


@click.command()
@click.argument("file", type=_PATH)
@click.option("--server", envvar="VARIO_SERVER", help="A running vario to back up through.")
@click.option("--data", type=_FOLDER, help="Folder of an embedded store that nobody serves.")
@click.option("--dsn", help="Address of a store, as in vario up.")
@click.option("--config", type=_PATH, help="Settings as TOML, for the store's address.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def backup(
    file: Path,
    server: str | None,
    data: Path | None,
    dsn: str | None,
    config: Path | None,
    *,
    force: bool,
) -> None:
    """Back up everything that is stored into FILE, while it goes on being served.

    Through a running server (--server, or the one on this machine), or from a store that nobody
    serves (--data, --dsn or --config). FILE is a tar archive that checks itself.
    """
    if file.exists() and not force:
        raise BadData(f"{file} is there already: name another file, or pass --force")
    if server and (data or dsn or config):
        raise BadData("--server and --data, --dsn or --config name two places: give one")
    if data or dsn or config:
        _from_store(file, data, dsn, config)
    elif server or _answers(DEFAULT_SERVER):
        _from_server(file, server or DEFAULT_SERVER)
    else:
        _from_store(file, data, dsn, config)


@click.command()
@click.argument("file", type=_PATH)
@click.option("--data", type=_FOLDER, help="Folder of the embedded store to restore into.")
@click.option("--dsn", help="Address of the store to restore into.")
@click.option("--config", type=_PATH, help="Settings as TOML, for the store's address.")
@click.option("--check", is_flag=True, help="Only check the file and say what is in it.")
@click.option("--force", is_flag=True, help="Add to a store that is not empty.")
def restore(
    file: Path,
    data: Path | None,
    dsn: str | None,
    config: Path | None,
    *,
    check: bool,
    force: bool,
) -> None:
    """Restore a backup FILE into an empty store that no server uses.

    All of the file is checked before anything is written. A new store keeps everything until a
    server is started on it: that one's settings say how long.
    """
    from vario.store.backup import read_backup, restore_backup

    if check:
        found = read_backup(file)
        made = datetime.fromtimestamp(found.made_ns / 1e9, UTC)
        click.echo(f"{file} is sound: made {made:%Y-%m-%d %H:%M:%S} UTC by vario {found.vario}")
        print_counts(dict(found.rows))
        return
    with opened(settings_of(config, data, dsn)) as store:
        rows = restore_backup(store.engine, file, force=force, progress=show_progress("restoring"))
        click.echo(f"restored {sum(rows.values())} rows into {store.engine.address}")
    print_counts(rows)


def _from_store(file: Path, data: Path | None, dsn: str | None, config: Path | None) -> None:
    from vario.clock import SystemClock
    from vario.store.backup import write_backup, writing_file

    settings = settings_of(config, data, dsn)
    try:
        with opened(settings) as store, writing_file(file) as target:
            rows = write_backup(store.engine, SystemClock(), target, show_progress("backing up"))
    except Unavailable as error:
        if "already uses" not in str(error):
            raise
        raise Unavailable(
            f"{error}; to back up what it serves, name it: "
            f"vario backup {file} --server {DEFAULT_SERVER}"
        ) from error
    _report(file, rows)


def _from_server(file: Path, server: str) -> None:
    import httpx

    from vario.store.backup import read_backup, writing_file

    click.echo(f"backing up through {server}", err=True)
    size = 0
    try:
        with (
            writing_file(file) as target,
            httpx.stream("POST", f"{server.rstrip('/')}/api/backup", timeout=600) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise Unavailable(f"{server} makes no backup: {answer.text}")
            for chunk in answer.iter_bytes():
                target.write(chunk)
                if (size + len(chunk)) // _REPORT_BYTES > size // _REPORT_BYTES:
                    click.echo(f"{(size + len(chunk)) >> 20} MiB", err=True)
                size += len(chunk)
            target.flush()
            # A server that ends half-way leaves a file without its end: it never gets its name.
            found = read_backup(Path(target.name))
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Unavailable(
            f"the backup through {server} failed ({error}): see that it runs and try again"
        ) from error
    _report(file, dict(found.rows))


def _answers(server: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{server}/healthz", timeout=2).is_success
    except httpx.TransportError:
        return False


def _report(file: Path, rows: dict[str, int]) -> None:
    size = file.stat().st_size / 1e6
    click.echo(f"{file}: {sum(rows.values())} rows, {size:.1f} MB, checked")
    print_counts(rows)

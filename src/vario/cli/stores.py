"""How commands that work on a store by themselves open one, and show how far they are."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vario.config import RetentionSettings, Settings, StoreSettings, load_settings
from vario.errors import BadData

if TYPE_CHECKING:
    from vario.store.clickhouse import ClickHouseStore

_EVERY_S = 0.5
_LONGEST = 10_000


def settings_of(config: Path | None, data: Path | None, dsn: str | None) -> StoreSettings:
    """Returns a store's settings from a file, with the address that options give over it.

    Raises:
        BadData: both options are given, or the file is not understood.
    """
    if data and dsn:
        raise BadData("--data and --dsn both say where the store is: give one of them")
    store = (load_settings(config) if config else Settings()).store
    address = f"chdb://{data.resolve()}" if data else dsn
    return replace(store, dsn=address) if address else store


@contextmanager
def opened(settings: StoreSettings) -> Generator["ClickHouseStore"]:
    """Yields a store and closes it at the end.

    How long its data is kept stays as it is; what is made anew keeps everything until a server
    with its own settings is started on it. So nothing expires because of a copy.

    Raises:
        Unavailable: another process uses it, or it does not answer.
    """
    from vario.clock import SystemClock
    from vario.store.clickhouse import open_store

    kept = RetentionSettings(_LONGEST, _LONGEST, _LONGEST, _LONGEST)
    store = open_store(replace(settings, retention=kept), SystemClock(), retain=False)
    try:
        yield store
    finally:
        store.close()


def show_progress(verb: str) -> Callable[[str, int, int], None]:
    """Returns a function that says on stderr how far a copy is, twice a second."""
    last = 0.0

    def show(table: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _EVERY_S and done < total:
            return
        last = now
        line = f"{verb} {table}: {done} of {total} rows ({done / max(total, 1):.0%})"
        click.echo(f"\r\033[K{line}" if sys.stderr.isatty() else line, nl=False, err=True)
        if done >= total or not sys.stderr.isatty():
            click.echo(err=True)

    return show


def print_counts(rows: dict[str, int]) -> None:
    """Prints rows by table, those without left out."""
    for table, count in sorted(rows.items()):
        if count:
            click.echo(f"  {table}: {count} rows")

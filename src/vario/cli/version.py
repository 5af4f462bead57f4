"""`vario version`."""

import platform
from importlib.metadata import version as version_of

import click


@click.command()
def version() -> None:
    """Print the versions of vario, of Python and of the machine."""
    click.echo(f"vario {version_of('vario')}, Python {platform.python_version()}, {_machine()}")


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}"

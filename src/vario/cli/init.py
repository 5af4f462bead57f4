"""`vario init`: a starter set of SLOs out of what services already send."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from vario.cli.client import ask, server_option
from vario.errors import BadData

_EXAMPLE = "Example: vario init slos --owner ml-platform --severity usual"


@click.command(epilog=_EXAMPLE)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default="slos")
@server_option
@click.option("--service", default="", help="Only this service.  [default: all]")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True)
@click.option("--owner", default="", help="Who is told; else it is left to fill in.")
@click.option(
    "--severity",
    type=click.Choice(["page", "ticket", "usual"]),
    help="For all, or what is usual for each kind; else it is left to fill in.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be written.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
def init(
    *,
    folder: Path,
    server: str,
    service: str,
    days: int,
    owner: str,
    severity: str | None,
    dry_run: bool,
    force: bool,
) -> None:
    """Write a starter set of SLOs into FOLDER: definitions, targets, alerts and runbooks.

    Asks a running server what its services send, and takes the targets from the last days.
    """
    from vario.slo.runbook import render_runbook
    from vario.slo.starter import find_drafts, render_slos

    drafts = find_drafts(_Server(server, days), service)
    if not drafts:
        raise BadData(
            f"nothing at {server} that SLOs can be made of: no request counter, no histogram of "
            "latency, or fewer than 100 requests yet; 'vario doctor' says what arrives"
        )
    files = {folder / "slos.yml": render_slos(drafts, f"{days}d", owner, severity or "")}
    files |= {folder / "runbooks" / f"{d.name}.md": render_runbook(d) for d in drafts}
    if dry_run:
        for path, text in files.items():
            click.secho(f"# {path}", bold=True)
            click.echo(text)
        return
    if not force and (there := [str(path) for path in files if path.exists()]):
        raise BadData(f"{', '.join(there)}: already there; --force overwrites, or name a folder")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for draft in drafts:
        click.echo(f"  {draft.name}: {draft.objective}  ({draft.evidence})")
    click.echo(f"wrote {len(files)} files in {folder}")
    if not (owner and severity):
        click.echo(f"fill in owner and severity in {folder / 'slos.yml'}, then")
    click.echo(f"  vario slo check {folder / 'slos.yml'}; vario up --slos {folder / 'slos.yml'}")


class _Server:
    """What a running server answers about the last days."""

    def __init__(self, address: str, days: int) -> None:
        self._address = address
        self._days = f"{days}d"

    def _ask(self, path: str, **params: object) -> Any:
        return ask(self._address, f"/api/v1/{path}", params)["data"]

    def _start(self) -> str:
        from vario.clock import SystemClock
        from vario.slo.fields import duration_s

        return str(SystemClock().now_ns() // 10**9 - duration_s(self._days))

    def metric_names(self) -> Sequence[str]:
        """Returns the names of all metrics."""
        return self._ask("label/__name__/values", start=self._start())

    def series(self, selector: str) -> Sequence[dict[str, str]]:
        """Returns the labels of a selector's series."""
        return self._ask("series", **{"match[]": selector, "start": self._start(), "limit": 2000})

    def query(self, expr: str) -> Sequence[tuple[dict[str, str], float]]:
        """Evaluates PromQL now."""
        data = self._ask("query", query=expr.replace("$days", self._days))
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

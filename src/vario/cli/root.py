"""All commands on one screen; each module is imported when its command runs."""

from importlib import import_module
from typing import Any

import click

from vario.errors import VarioError

COMMANDS = {
    "up": ("vario.cli.up:up", "Start the server: API and UI, and the OTLP doors."),
    "demo": ("vario.cli.demo:demo", "Start the server and a live inference system to watch."),
    "doctor": ("vario.cli.doctor:doctor", "Ask a server what arrives and what is missing."),
    "query": ("vario.cli.query:query", "Evaluate a PromQL expression."),
    "traces": ("vario.cli.traces:traces", "Search traces."),
    "trace": ("vario.cli.traces:trace", "Show one trace as a tree."),
    "logs": ("vario.cli.logs:logs", "Search log records."),
    "promql": ("vario.cli.promql:promql", "Work with PromQL test scripts."),
    "rules": ("vario.cli.rules:rules", "Check and test Prometheus rule files."),
    "lint": ("vario.cli.lint:lint", "Find mistakes in rules, SLOs, dashboards and logs."),
    "init": ("vario.cli.init:init", "Write SLOs for what your services already send."),
    "slo": ("vario.cli.slo:slo", "Look at SLOs, check their files, export them."),
    "drift": ("vario.cli.drift:drift", "Show what drifts; check data before a deploy."),
    "capacity": ("vario.cli.capacity:capacity", "Show headroom, idle GPUs, what batches save."),
    "mark": ("vario.cli.mark:mark", "Say what was changed: a release, a setting, a fix."),
    "compare": ("vario.cli.compare:compare", "Compare two releases: is the new one worse?"),
    "reference": ("vario.cli.reference:reference", "What models' features are compared with."),
    "guard": ("vario.cli.guard:guard", "Show what was redacted and folded, and why."),
    "investigate": ("vario.cli.investigate:investigate", "Find out what is wrong, and why."),
    "alerts": ("vario.cli.alerts:alerts", "Show alerts, their history, and who was told."),
    "incident": ("vario.cli.incidents:incident", "Show incidents, and have fixes proved."),
    "silence": ("vario.cli.silence:silence", "Add, list and end silences of alerts."),
    "retention": ("vario.cli.retention:retention", "Show what is stored, and for how long."),
    "backup": ("vario.cli.backup:backup", "Write everything that is stored into one file."),
    "restore": ("vario.cli.backup:restore", "Read a backup into an empty store."),
    "move": ("vario.cli.move:move", "Copy everything to another store."),
    "mcp": ("vario.cli.mcp:mcp", "Let an agent ask a server, over standard input and output."),
    "version": ("vario.cli.version:version", "Print the version."),
}
"""Name, where it is (`module:object`), and what `vario --help` says of it."""


class _Failure(click.ClickException):
    exit_code = 2


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports them when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command, None where there is no such."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        return getattr(import_module(module), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; an error of vario's own ends it with its sentence and exit code 2."""
        try:
            return super().invoke(ctx)
        except VarioError as error:
            raise _Failure(str(error)) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def root() -> None:
    """Observability for machine-learning inference: metrics, logs, traces and the answer."""

"""`vario up`: the server."""

from pathlib import Path
from typing import Any

import click

from vario.cli.logging import LogFormat, configure_logging
from vario.config import SYNCS, Settings, load_settings, overlay
from vario.errors import BadData

_PORT = click.IntRange(0, 65535)
_DAYS = click.IntRange(1)
_SETTINGS = {
    "dsn": "store.dsn",
    "sync": "store.sync",
    "host": "server.host",
    "port": "server.port",
    "otlp_http_port": "ingest.otlp_http_port",
    "otlp_grpc_port": "ingest.otlp_grpc_port",
    "prometheus_config": "ingest.prometheus_config",
    "retention_traces": "store.retention.traces_days",
    "retention_logs": "store.retention.logs_days",
    "retention_metrics": "store.retention.metrics_days",
    "max_disk": "store.retention.max_disk",
    "rules": "alert.rule_files",
    "receivers": "alert.receivers_file",
    "slos": "slo.files",
}
"""Options and the settings that they change."""


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Settings as TOML; flags win.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the embedded store.")
@click.option("--dsn", help="chdb:///folder, chdb://memory or http(s)://user:pw@host:8123/db.")
@click.option(
    "--sync",
    type=click.Choice(SYNCS),
    help="What a power cut may take: nothing acknowledged (commit), the last second (group), the"
    " last half minute (none). A crash of vario takes nothing.  [default: commit]",
)
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=_PORT, help="API and UI.  [default: 7070]")
@click.option("--otlp-http-port", type=_PORT, help="OTLP over HTTP.  [default: 4318]")
@click.option("--otlp-grpc-port", type=_PORT, help="OTLP over gRPC.  [default: 4317]")
@click.option("--prometheus-config", type=click.Path(), help="prometheus.yml to scrape by.")
@click.option("--retention-traces", type=_DAYS, metavar="DAYS", help="Keep traces.  [default: 7]")
@click.option("--retention-logs", type=_DAYS, metavar="DAYS", help="Keep logs.  [default: 14]")
@click.option("--retention-metrics", type=_DAYS, metavar="DAYS", help="Metrics.  [default: 30]")
@click.option("--max-disk", metavar="SIZE", help="Drop the oldest data above this, such as 20GB.")
@click.option("--rules", multiple=True, metavar="FILE", help="Prometheus rule file; repeatable.")
@click.option("--slos", multiple=True, metavar="FILE", help="SLO file; repeatable.")
@click.option("--receivers", type=click.Path(), help="YAML file: who is told of alerts.")
@click.option("--log-format", type=click.Choice(["human", "json"]), default="human")
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING"]), default="INFO")
def up(config: Path | None, log_format: LogFormat, log_level: str, **flags: object) -> None:
    """Start the server and serve until Ctrl-C.

    A port of 0 asks the system for a free one.
    """
    configure_logging(log_format, log_level)
    settings = apply_flags(load_settings(config), flags)

    from vario.app.server import run

    reread = (lambda: apply_flags(load_settings(config), flags)) if config else None
    run(settings, reread=reread)


def apply_flags(settings: Settings, flags: dict[str, object]) -> Settings:
    """Returns settings with the flags that were given over them.

    Args:
        settings: from a file, or the defaults.
        flags: values by the names of `up`'s options; None where a flag was not given.

    Raises:
        BadData: two flags contradict each other.
    """
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    if "data" in given and "dsn" in given:
        raise BadData("--data and --dsn both say where the store is: give one of them")
    if isinstance(folder := given.pop("data", None), Path):
        given["dsn"] = f"chdb://{folder.resolve()}"
    tables: dict[str, Any] = {}
    for name, value in given.items():
        *path, key = _SETTINGS[name].split(".")
        table = tables
        for step in path:
            table = table.setdefault(step, {})
        table[key] = value
    return overlay(settings, tables, "the command line")

"""`vario demo`: the server and a live inference system to watch."""

from pathlib import Path

import click

from vario.demo.scenes import CONTROLS, INCIDENTS
from vario.errors import BadData

_PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--port", type=_PORT, default=7070, show_default=True, help="API and UI.")
@click.option("--otlp-http-port", type=_PORT, default=4318, show_default=True)
@click.option("--otlp-grpc-port", type=_PORT, default=4317, show_default=True)
@click.option("--duration", type=click.FloatRange(0, min_open=True), help="Seconds; then it stops.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder to keep.  [default: a temporary one]"
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 500, min_open=True),
    default=12.0,
    show_default=True,
    help="Requests a second, on average.",
)
@click.option(
    "--incident",
    type=click.Choice(["none", *INCIDENTS, *CONTROLS]),
    metavar=f"[none|{'|'.join(INCIDENTS)}]",
    default="none",
    show_default=True,
    help="What goes wrong once the demo is live.",
)
@click.option(
    "--incident-after",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="Seconds from then on.",
)
@click.option("--fix", is_flag=True, help="Mend the incident of the demo that runs in --data.")
@click.option("--seed", type=int, help="Of chance, so that two demos are alike.")
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
def demo(
    *,
    port: int,
    otlp_http_port: int,
    otlp_grpc_port: int,
    duration: float | None,
    data: Path | None,
    rate: float,
    incident: str,
    incident_after: float,
    fix: bool,
    seed: int | None,
    no_open: bool,
) -> None:
    """Start the server and a small real inference system, and print what to look at.

    Ctrl-C stops all of it. A port of 0 asks the system for a free one.
    """
    if fix:
        from vario.demo.incident import mend

        if data is None:
            raise BadData("--fix needs --data: the demo prints the whole command")
        for line in mend(data.resolve()):
            click.echo(line)
        return
    from vario.demo.run import Demo, DemoSettings

    settings = DemoSettings(
        port=port,
        otlp_http_port=otlp_http_port,
        otlp_grpc_port=otlp_grpc_port,
        duration_s=duration,
        data=data.resolve() if data else None,
        rate=rate,
        opens_browser=not no_open,
        incident=incident,
        incident_after_s=incident_after,
        seed=seed,
    )
    Demo(settings, click.echo).run()

"""`vario mcp`: the Model Context Protocol on standard input and output."""

import asyncio
from importlib.metadata import version

import click

from vario.cli.client import server_option
from vario.clock import SystemClock

_EXAMPLE = """Example: name the command 'vario' with the arguments 'mcp --server
http://127.0.0.1:7070' in your agent's settings. A running vario also answers at its address
followed by /mcp (Streamable HTTP), without this command."""


@click.command(epilog=_EXAMPLE)
@server_option
def mcp(server: str) -> None:
    """Let an agent ask a running vario, over standard input and output.

    The tools read services, metrics, logs, traces, SLOs, alerts, incidents and drift, and change
    nothing.
    """
    asyncio.run(_serve(server))


async def _serve(address: str) -> None:
    import httpx

    from vario.mcp.ask import Api
    from vario.mcp.server import make_server

    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        api = Api(client, address)
        await make_server(api, SystemClock(), version("vario")).run_stdio_async()

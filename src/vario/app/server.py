"""One process: store, pipeline, OTLP doors, API and UI in one event loop."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.routing import Route

from vario.app.ports import Addresses, Port, check_distinct, listen, url_of
from vario.clock import Clock, SystemClock
from vario.config import Settings
from vario.errors import BadData
from vario.store.address import parse_dsn
from vario.store.clickhouse import open_store

if TYPE_CHECKING:
    from fastapi import FastAPI

    from vario.alert.desk import AlertDesk
    from vario.app.drift import DriftLoop
    from vario.app.incidents import IncidentLoop
    from vario.app.reload import Reloader
    from vario.guard.guard import Guard
    from vario.ingest.grpc import OtlpGrpc
    from vario.ingest.pipeline import Pipeline
    from vario.ingest.remote_pipeline import RemotePipeline
    from vario.ingest.remote_write import RemoteWriteHttp
    from vario.store.base import Store

log = logging.getLogger(__name__)

STOP_S = 10
"""How long requests in flight are waited for at the end."""
KEEP_ALIVE_S = 120
"""Exporters send every 5 to 60 s: a shorter time would close connections just as they do."""


class App:
    """A server that can be started once and stopped once."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.started_ns = clock.now_ns()
        self._stack = contextlib.AsyncExitStack()
        self.reloader: Reloader | None = None
        self._reloads: set[asyncio.Task[None]] = set()
        self.reread: Callable[[], Settings] | None = None

    async def start(self) -> Addresses:
        """Starts everything and returns once it answers.

        Raises:
            Unavailable: a port or the data folder is taken, or the store does not answer.
            BadData: a setting makes no sense.
        """
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Finishes the requests in flight, writes what is queued, closes the store."""
        await self._stack.aclose()

    def reload_soon(self) -> None:
        """Begins to read files again; what is wrong in them is logged."""
        if self.reloader is None:
            return
        task = asyncio.create_task(self.reloader.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloaded)

    def _reloaded(self, task: asyncio.Task[None]) -> None:
        self._reloads.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, BadData):  # of that it has been spoken
            log.error("reloading failed", exc_info=error)

    async def _start(self) -> Addresses:
        host, ingest = self.settings.server.host, self.settings.ingest
        # Ports first: whether one is taken shows at once, before the store is opened.
        api_socket, http_socket, grpc_socket = self._listen_all()
        settings = _with_links(self.settings, url_of(host, api_socket.getsockname()[1]))
        opening = asyncio.create_task(asyncio.to_thread(open_store, settings.store, self.clock))
        await asyncio.sleep(0)
        # A second of imports, while the engine opens in its thread.
        from vario.app.alerts import open_desk
        from vario.app.data import make_keeper, start_keeping
        from vario.app.face import make_face
        from vario.app.guard import start_guard
        from vario.app.reload import Reloader
        from vario.app.rules import start_rules
        from vario.app.scrape import make_scraper, read_scrape_config
        from vario.app.slos import RuleBook, start_slo_events

        store = await opening
        self._close_at_end(store.close)
        keeper = await asyncio.to_thread(make_keeper, settings, store, self.clock)
        guard, watch = await asyncio.to_thread(start_guard, settings, store, self.clock)
        self._close_at_end(watch.stop)
        pipeline, remote = self._start_pipelines(store, guard)
        scraper = make_scraper(read_scrape_config(ingest.prometheus_config), remote, self.clock)
        self._stack.push_async_callback(scraper.stop)
        book = RuleBook(settings, self.clock)
        desk = await asyncio.to_thread(open_desk, settings.alert, store, self.clock, keeper.sampler)
        self._close_at_end(desk.desk.stop)
        drift, incidents = await self._open_incidents(settings, store, desk.desk)
        rules = start_rules(book.read(), store, self.clock, desk.desk)
        self._close_at_end(rules.stop)
        self.reloader = Reloader(book, rules, scraper, ingest.prometheus_config)
        self._close_at_end(start_slo_events(book, store, self.clock).stop)
        remote_door, grpc_port = await self._open_doors(pipeline, remote, http_socket, grpc_socket)
        addresses = self._addresses(api_socket, http_socket, grpc_port)
        face = make_face(
            store,
            addresses,
            self.clock,
            started_ns=self.started_ns,
            settings=settings,
            ingest_metrics=pipeline.metrics,
            rules=rules,
            remote_write=remote_door,
            targets=scraper.snapshot,
            reload=self.reloader.reload,
            slos=book.slos,
            guard=watch.report,
            drift=drift.report,
            desk=desk.desk,
            incidents=incidents.desk,
            keeper=keeper,
        )
        self._add_agents(face, addresses.api)
        await self._serve(face, api_socket)
        desk.begin(rules)
        incidents.start()
        await scraper.start()
        self._close_at_end(start_keeping(keeper, settings, self.reread).stop)
        return addresses

    async def _open_incidents(
        self, settings: Settings, store: "Store", alerts: "AlertDesk"
    ) -> tuple["DriftLoop", "IncidentLoop"]:
        """Starts the watch over drift, of which incidents hear; returns both."""
        from vario.app.incidents import open_incidents

        drift = self._start_drift(store)
        loop = await asyncio.to_thread(
            open_incidents, settings, store, self.clock, alerts, drift.report
        )
        self._close_at_end(loop.stop)
        return drift, loop

    def _add_agents(self, face: "FastAPI", address: str) -> None:
        from vario.mcp.door import PATH, McpDoor

        agents = McpDoor(face, address, self.clock)
        face.router.routes.insert(0, Route(PATH, agents))
        self._stack.push_async_callback(agents.stop)

    async def _open_doors(
        self,
        pipeline: "Pipeline",
        remote: "RemotePipeline",
        http_socket: socket.socket,
        grpc_socket: socket.socket,
    ) -> tuple["RemoteWriteHttp", int]:
        """Serves OTLP and remote write; returns the latter's door and the port of gRPC."""
        from vario.ingest.grpc import OtlpGrpc
        from vario.ingest.http import OtlpHttp
        from vario.ingest.remote_write import RemoteWriteHttp, beside

        ingest = self.settings.ingest
        max_body_bytes = ingest.max_body_mb << 20
        grpc_door = OtlpGrpc(pipeline, max_body_bytes=max_body_bytes)
        grpc_port = await self._serve_grpc(grpc_door, grpc_socket)
        http_door = OtlpHttp(
            pipeline, max_body_bytes=max_body_bytes, cors_origins=_origins(ingest.cors_origins)
        )
        remote_door = RemoteWriteHttp(remote, max_body_bytes=max_body_bytes)
        await self._serve(beside(http_door, remote_door), http_socket)
        return remote_door, grpc_port

    def _start_pipelines(
        self, store: "Store", guard: "Guard"
    ) -> tuple["Pipeline", "RemotePipeline"]:
        from vario.ingest.pipeline import Pipeline
        from vario.ingest.remote_pipeline import RemotePipeline

        ingest = self.settings.ingest
        pipeline = Pipeline(
            store,
            self.clock,
            max_queue_bytes=max(ingest.max_queue_mb << 20, 2 * (ingest.max_body_mb << 20)),
            remember_s=ingest.remember_s,
            clean=guard.clean_otlp,
        )
        pipeline.start()
        self._close_at_end(pipeline.close)
        remote = RemotePipeline(
            store,
            pipeline.budget,
            pipeline.counters,
            remember_s=ingest.remember_s,
            clean=guard.clean_remote,
        )
        remote.start()
        self._close_at_end(remote.close)
        return pipeline, remote

    def _start_drift(self, store: "Store") -> "DriftLoop":
        from vario.app.drift import DriftLoop

        drift = DriftLoop(self.settings.drift, store, self.clock)
        drift.start()
        self._close_at_end(drift.stop)
        return drift

    def _addresses(self, api: socket.socket, http: socket.socket, grpc_port: int) -> Addresses:
        host = self.settings.server.host
        return Addresses(
            store=str(parse_dsn(self.settings.store.dsn)),
            api=url_of(host, api.getsockname()[1]),
            otlp_http=url_of(host, http.getsockname()[1]),
            otlp_grpc=url_of(host, grpc_port),
        )

    def _close_at_end(self, close: Callable[[], None]) -> None:
        self._stack.push_async_callback(asyncio.to_thread, close)

    async def _serve_grpc(self, door: "OtlpGrpc", listener: socket.socket) -> int:
        """Serves on the port of a listener, which gRPC wants to open itself; returns the port."""
        port: int = listener.getsockname()[1]
        listener.close()
        await door.start(self.settings.server.host, port)
        self._stack.push_async_callback(door.stop, STOP_S)
        return port

    def _listen_all(self) -> list[socket.socket]:
        ports = _ports(self.settings)
        check_distinct(ports)
        return [self._listen(self.settings.server.host, port) for port in ports]

    def _listen(self, host: str, port: Port) -> socket.socket:
        listener = listen(host, port)
        self._stack.callback(listener.close)
        return listener

    async def _serve(self, app: Any, listener: socket.socket) -> None:
        server = _Server(
            uvicorn.Config(
                app,
                access_log=False,
                lifespan="off",
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=STOP_S,
                timeout_keep_alive=KEEP_ALIVE_S,
                ws="none",
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))

        async def stop() -> None:
            server.should_exit = True
            await serving

        self._stack.push_async_callback(stop)
        await server.listening.wait()


class _Server(uvicorn.Server):
    """A uvicorn server among others in one process: signals are not its business."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to accept connections and tells `listening`."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Captures none."""
        yield


def _with_links(settings: Settings, url: str) -> Settings:
    """Returns settings whose links begin with the API's address where they name no other."""
    base = (settings.alert.external_url or url).rstrip("/")
    return replace(settings, alert=replace(settings.alert, external_url=base))


def _origins(setting: str) -> list[str]:
    return [origin.strip() for origin in setting.split(",") if origin.strip()]


def build(settings: Settings, clock: Clock | None = None) -> App:
    """Returns a server that is not started yet."""
    return App(settings, clock or SystemClock())


def run(
    settings: Settings,
    on_ready: Callable[[Addresses], None] | None = None,
    *,
    reread: Callable[[], Settings] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM; returns when everything is stopped and stored.

    Args:
        settings: what to serve, and where.
        on_ready: called once everything answers.
        reread: reads the settings anew; what changes in how long data is kept is applied.

    Raises:
        Unavailable: a port or the data folder is taken, or the store does not answer.
        BadData: a setting makes no sense.
    """
    # uvicorn's faults and warnings are news; that it serves is not.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    factory = uvicorn.Config("", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        app = build(settings)
        app.reread = reread
        runner.run(_run(app, on_ready))


async def _run(app: App, on_ready: Callable[[Addresses], None] | None) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    loop.add_signal_handler(signal.SIGHUP, app.reload_soon)
    starting = asyncio.create_task(app.start())
    stopping = asyncio.create_task(asked.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    # Asked to stop while starting: what has begun to open is let open, and then closed.
    addresses = await starting
    if not asked.is_set():
        log.info("ready", extra={"fields": _fields(app, addresses)})
        if on_ready:
            on_ready(addresses)
        await stopping
    log.info("stopping: finishing what is queued")
    await app.stop()
    stopping.cancel()
    log.info("stopped")


def _fields(app: App, addresses: Addresses) -> dict[str, str]:
    seconds = (app.clock.now_ns() - app.started_ns) / 1e9
    return {
        "ui": addresses.api,
        "otlp_http": addresses.otlp_http,
        "otlp_grpc": addresses.otlp_grpc,
        "store": addresses.store,
        "after": f"{seconds:.1f}s",
    }


def _ports(settings: Settings) -> tuple[Port, Port, Port]:
    return (
        Port(settings.server.port, "API and UI", "server.port", "--port"),
        Port(
            settings.ingest.otlp_http_port,
            "OTLP over HTTP",
            "ingest.otlp_http_port",
            "--otlp-http-port",
        ),
        Port(
            settings.ingest.otlp_grpc_port,
            "OTLP over gRPC",
            "ingest.otlp_grpc_port",
            "--otlp-grpc-port",
        ),
    )

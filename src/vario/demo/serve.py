"""Runs one service of the demo: `python -m vario.demo.serve ROLE --socket FD ...`."""

import argparse
import logging
import os
import socket
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import uvicorn

import vario
from vario.demo.knobs import LiveKnobs
from vario.demo.prepare import DATABASE, MODEL
from vario.demo.processes import is_listening
from vario.demo.releases import HEALTHY
from vario.demo.world import draw_visits, make_crowds, make_users

MODEL_NAME = "recommender"
SERVICE_VERSION = "1.0"
OFFLINE = "ml-infer-offline"
_LOG_BYTES = 8_000_000
_START_TIMEOUT_S = 120.0


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["gateway", "ml-infer", "feature-store", OFFLINE])
    parser.add_argument("--socket", type=int, required=True, help="number of a bound socket")
    parser.add_argument("--region", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="of database and model")
    parser.add_argument("--log", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--store", action="append", default=[], help="REGION=URL")
    parser.add_argument("--model", action="append", default=[], help="REGION=URL")
    parser.add_argument("--release", default=HEALTHY, help="version of the model server")
    parser.add_argument("--ready", type=Path, help="file to touch when requests are answered")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    make = _maker(options)
    _await_server()
    is_model = options.role in ("ml-infer", OFFLINE)
    vario.configure(
        service=options.role,
        model=MODEL_NAME if is_model else None,
        version=options.release if is_model else SERVICE_VERSION,
        region=options.region,
        stdout=False,
    )
    _write_logs(options.log)
    config = uvicorn.Config(
        make(), log_config=None, access_log=False, timeout_graceful_shutdown=3, ws="none"
    )
    _Server(config, options.ready).run([socket.socket(fileno=options.socket)])


class _Server(uvicorn.Server):
    """Says by a file that it answers."""

    def __init__(self, config: uvicorn.Config, ready: Path | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to answer."""
        await super().startup(sockets)
        if self._ready is not None:
            self._ready.touch()


def _maker(options: argparse.Namespace) -> Callable[[], Any]:
    """Returns what makes the application, once what takes long to import has been imported."""
    region, seed = options.region, options.seed
    stores = dict(pair.split("=", 1) for pair in options.store)
    knobs = LiveKnobs(options.folder)
    if options.role == "gateway":
        from vario.demo.gateway import Gateway

        models = dict(pair.split("=", 1) for pair in options.model)
        return lambda: Gateway(models, stores, MODEL_NAME).app
    if options.role == "feature-store":
        from vario.demo.feature_store import REMEMBERED, FeatureStore

        rng = np.random.default_rng(seed)
        lately = 1 + draw_visits(make_crowds(make_users())[region], REMEMBERED, rng)
        return lambda: (
            FeatureStore(
                _awaited(options.folder / DATABASE),
                region,
                knobs,
                seed=seed,
                lately=map(int, lately),
            ).app
        )
    if options.role == OFFLINE:
        from vario.demo.offline import OfflineServer

        return lambda: OfflineServer(knobs)

    from vario.demo.infer import ModelServer

    return lambda: (
        ModelServer(
            region,
            _awaited(options.folder / MODEL),
            stores[region],
            options.release,
            knobs=knobs,
            seed=seed,
        ).app
    )


def _await_server() -> None:
    """Returns as soon as the server takes telemetry."""
    port = urlsplit(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]).port or 80
    deadline_s = monotonic() + _START_TIMEOUT_S
    while not is_listening(port):
        if monotonic() > deadline_s:
            raise TimeoutError(f"nothing listens on port {port} after {_START_TIMEOUT_S:g} s")
        sleep(0.05)


def _awaited(path: Path) -> Path:
    """Returns the path as soon as `prepare` has put a file there."""
    deadline_s = monotonic() + _START_TIMEOUT_S
    while not path.exists():
        if monotonic() > deadline_s:
            raise TimeoutError(f"{path} was not made within {_START_TIMEOUT_S:g} s")
        sleep(0.02)
    return path


def _write_logs(path: Path) -> None:
    """Has every log line, requests' own among them, written to a file as JSON."""
    handler = RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1)
    handler.setFormatter(vario.JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("vario.request").addHandler(handler)


if __name__ == "__main__":
    main()

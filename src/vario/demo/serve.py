"""Runs one service of the demo: `python -m vario.demo.serve ROLE --socket FD ...`."""

import argparse
import logging
import socket
from logging.handlers import RotatingFileHandler
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import uvicorn

import vario
from vario.demo.prepare import DATABASE, MODEL

MODEL_NAME, MODEL_VERSION = "recommender", "v23"
SERVICE_VERSION = "1.0"
_LOG_BYTES = 8_000_000


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["gateway", "ml-infer", "feature-store"])
    parser.add_argument("--socket", type=int, required=True, help="number of a bound socket")
    parser.add_argument("--region", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="of database and model")
    parser.add_argument("--log", type=Path, required=True, help="file of JSON lines")
    parser.add_argument("--feature-store", default="", help="URL")
    parser.add_argument("--model", action="append", default=[], help="REGION=URL")
    options = parser.parse_args()
    is_model = options.role == "ml-infer"
    vario.configure(
        service=options.role,
        model=MODEL_NAME if is_model else None,
        version=MODEL_VERSION if is_model else SERVICE_VERSION,
        region=options.region,
        stdout=False,
    )
    _write_logs(options.log)
    app = _application(options)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=3, ws="none"
    )
    uvicorn.Server(config).run([socket.socket(fileno=options.socket)])


def _application(options: argparse.Namespace) -> Any:
    if options.role == "gateway":
        from vario.demo.gateway import Gateway

        models = dict(pair.split("=", 1) for pair in options.model)
        return Gateway(models, options.feature_store, MODEL_NAME, MODEL_VERSION).app
    if options.role == "feature-store":
        from vario.demo.feature_store import FeatureStore

        return FeatureStore(_awaited(options.folder / DATABASE)).app
    # The slow part of the start, done while the model is still being trained.

    from vario.demo.infer import ModelServer

    model = _awaited(options.folder / MODEL)
    return ModelServer(options.region, model, options.feature_store).app


def _awaited(path: Path, timeout_s: float = 120.0) -> Path:
    """Returns the path as soon as `prepare` has put a file there."""
    deadline_s = monotonic() + timeout_s
    while not path.exists():
        if monotonic() > deadline_s:
            raise TimeoutError(f"{path} was not made within {timeout_s:g} s")
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

"""The whole demo, from nothing to live numbers and back to nothing."""

import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from vario.demo.files import write_server_files
from vario.demo.incident import Incident, clear
from vario.demo.knobs import Knobs, write_knobs
from vario.demo.notices import Notices
from vario.demo.processes import (
    Child,
    bound_socket,
    check_alive,
    is_listening,
    stop_in_order,
)
from vario.demo.releases import HEALTHY
from vario.demo.rollout import Rollout, Servers
from vario.demo.scenes import SCENES, Stage
from vario.errors import Unavailable

REGIONS = ("us-east", "eu-west")
HOME_REGION = "us-east"
REGIONAL = ("ml-infer", "feature-store")
QUIET = {"wave": 0.5, "bursts": True, "cache": {"us-east": 60, "eu-west": 400}}
"""How the demo is set up where nothing is to go wrong; us-east's cache is rather small."""
START_TIMEOUT_S = 120.0
_POLL_S = 0.1
SLOS_AFTER_S = 45.0
"""When the demo writes its SLOs: by then every service has answered hundreds of requests."""

_INTRODUCTION = """
vario is live: {url}

  Overview  ml-infer answers in us-east and eu-west; compare their p95. Why is us-east slower?
  Traces    {url}/traces?filter=attributes.cache_hit%20%3D%20false
            one request across gateway, ml-infer and feature-store, with a cold cache
  Logs      every line of a trace; the jump is on each span
  SLOs      in a minute, from what it sends: vario slo list --server {url}
  Alerts    what burns them, and why one is quiet: vario alerts list --server {url}
  Incidents what went wrong, why, and whether it is mended: {url}/incidents
  Drift     features against what the model was made for: vario drift report --server {url}
  Terminal  vario doctor --server {url}

Data is in {folder}{kept}. Ctrl-C stops everything.
"""

_INTERVAL_S, _INCIDENT_INTERVAL_S = 10, 5
"""How often services send metrics."""


@dataclass(frozen=True)
class DemoSettings:
    """What the command line says. Ports of 0 ask for free ones; `data` None for a fresh folder."""

    port: int = 7070
    otlp_http_port: int = 4318
    otlp_grpc_port: int = 4317
    duration_s: float | None = None
    data: Path | None = None
    rate: float = 12.0
    opens_browser: bool = True
    incident: str = "none"
    incident_after_s: float = 60.0
    seed: int | None = None

    @property
    def has_incident(self) -> bool:
        """Whether something will happen, be it an incident or a control."""
        return self.incident != "none"


class _Stopped(Exception):
    """The user, or the end of the duration, ends the demo."""


@dataclass
class _Parts:
    """What runs, in the order in which it is stopped."""

    prepare: list[Child] = field(default_factory=list[Child])
    init: list[Child] = field(default_factory=list[Child])
    load: list[Child] = field(default_factory=list[Child])
    gateway: list[Child] = field(default_factory=list[Child])
    offline: list[Child] = field(default_factory=list[Child])
    services: list[Child] = field(default_factory=list[Child])
    leaving: list[Child] = field(default_factory=list[Child])
    server: list[Child] = field(default_factory=list[Child])

    def groups(self) -> list[list[Child]]:
        """Returns the groups: callers before those whom they call, the server last."""
        services = [*self.services, *self.leaving]
        before = [self.prepare, self.init, self.load, self.offline, self.gateway]
        return [*before, services, self.server]


class Demo:
    """One run of the demo. `say` prints a line to the user."""

    def __init__(self, settings: DemoSettings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._is_temporary = settings.data is None
        self._folder = settings.data or Path(tempfile.mkdtemp(prefix="vario-demo-"))
        self._parts = _Parts()
        self._sockets: dict[str, socket.socket] = {}
        self._incident: Incident | None = None
        self._is_stopping = False
        asked = (settings.port, settings.otlp_http_port, settings.otlp_grpc_port)
        self._port, self._otlp_port, self._grpc_port = _with_free_ports(asked)
        self._url = f"http://127.0.0.1:{self._port}"

    def run(self) -> None:
        """Starts everything, waits for Ctrl-C or the duration's end, and stops everything.

        Raises:
            Unavailable: a port is taken, or a part died; the message says which and why.
        """
        before = {
            number: signal.signal(number, self._stop)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            self._start()
            self._watch()
        except _Stopped:
            self._say("stopping ...")
        finally:
            stop_in_order(self._parts.groups())
            for opened in self._sockets.values():
                opened.close()
            for number, handler in before.items():
                signal.signal(number, handler)
            if self._is_temporary:
                shutil.rmtree(self._folder, ignore_errors=True)
        self._say("everything is stopped")

    def _stop(self, number: int, frame: object) -> None:
        self._is_stopping = True

    def _start(self) -> None:
        for name, port in (
            ("--port", self._port),
            ("--otlp-http-port", self._otlp_port),
            ("--otlp-grpc-port", self._grpc_port),
        ):
            if is_listening(port):
                raise Unavailable(
                    f"port {port} is taken, perhaps by another vario: stop it or give {name}"
                )
        for folder in ("telemetry", "system", "logs"):
            (self._folder / folder).mkdir(parents=True, exist_ok=True)
        system = self._folder / "system"
        for made in system.iterdir():
            made.unlink()  # services wait for these files: an earlier run's would be taken for new
        start_s = time.monotonic()
        knobs = SCENES[self._settings.incident].knobs if self._settings.has_incident else QUIET
        write_knobs(system, Knobs(**knobs))
        names = ["gateway", *(f"{one}-{region}" for one in REGIONAL for region in REGIONS)]
        self._sockets = {name: bound_socket() for name in names}
        ports = {name: opened.getsockname()[1] for name, opened in self._sockets.items()}
        clear(self._folder)
        self._start_server([ports[f"feature-store-{region}"] for region in REGIONS])
        self._parts.prepare.append(self._child("prepare", ["vario.demo.prepare", str(system)]))
        self._start_services()
        self._wait("data and model", self._is_prepared)
        self._wait("server", self._server_is_ready)
        self._send_reference()
        self._wait("services", lambda: all(is_listening(port) for port in ports.values()))
        gateway = f"http://127.0.0.1:{ports['gateway']}"
        load = ["vario.demo.load", gateway, str(self._settings.rate), str(system)]
        if self._settings.seed is not None:
            load.append(str(self._settings.seed))
        self._parts.load.append(self._child("load", load))
        self._wait("telemetry of both regions", self._regions_are_there)
        self._say(f"  up after {time.monotonic() - start_s:.1f} s")
        kept = "" if self._is_temporary else f" (again: vario up --data {self._folder}/telemetry)"
        self._say(_INTRODUCTION.format(url=self._url, folder=self._folder, kept=kept))
        self._start_offline()
        if self._settings.has_incident:
            self._incident = self._plan_incident()
        if self._settings.opens_browser and _has_screen():
            webbrowser.open(self._url)

    def _plan_incident(self) -> Incident:
        parts, after_s = self._parts, self._settings.incident_after_s

        def start(region: str, version: str, ready: Path) -> Child:
            ready.unlink(missing_ok=True)
            more = ["--release", version, "--ready", str(ready)]
            return self._serve(f"ml-infer-{region}-{version}", f"ml-infer-{region}", region, *more)

        servers = Servers(REGIONS, parts.services, parts.leaving, start)
        system, notices = (
            self._folder / "system",
            Notices(self._url, f"http://127.0.0.1:{self._otlp_port}"),
        )
        return Incident(
            self._settings.incident,
            Stage(system, Rollout(servers, system, self._say), notices.mark),
            self._folder,
            after_s=after_s,
            url=self._url,
            say=self._say,
            claim=notices.claim_fixed,
        )

    def _start_offline(self) -> None:
        """Starts the autoscaler of the offline path, which starts its replicas."""
        command = ["vario.demo.autoscale", "--folder", str(self._folder / "system")]
        command += ["--logs", str(self._folder / "logs"), "--region", HOME_REGION]
        self._parts.offline.append(self._child("autoscaler", command))

    def _send_reference(self) -> None:
        """Tells the server what the model's inputs look like when all is well."""
        from vario.demo.reference import make_reference
        from vario.demo.serve import MODEL_NAME
        from vario.drift.reference import dump_reference

        text = dump_reference(make_reference(MODEL_NAME, HEALTHY))
        body = f'{{"document": {text}}}'
        with httpx.Client(base_url=self._url, timeout=30, trust_env=False) as client:
            answer = client.put(
                "/api/references", content=body, headers={"content-type": "application/json"}
            )
        if answer.is_error:
            raise Unavailable(f"the demo's server refused its reference: {answer.text}")

    def _start_server(self, scraped_ports: list[int]) -> None:
        self._say(
            "vario demo: starting the server, a gateway, two model servers and feature stores"
        )
        command = ["vario.cli", "up", "--data", str(self._folder / "telemetry")]
        command += ["--port", str(self._port), "--otlp-http-port", str(self._otlp_port)]
        command += ["--otlp-grpc-port", str(self._grpc_port)]
        command += write_server_files(
            self._folder, scraped_ports, has_incident=self._settings.has_incident
        )
        self._parts.server.append(self._child("server", command))

    def _start_services(self) -> None:
        """Starts the services, which come up when what they need is there."""
        for region in REGIONS:
            name = f"ml-infer-{region}"
            self._parts.services.append(self._serve(name, name, region))
            name = f"feature-store-{region}"
            self._parts.services.append(self._serve(name, name, region))
        models = [f"--model={region}={self._find_url(f'ml-infer-{region}')}" for region in REGIONS]
        self._parts.gateway.append(self._serve("gateway", "gateway", HOME_REGION, *models))

    def _serve(self, name: str, service: str, region: str, *more: str) -> Child:
        """Starts a process that answers on a service's socket, beside others that may."""
        own = self._sockets[service].dup()
        command = ["vario.demo.serve", service.removesuffix(f"-{region}"), *more]
        command += ["--socket", str(own.fileno()), "--region", region]
        command += ["--log", str(self._folder / "logs" / f"{name}.jsonl")]
        command += ["--folder", str(self._folder / "system")]
        for one in REGIONS:
            command.append(f"--store={one}={self._find_url(f'feature-store-{one}')}")
        if self._settings.seed is not None:
            command += ["--seed", str(self._settings.seed)]
        return self._child(name, command, sockets=[own])

    def _find_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._sockets[service].getsockname()[1]}"

    def _child(self, name: str, command: list[str], **more: Any) -> Child:
        output = self._folder / "logs" / f"{name}.out"
        return Child(name, command, output, environment=self._environment(), **more)

    def _environment(self) -> dict[str, str]:
        """Returns what the services' environment has of its own: no OTEL_* of the user's."""
        cleared = {name: "" for name in os.environ if name.startswith("OTEL_")}
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        interval_s = _INCIDENT_INTERVAL_S if self._settings.has_incident else _INTERVAL_S
        return {
            **cleared,
            **one_thread,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._otlp_port}",
            "OTEL_METRIC_EXPORT_INTERVAL": str(interval_s * 1000),
        }

    def _is_prepared(self) -> bool:
        (prepare,) = self._parts.prepare
        if prepare.exit_code != 0:
            return False
        prepare.wait()
        self._parts.prepare.clear()
        return True

    def _server_is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self._url}/readyz", timeout=2, trust_env=False).is_success
        return False

    def _regions_are_there(self) -> bool:
        with suppress(httpx.HTTPError):
            answer = httpx.get(f"{self._url}/api/services", timeout=5, trust_env=False)
            if answer.is_success:
                seen = {
                    region
                    for service in answer.json()["services"]
                    if service["service"] == "ml-infer"
                    for region in service["regions"]
                }
                return seen >= set(REGIONS)
        return False

    def _wait(self, what: str, is_there: Callable[[], bool]) -> None:
        """Waits for a part of the start, and says how long it took."""
        start_s = time.monotonic()
        while not is_there():
            self._check()
            if time.monotonic() - start_s > START_TIMEOUT_S:
                raise Unavailable(
                    f"{what}: not there after {START_TIMEOUT_S:g} s; see {self._folder}/logs"
                )
            time.sleep(_POLL_S)
        self._check()
        self._say(f"  {what}: ready ({time.monotonic() - start_s:.1f} s)")

    def _watch(self) -> None:
        start_s = time.monotonic()
        end_s = start_s + (self._settings.duration_s or float("inf"))
        has_slos = (self._folder / "slos").exists()
        while time.monotonic() < end_s:
            self._check()
            if not has_slos and time.monotonic() > start_s + SLOS_AFTER_S:
                has_slos = True
                self._write_slos()
            self._use_slos()
            if self._incident is not None:
                self._incident.step()
            time.sleep(_POLL_S)

    def _write_slos(self) -> None:
        """Starts `vario init` for what the demo sends."""
        command = ["vario.cli", "init", str(self._folder / "slos"), "--server", self._url]
        command += ["--owner", "demo", "--severity", "usual", "--days", "1"]
        self._parts.init.append(self._child("init", command))

    def _use_slos(self) -> None:
        """Once `vario init` is done, has the server read what it wrote."""
        if self._parts.init and self._parts.init[0].exit_code is not None:
            child = self._parts.init.pop()
            child.wait()
            if child.exit_code == 0:
                self._parts.server[0].ask_to_reload()
                self._say(f"  SLOs are live: {self._folder / 'slos'}")
            else:
                self._say(f"  no SLOs were written: {child.last_lines(1)}")

    def _check(self) -> None:
        """Raises where the user wants to stop or a part has died."""
        if self._is_stopping:
            raise _Stopped
        parts = self._parts
        failed = [child for child in parts.prepare if child.exit_code]  # it may end, but well
        services = [*parts.offline, *parts.gateway, *parts.services]
        check_alive([*failed, *parts.load, *services, *parts.server])


def _with_free_ports(asked: Iterable[int]) -> list[int]:
    """Returns the ports asked for, each 0 among them replaced by a free one of its own."""
    with ExitStack() as probes:
        return [port or probes.enter_context(bound_socket()).getsockname()[1] for port in asked]


def _has_screen() -> bool:
    """Says whether a browser can be opened for the one who typed the command."""
    if not sys.stdout.isatty():
        return False
    is_desktop = sys.platform in ("darwin", "win32")
    return is_desktop or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

"""A receiver of notifications over HTTP that can be told to fail, to hang, or to be busy."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hook:
    """What arrived, and how it is answered.

    `answers` are taken one for each request: a status, a status with headers, or `hang`; where
    none is left, 200.
    """

    url: str = ""
    answers: list[Any] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    taken: list[bool] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The bodies that were answered with 200."""
        return [json.loads(body) for body, ok in zip(self.bodies, self.taken, strict=False) if ok]

    def told(self) -> list[tuple[str, list[str]]]:
        """State and names of the alerts of each message that was taken."""
        return [
            (
                message["status"],
                sorted(f"{a['labels']['alertname']}:{a['status']}" for a in message["alerts"]),
            )
            for message in self.messages
        ]

    def wait(self, count: int, timeout_s: float = 60) -> None:
        """Returns once so many requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.taken) >= count, timeout_s), self.taken


@contextlib.contextmanager
def serving_hook(port: int = 0) -> Iterator[Hook]:
    """Serves a hook on a port, by default a free one, until the block ends."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with hook.arrived:
                hook.bodies.append(body)
                hook.headers.append({k.lower(): v for k, v in self.headers.items()})
                answer = hook.answers.pop(0) if hook.answers else 200
                # Before the sender knows: it may look at once.
                hook.taken.append((answer[0] if isinstance(answer, tuple) else answer) == 200)
                hook.arrived.notify_all()
            if answer == "hang":
                hook.released.wait(30)
                answer = 500
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gave up is no news."""

    server = Server(("127.0.0.1", port), Handler)
    hook.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hook
    finally:
        hook.released.set()
        server.shutdown()
        thread.join()
        server.server_close()

"""A target to scrape: a small HTTP server that says what the test tells it to."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass
class Request:
    """One scrape as it came in."""

    path: str
    headers: dict[str, str]


@dataclass
class Exposer:
    """What the target answers, and what it was asked.

    `answer` gives status, headers and body; it may be changed at any time.
    """

    answer: Callable[[Request], tuple[int, dict[str, str], bytes]]
    address: str = ""
    asked: list[Request] = field(default_factory=list[Request])

    def say(self, body: str | bytes, content_type: str = TEXT, status: int = 200) -> None:
        """Answers every scrape from now on with one body."""
        raw = body.encode() if isinstance(body, str) else body
        self.answer = lambda _: (status, {"content-type": content_type}, raw)


@contextlib.contextmanager
def exposing(
    body: str = "", content_type: str = TEXT, *, tls: ssl.SSLContext | None = None
) -> Iterator[Exposer]:
    """Runs a target on a free port of this machine."""
    exposer = Exposer(lambda _: (200, {"content-type": content_type}, body.encode()))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = Request(self.path, {k.lower(): v for k, v in self.headers.items()})
            exposer.asked.append(request)
            status, headers, content = exposer.answer(request)
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    exposer.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield exposer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

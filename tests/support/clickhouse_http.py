"""ClickHouse's HTTP interface over the embedded engine, as much of it as vario speaks. Test only.

No ClickHouse server can be had where these tests run, so the way to a remote store is tried against
this: the same engine, another process, the real client over a real socket.

    python -m tests.support.clickhouse_http chdb-folder-or-:memory:

prints `ready PORT` when it listens on 127.0.0.1, and serves until its standard input is closed.
"""

import contextlib
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# Parameters of the protocol; every other one is a setting or, with `param_`, a query parameter.
_PROTOCOL = {
    "buffer_size",
    "cancel_http_readonly_queries_on_client_close",
    "client_protocol_version",
    "compress",
    "database",
    "decompress",
    "default_format",
    "enable_http_compression",
    "http_headers_progress_interval_ms",
    "password",
    "query",
    "query_id",
    "quota_key",
    "role",
    "send_progress_in_http_headers",
    "session_check",
    "session_id",
    "session_timeout",
    "user",
    "wait_end_of_query",
}
_INSERT = re.compile(rb"\s*(INSERT\s+INTO\s[^;]*?)\s+FORMAT\s+(\w+)[ \t]*\n?", re.IGNORECASE)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")


class _Handles:
    """Handles of the one engine. One that failed is closed: it may hold left-over output."""

    def __init__(self, path: str) -> None:
        import chdb

        self._open = lambda: chdb.connect(path)
        self._keep = self._open()
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()

    @contextlib.contextmanager
    def lease(self, database: str, settings: dict[str, str]) -> Iterator[Any]:
        try:
            handle = self._free.get_nowait()
        except queue.Empty:
            handle = self._open()
        try:
            handle.query(f"USE `{database}`")
            for name, value in settings.items():
                handle.query(f"SET {name} = {_quoted(value)}")
            yield handle
            for name in settings:
                handle.query(f"SET {name} = DEFAULT")
        except BaseException:
            handle.close()
            raise
        self._free.put(handle)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    handles: _Handles

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._serve(b"".join(self._chunks()))
        else:
            self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _serve(self, body: bytes) -> None:
        url = urlsplit(self.path)
        if url.path == "/ping":
            self._reply(200, b"Ok.\n")
            return
        given = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            answer, headers = self._run(given, body)
        except Exception as error:
            text = str(error)
            text = text[max(text.find("Code: "), 0) :]
            found = _CODE.match(text)
            code = found[1] if found else "1002"
            self._reply(500, text.encode(), {"X-ClickHouse-Exception-Code": code})
        else:
            self._reply(200, answer, headers)

    def _run(self, given: dict[str, str], body: bytes) -> tuple[bytes, dict[str, str]]:
        settings = {
            name: value
            for name, value in given.items()
            if name not in _PROTOCOL and not name.startswith("param_")
        }
        with self.handles.lease(given.get("database", "default"), settings) as handle:
            # The query, the data of an INSERT, or the one and then the other.
            whole = given["query"].encode() + b"\n" + body if "query" in given else body
            if insert := _INSERT.match(whole):
                written = _insert(handle, insert[1], insert[2], whole[insert.end() :])
                return b"", {"X-ClickHouse-Summary": json.dumps({"written_rows": str(written)})}
            sql = whole.decode().rstrip()
            named = _FORMAT.search(sql)
            form = named[1] if named else given.get("default_format", "TabSeparated")
            params = {name[6:]: value for name, value in given.items() if name[:6] == "param_"}
            answer = handle.query(sql, form, params=params).bytes() or b""
            return answer, {"X-ClickHouse-Format": form} if answer or named else {}

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("X-ClickHouse-Query-Id", str(uuid.uuid4()))
        self.send_header("X-ClickHouse-Timezone", "UTC")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _insert(handle: Any, statement: bytes, form: bytes, data: bytes) -> int:
    """Inserts from a file: the engine's streaming insert keeps a view's fault to itself."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        infile = f"{statement.decode()} FROM INFILE {_quoted(file.name)} FORMAT {form.decode()}"
        return handle.query(infile).rows_read()


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


@contextlib.contextmanager
def serve(path: str, cwd: Path) -> Iterator[str]:
    """Runs the server in a process of its own and yields its address, `http://127.0.0.1:PORT`.

    Args:
        path: the engine's folder, or `:memory:`.
        cwd: a folder for what the engine leaves where it was started.
    """
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.clickhouse_http", path],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        word, port = process.stdout.readline().split()
        assert word == "ready"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()


def main() -> None:
    _Request.handles = _Handles(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Request)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", server.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)  # the engine's own exit waits for threads that serve open connections


if __name__ == "__main__":
    main()

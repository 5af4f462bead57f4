"""The demo's processes: each in a session of its own, none outliving its parent."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vario.errors import Unavailable

STOP_TIMEOUT_S = 10.0


class Child:
    """A process that runs a module through `vario.demo.child`.

    What it prints goes to a file. Ctrl-C in a terminal does not reach it: its parent says when.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        output: Path,
        *,
        environment: Mapping[str, str] | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.name = name
        self._output = output
        with output.open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vario.demo.child", *command],
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                pass_fds=[opened.fileno() for opened in sockets],
                start_new_session=True,
            )
        for opened in sockets:
            opened.close()

    @property
    def exit_code(self) -> int | None:
        """The process's exit code, None while it runs."""
        return self._process.poll()

    def last_lines(self, count: int = 15) -> str:
        """Returns the end of what the process printed."""
        text = self._output.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-count:])

    def ask_to_stop(self) -> None:
        """Sends SIGTERM, if the process still runs."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def ask_to_reload(self) -> None:
        """Sends SIGHUP, if the process still runs."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGHUP)

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Waits for the end of a process that was asked to stop; kills it when time is up."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


def check_alive(children: Sequence[Child]) -> None:
    """Does nothing where all processes run.

    Raises:
        Unavailable: one has ended; the message says which, and what it printed last.
    """
    for child in children:
        if child.exit_code is not None:
            lines = child.last_lines() or "(it printed nothing)"
            raise Unavailable(
                f"{child.name} ended with exit code {child.exit_code}; its last lines:\n{lines}"
            )


def stop_in_order(groups: Sequence[Sequence[Child]], timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stops processes, one group after another, those of a group together."""
    for group in groups:
        for child in group:
            child.ask_to_stop()
        for child in group:
            child.wait(timeout_s)


def bound_socket() -> socket.socket:
    """Returns a socket on a free port of the loopback address, for a child to listen on."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.bind(("127.0.0.1", 0))
    return opened


def is_listening(port: int) -> bool:
    """Says whether someone listens on a port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

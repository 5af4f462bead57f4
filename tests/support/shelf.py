"""A store that keeps what is written to it, and can be shut, full or broken."""

import threading

from vario.errors import BadData
from vario.model.telemetry import Signal


class Shelf:
    """Takes requests as they are.

    Attributes:
        written: what was written.
        poison: bytes that it cannot decode wherever they stand.
        fault: raised by every write while set.
        open: writes wait while it is cleared.
        asked: set by the first write, before it waits.
    """

    def __init__(self, poison: bytes = b"") -> None:
        self.written: list[tuple[Signal, bytes]] = []
        self.poison = poison
        self.fault: BaseException | None = None
        self.open = threading.Event()
        self.open.set()
        self.asked = threading.Event()

    def write_otlp(self, signal: Signal, body: bytes) -> None:
        self.asked.set()
        self.open.wait(10)
        if self.poison and self.poison in body:
            raise BadData("the engine cannot decode this")
        if self.fault:
            raise self.fault
        self.written.append((signal, body))

"""The guards as the doors see them: a request in, what may be stored out."""

import hashlib
import logging
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vario.clock import Clock
from vario.errors import BadData, InternalError
from vario.guard.detectors import find_hints
from vario.guard.folds import Fold, Folds
from vario.guard.ledger import Ledger
from vario.guard.metrics_otlp import clean_metrics
from vario.guard.otlp import clean_items
from vario.guard.policy import Place, Policy
from vario.guard.redact import Redactor
from vario.guard.remote import clean_series, find_names
from vario.guard.sums import Sums
from vario.guard.tally import Tally
from vario.model.telemetry import Signal
from vario.wire.remote_sift import sift_request
from vario.wire.remote_write import RemoteWrite, Version

log = logging.getLogger(__name__)

REMEMBERED = 64
"""Requests whose series were added up are remembered: a retry must not count twice."""


@dataclass(frozen=True, slots=True)
class FoldState:
    """A fold, and how many points it has changed since the process began."""

    fold: Fold
    points: int


class Guard:
    """Takes out what must not be stored. Every method may be called from any thread."""

    def __init__(self, policy: Policy, clock: Clock, *, personal_data: bool = True) -> None:
        """Makes a guard with nothing folded.

        Args:
            policy: what to do with personal data.
            clock: dates what is found.
            personal_data: whether to look for any.
        """
        self._policy = policy
        self._clock = clock
        self.personal_data = personal_data
        self.ledger = Ledger(self.clean_text)
        self._lock = threading.Lock()
        self._folds = Folds()
        self._sums = Sums()
        self._tally = Tally(clock.now_ns)
        self._counters: frozenset[str] = frozenset()
        self._done: OrderedDict[bytes, bytes] = OrderedDict()

    def clean_otlp(self, signal: Signal, body: bytes) -> bytes:
        """Returns an export request, known to be sound, as it may be stored.

        Raises:
            InternalError: a fault of the guard; the request must not be stored.
        """
        hints = find_hints(body) if self.personal_data else []
        if signal is Signal.METRICS:
            if not hints and not self._folds:
                return body
            return self._summed(
                body,
                lambda redactor: clean_metrics(
                    body, hints, redactor, self._folds, self._sums, self._tally
                ),
            )
        if not hints:
            return body
        redactor = Redactor(self._policy)
        with _no_values():
            cleaned = clean_items(signal, body, hints, redactor)
            self._report(redactor)
        return body if cleaned is None else cleaned

    def clean_remote(self, request: RemoteWrite) -> RemoteWrite:
        """Returns a remote-write request as it may be stored, perhaps in version 1.

        Raises:
            BadData: it holds what is to be taken out, and is unsound besides.
            InternalError: a fault of the guard; the request must not be stored.
        """
        hints = self._remote_hints(request.body)
        if not hints:
            return request
        if request.version is Version.V2:
            # Its symbols stand for names and values alike: it is written out first.
            sifted = sift_request(request.version, request.body)
            if sifted.rejected:
                raise BadData("a series of the request is unsound")
            request, hints = sifted, self._remote_hints(sifted.body)
        body = self._summed(
            request.body,
            lambda redactor: clean_series(
                request.body, hints, redactor, self._folds, self._sums, self._tally,
                self._is_counter,
            ),
        )  # fmt: skip
        return replace(request, body=body)

    def clean_text(self, text: str) -> str:
        """Returns a text for a message or a label of our own, personal data redacted."""
        redactor = Redactor(_REDACT)
        return redactor.clean(text, Place("logs", "", "body")) or ""

    def fold(self, folds: Sequence[Fold]) -> None:
        """Puts folds in force, from the next request on."""
        with self._lock:
            self._folds.add(folds)

    def folds(self) -> list[FoldState]:
        """Returns what is folded."""
        with self._lock:
            points = dict(self._tally.points)
            return [FoldState(f, points.get((f.metric, f.label), 0)) for f in self._folds]

    def learn_counters(self, names: frozenset[str]) -> None:
        """Notes which metrics are counters, though their names do not say so."""
        self._counters = names

    def _is_counter(self, name: str) -> bool:
        return name in self._counters

    def _remote_hints(self, body: bytes) -> list[int]:
        hints = find_hints(body) if self.personal_data else []
        if not self._folds:
            return hints
        return sorted(hints + find_names(body, {fold.metric for fold in self._folds}))

    def _summed(self, body: bytes, clean: Callable[[Redactor], bytes | None]) -> bytes:
        """Cleans a request of metrics; the same request again gives the same answer."""
        key = hashlib.blake2b(body, digest_size=16).digest()
        redactor = Redactor(self._policy)
        with self._lock, _no_values():
            if key in self._done:
                return self._done[key]
            cleaned = clean(redactor)
            if cleaned is not None:
                self._done[key] = cleaned
                if len(self._done) > REMEMBERED:
                    self._done.popitem(last=False)
        self._report(redactor)
        return body if cleaned is None else cleaned

    def _report(self, redactor: Redactor) -> None:
        if not redactor.found:
            return
        for entry in self.ledger.add(redactor.found, self._clock.now_ns()):
            log.warning(
                "personal data: %s in %s of %s (%s): %s; what to write instead: GET /api/guard",
                entry.detector,
                entry.field,
                entry.service or "an unnamed service",
                entry.signal,
                {"redact": "redacted", "hash": "hashed"}.get(entry.mode, "dropped"),
            )


class _no_values:  # noqa: N801 - reads as a statement
    """Keeps what a fault says out of logs and answers: it may name the value that it met."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if kind is None or error is None or not issubclass(kind, Exception):
            return
        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
        log.error("the guard failed: %s at %s", kind.__name__, where)
        raise InternalError(
            f"the guard failed ({kind.__name__}); the request was not stored; see the log"
        ) from None


_REDACT = Policy((), b"")

"""What can be kept of a remote-write request in which something is wrong.

The slow way, taken after the quick one has failed: every series is looked at in Python. What can be
stored comes back as a request of version 1, whichever version it came in.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from vario.errors import BadData
from vario.wire.protobuf import load_messages
from vario.wire.remote_write import MESSAGES, PROTO, RemoteWrite, Version, check_histogram

LAST_MS = (1 << 32) * 1000 - 1
"""2106-02-07: tables are aged by the engine's 32-bit `DateTime`, which ends here."""

# The same messages with texts as bytes, so that one label that is not UTF-8 spoils one series only.
_BYTES = load_messages(PROTO.replace("string ", "bytes "))
_REQUESTS: dict[Version, type[Any]] = {
    Version.V1: _BYTES["WriteRequest"],
    Version.V2: _BYTES["Request"],
}

Pairs = list[tuple[str, str]]


def sift_request(version: Version, body: bytes) -> RemoteWrite:
    """Returns the part of a request that can be stored, with what was left out and why.

    Labels may come in any order and empty values mean that there is no such label, as in
    Prometheus. A series whose labels are unsound is left out; so is a sample, histogram or exemplar
    whose time or value is.

    Raises:
        BadData: the body is not such a request at all.
    """
    try:
        request = _REQUESTS[version].FromString(body)
    except DecodeError as error:
        raise BadData(f"this body of {len(body)} bytes is not a {version}: {error}") from error
    sieve = _Sieve(request.symbols if version is Version.V2 else ())
    for series in request.timeseries:
        sieve.take_series(series, version)
    if version is Version.V1:
        for item in request.metadata:
            sieve.take_metadata(item)
    return sieve.finish()


class _Sieve:
    """Builds the request of what can be stored."""

    def __init__(self, symbols: Sequence[bytes]) -> None:
        self._symbols = symbols
        self._out: Any = MESSAGES[Version.V1]()
        self._kept: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()

    def finish(self) -> RemoteWrite:
        return RemoteWrite(
            Version.V1,
            self._out.SerializeToString(),
            samples=self._kept["samples"],
            histograms=self._kept["histograms"],
            exemplars=self._kept["exemplars"],
            metadata=self._kept["metadata"],
            rejected=self._rejected,
        )

    def take_series(self, series: Any, version: Version) -> None:
        try:
            pairs = self._read_labels(series, version)
            _check_labels(pairs)
        except BadData as error:
            self._rejected[str(error)] += 1
            return
        own = self._out.timeseries.add()
        for name, value in pairs:
            own.labels.add(name=name, value=value)
        for kind in ("samples", "histograms", "exemplars"):
            for item in getattr(series, kind):
                try:
                    self._take_item(kind, item, getattr(own, kind), version)
                except BadData as error:
                    self._rejected[str(error)] += 1
                else:
                    self._kept[kind] += 1

    def take_metadata(self, item: Any) -> None:
        try:
            self._out.metadata.add(
                type=item.type,
                metric_family_name=_text(item.metric_family_name),
                help=_text(item.help),
                unit=_text(item.unit),
            )
            self._kept["metadata"] += 1
        except BadData as error:
            self._rejected[str(error)] += 1

    def _take_item(self, kind: str, item: Any, to: Any, version: Version) -> None:
        if not 0 <= item.timestamp <= LAST_MS:
            raise BadData(f"timestamp {item.timestamp} ms is before 1970 or after 2106")
        if kind == "exemplars":
            pairs = self._read_labels(item, version)
            labels = [{"name": name, "value": value} for name, value in pairs]
            to.add(labels=labels, value=item.value, timestamp=item.timestamp)
            return
        if kind == "histograms":
            check_histogram(item)
        to.add().MergeFromString(item.SerializeToString())

    def _read_labels(self, owner: Any, version: Version) -> Pairs:
        """Returns labels as texts, sorted by name, those without a value left out."""
        if version is Version.V1:
            raw = [(label.name, label.value) for label in owner.labels]
        else:
            refs = owner.labels_refs
            if len(refs) % 2:
                raise BadData("labels_refs has an odd number of references")
            if any(ref >= len(self._symbols) for ref in refs):
                raise BadData("labels_refs points outside the table of symbols")
            texts = [self._symbols[ref] for ref in refs]
            raw = list(zip(texts[::2], texts[1::2], strict=True))
        return sorted((_text(name), _text(value)) for name, value in raw if value)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadData("a text is not UTF-8") from error


def _check_labels(pairs: Pairs) -> None:
    names = [name for name, _ in pairs]
    if "__name__" not in names:
        raise BadData("a series has no metric name (label __name__)")
    if "" in names:
        raise BadData(f"a label of {dict(pairs)['__name__']} has an empty name")
    if len(set(names)) != len(names):
        raise BadData(f"a series of {dict(pairs)['__name__']} has the same label twice")


def describe_rejected(request: RemoteWrite, *, most: int = 5) -> str:
    """Returns what was left out of a request in one sentence, empty if nothing was."""
    if not request.rejected:
        return ""
    reasons = [f"{reason} ({count})" for reason, count in request.rejected.most_common(most)]
    if len(request.rejected) > most:
        reasons.append(f"and {len(request.rejected) - most} more reasons")
    return f"{request.rejected.total()} series or samples were not stored: {'; '.join(reasons)}"

"""Samples out of plain requests of remote write 1.0, read by their bytes.

A sender sends the same series again and again, and writes its labels in the same bytes each time:
these are looked up as they are, and a sample's value is copied. 3 us a sample where decoding the
request into objects takes 8.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from vario.store.direct.book import HOUR_MS, Pairs, Series, SeriesBook, Sightings, State
from vario.store.direct.values import NotPlain
from vario.store.macros_prometheus import LAST_MS

_LEN, _DOUBLE, _VARINT = 2, 1, 0
_SERIES, _LABELS, _SAMPLES = 1 << 3 | _LEN, 1 << 3 | _LEN, 2 << 3 | _LEN
_PAIR = 1 << 3 | _LEN, 2 << 3 | _LEN
_VALUE, _TIME = 1 << 3 | _DOUBLE, 2 << 3 | _VARINT
_TIME_BYTES = 6
"""Of a varint between 1971 and 2109 in milliseconds."""
_WITH_VALUE, _ZERO = 1 + 8 + 1 + _TIME_BYTES, 1 + _TIME_BYTES
_NOTHING = bytes(8)


@dataclass(slots=True)
class Samples:
    """What a request comes to.

    Attributes:
        new: rows of series that must be stored before the others.
        rows: rows of `metric_samples`.
        later: likewise of series whose prefix is known once `new` is stored.
    """

    new: Sightings = field(default_factory=Sightings)
    rows: list[bytes] = field(default_factory=list[bytes])
    later: list[tuple[Series, bytes]] = field(default_factory=list[tuple[Series, bytes]])

    def finish(self) -> list[bytes]:
        """Returns all rows, once `new` is stored."""
        return self.rows + [series.prefix + rest for series, rest in self.later]


def sample_rows(body: bytes, book: SeriesBook) -> Samples:
    """Returns the rows of a request that was checked (`vario.wire.remote_write.check_request`).

    Args:
        body: the request in protobuf, or several joined; samples only.
        book: the series that are known, to which new ones are added.

    Raises:
        NotPlain: something in it is left to the engine: fields in another order than senders write
            them, labels that cannot be stored, samples of a series in several hours.
    """
    try:
        return _read(body, book)
    except (IndexError, UnicodeDecodeError) as error:
        raise NotPlain from error


def _read(body: bytes, book: SeriesBook) -> Samples:  # noqa: PLR0912 - calls would take as long
    found, known = Samples(), book.points
    rows, times = found.rows, dict[bytes, tuple[bytes, State]]()
    at, end = 0, len(body)
    while at < end:
        if body[at] != _SERIES:
            raise NotPlain
        size, at = body[at + 1], at + 2
        if size > 0x7F:
            if body[at] > 0x7F:
                raise NotPlain
            size, at = size + (body[at] - 1 << 7), at + 1
        first, stop = at, at + size
        if stop > end:
            raise NotPlain
        while at < stop and body[at] == _LABELS:
            size, at = body[at + 1], at + 2
            if size > 0x7F:
                if body[at] > 0x7F:
                    raise NotPlain
                size, at = size + (body[at] - 1 << 7), at + 1
            at += size
        key = body[first:at]
        series = known.get(key) or _learn(key, book)
        told: State | None = None
        while at < stop:
            if body[at] != _SAMPLES:
                raise NotPlain
            size = body[at + 1]
            if size == _WITH_VALUE and body[at + 2] == _VALUE and body[at + 11] == _TIME:
                value, raw = body[at + 3 : at + 11], body[at + 12 : at + 18]
            elif size == _ZERO and body[at + 2] == _TIME:
                value, raw = _NOTHING, body[at + 3 : at + 9]
            else:
                raise NotPlain
            at += 2 + size
            stamp, state = times.get(raw) or times.setdefault(raw, _read_time(raw))
            if state is not told:
                if told is not None and state != told:
                    raise NotPlain
                told = state
            if state in series.written:
                rows.append(series.prefix + stamp + value)
            else:
                found.new.series[series, state] = None
                found.later.append((series, stamp + value))
        if at != stop:
            raise NotPlain
    return found


def _learn(key: bytes, book: SeriesBook) -> Series:
    """Returns the series with these labels, and remembers their bytes.

    Raises:
        NotPlain: the engine would refuse them, or too much is remembered.
    """
    pairs = _read_labels(key)
    names = [name for name, _ in pairs]
    is_sound = (
        "__name__" in names
        and "" not in names
        and all(value for _, value in pairs)
        and all(before < after for before, after in pairwise(names))
    )
    if not is_sound:
        raise NotPlain
    series = book.find(pairs)
    book.remember(key, series)
    return series


def _read_labels(key: bytes) -> Pairs:
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(key):
        size, at = _read_size(key, at + 1)
        stop = at + size
        texts: list[str] = []
        for tag in _PAIR:
            if key[at] != tag:
                raise NotPlain
            size, at = _read_size(key, at + 1)
            texts.append(key[at : at + size].decode())
            at += size
        if at != stop:
            raise NotPlain
        pairs.append((texts[0], texts[1]))
    return tuple(pairs)


def _read_size(body: bytes, at: int) -> tuple[int, int]:
    """Returns a length of one or two bytes, and where what it is of begins."""
    size = body[at]
    if size > 0x7F:
        return size + (body[at + 1] - 1 << 7), at + 2
    return size, at + 1


def _read_time(raw: bytes) -> tuple[bytes, State]:
    """Returns a time as the table has it, and the state of a series that has a sample then."""
    ts_ms = 0
    for place, byte in enumerate(raw):
        if (byte > 0x7F) != (place < _TIME_BYTES - 1):
            raise NotPlain
        ts_ms |= (byte & 0x7F) << 7 * place
    if ts_ms > LAST_MS:
        raise NotPlain
    return ts_ms.to_bytes(8, "little"), (ts_ms // HOUR_MS, 0, 0)

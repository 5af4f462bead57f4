"""ClickHouse's Native format, as far as grids come in it: columns of a block, one after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class GridBlock:
    """Rows of `id UInt64, infinite UInt8, grid Array(Nullable(Float64))`; grids of one length.

    Attributes:
        ids: shape (n,).
        infinite: shape (n,).
        values: shape (n, steps); 0 where there is none.
        present: shape (n, steps).
    """

    ids: NDArray[np.uint64]
    infinite: NDArray[np.bool_]
    values: NDArray[np.float64]
    present: NDArray[np.bool_]


def read_grids(body: bytes, steps: int) -> Iterator[GridBlock]:
    """Yields the blocks of an answer.

    Args:
        body: blocks, each a number of columns and of rows, then each column's name, type and data.
        steps: length of every grid.
    """
    reader = _Reader(body)
    while not reader.at_end:
        reader.varint()
        rows = reader.varint()
        if not rows:
            continue
        reader.skip_header()
        ids = reader.array(np.dtype("<u8"), rows)
        reader.skip_header()
        infinite = reader.array(np.dtype(np.bool_), rows)
        reader.skip_header()
        reader.array(np.dtype("<u8"), rows)  # where each grid ends
        absent = reader.array(np.dtype(np.bool_), rows * steps).reshape(rows, steps)
        values = reader.array(np.dtype("<f8"), rows * steps).reshape(rows, steps)
        yield GridBlock(ids, infinite, values, ~absent)


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._body)

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._body[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def skip_header(self) -> None:
        """Passes over a column's name and type."""
        for _ in range(2):
            length = self.varint()
            self._at += length

    def array(self, kind: "np.dtype[np.generic]", count: int) -> "np.ndarray[tuple[int], Any]":
        found = np.frombuffer(self._body, kind, count, self._at)
        self._at += found.nbytes
        return found

"""How many different texts there were: a sketch of hashes that is an ordinary histogram.

A text's hash picks one of 320 cells, each less probable than the one before; which cells are not
empty tells how many different texts there were, to within about 13%. Cells are buckets of the
histogram `feature_distinct`, so that any backend keeps them, and sums over replicas and windows are
the sketch of their union. No text can be read out of it.

Source: Flajolet and Martin, "Probabilistic counting algorithms" (1985), with cells instead of bits.
"""

from hashlib import blake2b
from math import log

from vario.sdk.sketches import FINEST_SCALE, MOST_BUCKETS

CELLS = MOST_BUCKETS
FALL = 10.0 ** (-4 / CELLS)
"""How probable a cell is over the one before: from 1 in 35 for the first to 1 in 350,000."""

_SHARE, _LOG_FALL = 1 - FALL**CELLS, log(FALL)


def encode(text: str) -> float:
    """Returns the value that falls into the bucket of a text's cell.

    >>> encode("de") == encode("de") != encode("fr")
    True
    """
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=7).digest()
    part = int.from_bytes(digest, "big") / 2**56
    cell = min(int(log(1 - part * _SHARE) / _LOG_FALL), CELLS - 1)
    return float(2.0 ** ((cell + 0.5) / 2**FINEST_SCALE))

"""Scores of all combinations of up to three dimensions over one excess table."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vario.investigate.leaves import Codes, Excess, Floats

Cells = NDArray[np.int64]

DIMENSION_PENALTY = 0.85
"""Each further dimension of a description must raise the score by 1 / 0.85."""

SHARE_POWER = 2.0
DENSE_CELLS = 1 << 20


@dataclass(frozen=True, slots=True)
class Cuboid:
    """One combination of dimensions: its cells, and which one each leaf lies in."""

    dims: tuple[int, ...]
    cell: Cells
    cells: int


@dataclass(frozen=True, slots=True)
class Found:
    """A cell of a cuboid that scored: `leaves` are those in it."""

    dims: tuple[int, ...]
    score: float
    share: float
    leaves: NDArray[np.bool_]


def build_cuboids(codes: Codes, sizes: tuple[int, ...], max_dims: int) -> list[Cuboid]:
    """Returns all combinations of dimensions that have more than one value, the shortest first."""
    varied = [dim for dim, size in enumerate(sizes) if size > 1]
    return [
        _build_cuboid(codes, sizes, dims)
        for length in range(1, max_dims + 1)
        for dims in combinations(varied, length)
    ]


def _build_cuboid(codes: Codes, sizes: tuple[int, ...], dims: tuple[int, ...]) -> Cuboid:
    cell = np.zeros(len(codes), dtype=np.int64)
    cells = 1
    for dim in dims:
        cell *= sizes[dim]
        cell += codes[:, dim]
        cells *= sizes[dim]
    if cells > DENSE_CELLS:
        _, cell = np.unique(cell, return_inverse=True)
        cells = int(cell.max()) + 1
    return Cuboid(dims, cell, cells)


class Scan:
    """Scores every cell of the cuboids for one or more questions (columns of `excess`)."""

    def __init__(self, cuboids: list[Cuboid], excess: Excess, damage: Floats | None = None) -> None:
        """Prepares the weights of the leaves; `damage` is found from the excess where not given."""
        self._cuboids = cuboids
        self._questions = excess.excess.shape[1]
        self._excess = excess.excess
        ratio = excess.expected / excess.variance
        self._along = excess.excess * ratio
        self._square = excess.expected * ratio
        self.damage = self._find_damage() if damage is None else damage

    def _sum(self, cuboid: Cuboid, weights: Floats) -> Floats:
        count = self._questions
        cell = cuboid.cell
        if count > 1:
            cell = (cell[:, None] * count + np.arange(count)).ravel()
        sums = np.bincount(cell, weights.ravel(), cuboid.cells * count)
        return sums.astype(np.float64, copy=False).reshape(-1, count)

    def _find_damage(self) -> Floats:
        """Returns the whole excess, or the largest of one value where others got better."""
        damage = self._excess.sum(0)
        for cuboid in self._cuboids:
            if len(cuboid.dims) == 1:
                damage = np.maximum(damage, self._sum(cuboid, self._excess).max(0))
        return np.maximum(damage, 1e-12)

    def _weigh(self, along: Floats, square: Floats, share: Floats, length: int) -> Floats:
        gain = np.where((along > 0) & (share > 0), along**2 / np.maximum(square, 1e-300), 0)
        penalty = DIMENSION_PENALTY ** max(length - 1, 0)
        return gain * np.clip(share, 0, 1) ** SHARE_POWER * penalty

    def scores(self, min_share: float) -> Iterator[tuple[Cuboid, Floats, Floats]]:
        """Yields score and share of every cell (cells, questions), cuboid by cuboid.

        Cells with less than `min_share` of the damage score 0.
        """
        for cuboid in self._cuboids:
            share = self._sum(cuboid, self._excess) / self.damage
            if not (share >= min_share).any():
                continue
            along = self._sum(cuboid, self._along)
            square = self._sum(cuboid, self._square)
            score = self._weigh(along, square, share, len(cuboid.dims))
            yield cuboid, np.where(share >= min_share, score, 0), share

    def everywhere(self) -> tuple[Floats, Floats]:
        """Returns score and share of the whole table, for each question."""
        share = self._excess.sum(0) / self.damage
        return self._weigh(self._along.sum(0), self._square.sum(0), share, 0), share

    def best_scores(self, min_share: float) -> Floats:
        """Returns the highest score of any description, for each question."""
        best, _ = self.everywhere()
        for _, score, _ in self.scores(min_share):
            best = np.maximum(best, score.max(0))
        return best

    def find_best(self, min_share: float, count: int) -> list[Found]:
        """Returns the `count` best descriptions for the first question, the best first."""
        score, share = self.everywhere()
        everywhere = np.ones(len(self._excess), dtype=np.bool_)
        found = [Found((), float(score[0]), float(share[0]), everywhere)]
        for cuboid, scores, shares in self.scores(min_share):
            column = scores[:, 0]
            top = np.flatnonzero(column > 0)
            if len(top) > count:
                top = top[np.argpartition(column[top], -count)[-count:]]
            found += [
                Found(cuboid.dims, float(column[i]), float(shares[i, 0]), cuboid.cell == i)
                for i in top.tolist()
            ]
        found.sort(key=lambda one: (-one.score, len(one.dims), one.dims))
        return found[:count]

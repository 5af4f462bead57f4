"""Scores of all combinations of up to three dimensions over one excess table."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vario.investigate.leaves import Codes, Excess, Flags, Floats

Cells = NDArray[np.int64]

DIMENSION_PENALTY = 0.85
"""Each further dimension of a description must raise the score by 1 / 0.85."""

UNION_PENALTY = 0.6
"""Each further value that is blamed at once must raise the score by 1 / 0.6."""

SHARE_POWER = 2.0
"""The share of the damage counts squared: a cause should explain it all."""

DENSE_CELLS = 1 << 20
"""A combination with more possible cells than this is numbered by those that occur."""


@dataclass(frozen=True, slots=True)
class Cuboid:
    """One combination of dimensions: its cells, and which one each leaf lies in."""

    dims: tuple[int, ...]
    cell: Cells
    cells: int


@dataclass(frozen=True, slots=True)
class Found:
    """One or several cells of a cuboid that scored together.

    Attributes:
        dims: of the cuboid; none for "everywhere".
        score: of all parts together.
        parts: for each cell, which leaves lie in it; the strongest first.
    """

    dims: tuple[int, ...]
    score: float
    parts: tuple[Flags, ...]

    @property
    def leaves(self) -> Flags:
        """Returns the leaves in any of the parts."""
        return np.logical_or.reduce(self.parts)


def build_cuboids(codes: Codes, sizes: tuple[int, ...], max_dims: int) -> list[Cuboid]:
    """Returns all combinations of dimensions that have more than one value, the shortest first."""
    columns = np.ascontiguousarray(codes.T)
    everything = Cuboid((), np.zeros(len(codes), dtype=np.int64), 1)
    cuboids = [everything]
    found: list[Cuboid] = []
    for _ in range(max_dims):
        cuboids = [
            _extend(cuboid, dim, columns[dim], size)
            for cuboid in cuboids
            for dim, size in enumerate(sizes)
            if size > 1 and (not cuboid.dims or dim > cuboid.dims[-1])
        ]
        found += cuboids
    return found


def _extend(cuboid: Cuboid, dim: int, codes: Cells, size: int) -> Cuboid:
    cell, cells = cuboid.cell * size, cuboid.cells * size
    cell += codes
    if cells > DENSE_CELLS:
        _, cell = np.unique(cell, return_inverse=True)
        cells = int(cell.max()) + 1
    return Cuboid((*cuboid.dims, dim), cell, cells)


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the cells of a cuboid (cells, questions), or of any other set of leaves (questions)."""

    along: Floats
    square: Floats
    share: Floats

    def joined(self, cells: list[int]) -> "Sums":
        """Returns the sums of each cell together with `cells`, for question 0: (cells, 1)."""
        return Sums(
            self.along[:, :1] + self.along[cells, :1].sum(),
            self.square[:, :1] + self.square[cells, :1].sum(),
            self.share[:, :1] + self.share[cells, :1].sum(),
        )


class Scan:
    """Scores every cell of the cuboids for one or more questions (columns of `excess`)."""

    def __init__(
        self, cuboids: list[Cuboid], excess: Excess, min_share: float, damage: Floats | None = None
    ) -> None:
        """Prepares the weights of the leaves; `damage` is found from the excess where not given.

        What holds less than `min_share` of the damage scores 0.
        """
        self._cuboids = cuboids
        self._questions = excess.excess.shape[1]
        self._min_share = min_share
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

    def _sums(self) -> Iterator[tuple[Cuboid, Sums]]:
        """Yields the sums of the cuboids in which a cell holds enough of the damage."""
        for cuboid in self._cuboids:
            share = self._sum(cuboid, self._excess) / self.damage
            if (share >= self._min_share).any():
                along, square = self._sum(cuboid, self._along), self._sum(cuboid, self._square)
                yield cuboid, Sums(along, square, share)

    def _weigh(self, sums: Sums, dims: int) -> Floats:
        passes = (sums.along > 0) & (sums.share >= self._min_share)
        gain = np.where(passes, sums.along**2 / np.maximum(sums.square, 1e-300), 0)
        return (
            gain * np.clip(sums.share, 0, 1) ** SHARE_POWER * DIMENSION_PENALTY ** max(dims - 1, 0)
        )

    def weigh_leaves(self, leaves: Flags, dims: int) -> tuple[float, float]:
        """Returns score and share of some leaves, described by `dims` values, for question 0."""
        along, square, excess = (
            weights[leaves, :1].sum(0) for weights in (self._along, self._square, self._excess)
        )
        sums = Sums(along, square, excess / self.damage[:1])
        return float(self._weigh(sums, dims)[0]), float(sums.share[0])

    def _everywhere(self) -> Floats:
        share = self._excess.sum(0) / self.damage
        return self._weigh(Sums(self._along.sum(0), self._square.sum(0), share), 0)

    def best_scores(self) -> Floats:
        """Returns the highest score of any one description, for each question."""
        best = self._everywhere()
        for cuboid, sums in self._sums():
            best = np.maximum(best, self._weigh(sums, len(cuboid.dims)).max(0))
        return best

    def find_best(self, count: int, max_parts: int) -> list[Found]:
        """Returns the `count` best descriptions for the first question, the best first."""
        found = [
            Found((), float(self._everywhere()[0]), (np.ones(len(self._excess), dtype=np.bool_),))
        ]
        for cuboid, sums in self._sums():
            score = self._weigh(sums, len(cuboid.dims))[:, 0]
            top = np.flatnonzero(score > 0)
            if len(top) > count:
                top = top[np.argpartition(score[top], -count)[-count:]]
            found += [
                Found(cuboid.dims, float(score[cell]), (cuboid.cell == cell,))
                for cell in top.tolist()
            ]
            if len(top) > 1:
                first = int(top[np.argmax(score[top])])
                found += self._unite(cuboid, sums, first, float(score[first]), max_parts)
        found = [one for one in found if one.score > 0]
        found.sort(key=lambda one: (-one.score, len(one.dims), one.dims))
        return found[:count]

    def _unite(
        self, cuboid: Cuboid, sums: Sums, first: int, score: float, max_parts: int
    ) -> Iterator[Found]:
        """Yields sets of cells, each one cell longer, as long as that raises the score."""
        cells = [first]
        penalty = 1.0
        while len(cells) < max_parts:
            penalty *= UNION_PENALTY
            united = Sums(
                *(
                    part[:, :1] + part[cells, :1].sum()
                    for part in (sums.along, sums.square, sums.share)
                )
            )
            scores = self._weigh(united, len(cuboid.dims))[:, 0] * penalty
            scores[(sums.share[:, 0] < self._min_share) | (sums.along[:, 0] <= 0)] = 0
            scores[cells] = 0
            further = int(np.argmax(scores))
            if scores[further] <= score:
                return
            score = float(scores[further])
            cells.append(further)
            yield Found(cuboid.dims, score, tuple(cuboid.cell == cell for cell in cells))

"""Drift on labelled streams: how many rows until a change is told, beside River's and Evidently's.

River's generators and scikit-learn's breast cancer data, 20,000 rows each, the change at 10,000 or
nowhere. The first 5,000 rows are the reference; ours and Evidently's rule look at each 1,000 rows
after them, River's ADWIN at each value of each feature. A stream is told of by its first feature.
"""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from river import drift as river
from river.datasets import synth
from sklearn.datasets import load_breast_cancer

from bench.drift import LIMITS, evidently_tells
from bench.report import Row
from vario.drift.bins import Floats, count_values
from vario.drift.dispersion import clustered
from vario.drift.judge import Window, judge
from vario.drift.reference import make_feature

ROWS, CHANGE, REFERENCE, WINDOW = 20_000, 10_000, 5_000, 1_000
ROUNDS = 5

Stream = Callable[[int], Floats]


def blobs(width: int) -> Stream:
    """Returns River's radial basis functions, whose centres all move at once or by and by."""

    def make(seed: int) -> Floats:
        before, after = (
            synth.RandomRBF(seed_model=model, seed_sample=seed, n_features=6) for model in (1, 2)
        )
        if width > 1:  # River's own joining overflows where it is sudden
            both = synth.ConceptDriftStream(before, after, seed=seed, position=CHANGE, width=width)
            return _taken(both)
        first = _taken(before)
        return np.concatenate([first[:CHANGE], _taken(after)[CHANGE:]]) if width else first

    return make


def _taken(stream: object) -> Floats:
    rows = itertools.islice(iter(stream), ROWS)  # type: ignore[call-overload]
    return np.array([list(x.values()) for x, _ in rows], dtype=np.float64)


def cancer(shift: float) -> Stream:
    """Returns rows of the data drawn again and again, the first feature moved by `shift` sd."""

    def make(seed: int) -> Floats:
        rng = np.random.default_rng(seed)
        data = load_breast_cancer().data[:, :8]
        rows = data[rng.integers(0, len(data), ROWS)]
        rows[CHANGE:, 0] += shift * data[:, 0].std()
        return rows

    return make


def ours(rows: Floats) -> int:
    """Returns the row at which drift was told, `ROWS` for never."""
    features = [make_feature(str(i), column) for i, column in enumerate(rows[:REFERENCE].T)]
    seen = np.zeros((len(features), 0), dtype=bool)
    for end in range(REFERENCE + WINDOW, ROWS + 1, WINDOW):
        window = rows[end - WINDOW : end].T
        pairs = [
            (feature, Window(count_values(column, feature.edges), 0.0, clustered(2.0)))
            for feature, column in zip(features, window, strict=True)
        ]
        alarms = [d.verdict not in ("stable", "too_few") for d in judge(pairs, LIMITS)]
        seen = np.column_stack([seen, alarms])
        if (seen[:, -3:].sum(axis=1) >= 2).any():
            return end
    return ROWS


def theirs(rows: Floats) -> int:
    """Returns the row at which Evidently's rule told of some feature."""
    reference = rows[:REFERENCE]
    for end in range(REFERENCE + WINDOW, ROWS + 1, WINDOW):
        window = rows[end - WINDOW : end]
        if any(evidently_tells(reference[:, i], window[:, i]) for i in range(rows.shape[1])):
            return end
    return ROWS


def adwin(rows: Floats) -> int:
    """Returns the row at which River's ADWIN told of some feature, scaled to 0 to 1."""
    low, high = rows[:REFERENCE].min(axis=0), rows[:REFERENCE].max(axis=0)
    detectors = [river.ADWIN() for _ in range(rows.shape[1])]
    for at, row in enumerate(((rows - low) / (high - low)).tolist()):
        for detector, x in zip(detectors, row, strict=True):
            detector.update(x)
            if detector.drift_detected and at >= REFERENCE:
                return at
    return ROWS


STREAMS: dict[str, tuple[Stream, bool]] = {
    "RandomRBF, no change": (blobs(0), False),
    "RandomRBF, sudden": (blobs(1), True),
    "RandomRBF, over 2,000 rows": (blobs(2_000), True),
    "breast cancer, no change": (cancer(0.0), False),
    "breast cancer, one feature by 0.3 sd": (cancer(0.3), True),
    "breast cancer, one feature by 1 sd": (cancer(1.0), True),
}


def run() -> Iterator[Row]:
    """Yields every number."""
    for name, (make, has_change) in STREAMS.items():
        drawn = [make(seed) for seed in range(ROUNDS)]
        for who, tell in (("vario", ours), ("Evidently's rule", theirs), ("River ADWIN", adwin)):
            told = np.array([tell(rows) for rows in drawn])
            false = told <= CHANGE if has_change else told < ROWS
            note = f"{int(false.sum())} false alarms of {ROUNDS}"
            if has_change:
                true = told[(told > CHANGE) & (told < ROWS)]
                missed = int((told >= ROWS).sum())
                delay = float(np.median(true) - CHANGE) if len(true) else float("nan")
                yield Row(f"{name}, {who}", delay, "rows", note=f"{note}, {missed} missed")
            else:
                yield Row(f"{name}, {who}", float(false.mean() * 100), "% told", note=note)

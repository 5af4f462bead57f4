"""Drift: false alarms on healthy windows, power on planted shifts, delay beside River, speed.

Evidently's defaults beside it are its published rule for references of more than 1,000 rows: the
Wasserstein distance over the reference's standard deviation is at least 0.1. The rule is evaluated
here, on raw values; Evidently itself is not installed by this project.
"""

import os
import time
from collections.abc import Callable, Iterator

import numpy as np
from river import drift as river

from bench.report import Row
from vario.drift.bins import Floats, count_values
from vario.drift.dispersion import clustered as in_clusters
from vario.drift.dispersion import design_effect
from vario.drift.judge import Limits, Window, judge
from vario.drift.reference import FeatureReference, make_feature
from vario.drift.sequential import Adwin, PageHinkley

REFERENCE_ROWS = 50_000
WINDOWS = int(os.environ.get("VARIO_BENCH_WINDOWS", "10000"))
SIZES = (150, 500, 2_000, 10_000)
LIMITS = Limits()
EVIDENTLY = 0.1

Draw = Callable[[np.random.Generator, int], Floats]
SHAPES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(0, 1, n),
    "log-normal": lambda rng, n: rng.lognormal(0, 1, n),
    "zeros and exponential": lambda rng, n: np.where(
        rng.random(n) < 0.4, 0.0, rng.exponential(1, n)
    ),
}


def clustered(draw: Draw, size: int) -> Draw:
    """Returns rows that come `size` at a time with the same value: a user's requests."""
    return lambda rng, n: np.repeat(draw(rng, max(n // size, 1)), size)


def told(feature: FeatureReference, values: Floats, effect: float = 1.0) -> bool:
    window = Window(count_values(values, feature.edges), 0.0, in_clusters(effect))
    return judge([(feature, window)], LIMITS)[0].verdict not in ("stable", "too_few")


def evidently_tells(reference: Floats, values: Floats) -> bool:
    """Evidently's default for numbers, by the quantile form of the Wasserstein distance."""
    shares = (np.arange(1_000) + 0.5) / 1_000
    gap = np.abs(np.quantile(reference, shares) - np.quantile(values, shares)).mean()
    return bool(gap / reference.std() >= EVIDENTLY)


def false_alarms() -> Iterator[Row]:
    rng = np.random.default_rng(1)
    cases = [(name, draw, 1) for name, draw in SHAPES.items()]
    cases.append(("normal, in clusters of 10", clustered(SHAPES["normal"], 10), 10))
    each = max(WINDOWS // (len(cases) * len(SIZES)), 1)
    for name, draw, size in cases:
        reference = draw(rng, REFERENCE_ROWS * size)[::size]
        feature = make_feature("x", reference)
        ours = theirs = 0
        for rows in SIZES:
            history = [count_values(draw(rng, rows), feature.edges) for _ in range(24)]
            effect = design_effect(np.stack(history))
            for _ in range(each):
                values = draw(rng, rows)
                ours += told(feature, values, effect)
                theirs += evidently_tells(reference, values)
        total = each * len(SIZES)
        share = 100 * ours / total
        note = f"{total} windows; Evidently's rule: {100 * theirs / total:.3g} %"
        yield Row(f"false alarms, {name}", share, "% of windows", note=note)


def power() -> Iterator[Row]:
    rng = np.random.default_rng(2)
    reference = rng.normal(0, 1, REFERENCE_ROWS)
    feature = make_feature("x", reference)
    rounds = max(WINDOWS // 100, 10)
    for shift in (0.1, 0.2, 0.3, 0.5):
        for rows in (500, 2_000, 10_000):
            drawn = [rng.normal(shift, 1, rows) for _ in range(rounds)]
            ours = np.mean([told(feature, values) for values in drawn])
            theirs = np.mean([evidently_tells(reference, values) for values in drawn])
            name = f"power, shift {shift} sd, {rows} rows"
            yield Row(name, float(ours), "told", note=f"Evidently's rule: {theirs:.2f}")
    for ratio in (0.02, 0.03, 0.06):
        gone = make_feature("x", np.where(rng.random(REFERENCE_ROWS) < 0.01, np.nan, reference))
        for rows in (500, 2_000, 10_000):
            found = 0
            for _ in range(rounds):
                missing = rng.binomial(rows, ratio)
                counts = count_values(rng.normal(0, 1, rows - missing), gone.edges)
                verdict = judge([(gone, Window(counts, missing))], LIMITS)[0].verdict
                found += verdict == "missing"
            yield Row(f"power, missing 1% to {ratio:.0%}, {rows} rows", found / rounds, "told")


def delay() -> Iterator[Row]:
    """Streams of an accept rate that falls, and of scores that rise, beside River's detectors."""
    rng = np.random.default_rng(3)
    makers = {
        "vario Adwin": Adwin,
        "River ADWIN": river.ADWIN,
        "vario PageHinkley": PageHinkley,
        "River PageHinkley": river.PageHinkley,
    }
    streams = {
        "accept rate 0.30 to 0.20": lambda: (
            rng.random(6_000) < np.where(np.arange(6_000) < 3_000, 0.3, 0.2)
        ).astype(float),
        "score up by 0.5 sd": lambda: rng.normal(np.where(np.arange(6_000) < 3_000, 0, 0.5), 1),
    }
    for name, make_stream in streams.items():
        drawn = [make_stream() for _ in range(20)]
        for who, make in makers.items():
            delays, early, missed = [], 0, 0
            for stream in drawn:
                detector = make()
                at = next(
                    (i for i, x in enumerate(stream) if detector.update(x) or True
                     if detector.drift_detected),
                    None,
                )  # fmt: skip
                early += at is not None and at < 3_000
                missed += at is None
                if at is not None and at >= 3_000:
                    delays.append(at - 3_000)
            middle = float(np.median(delays)) if delays else float("nan")
            note = f"{early} early, {missed} missed of 20"
            yield Row(f"delay, {name}, {who}", middle, "values", note=note)


def speed() -> Iterator[Row]:
    from vario.sdk.features import FeatureRecorder
    from vario.sdk.meters import MeterProvider

    rng = np.random.default_rng(4)
    provider = MeterProvider()
    recorder = FeatureRecorder(provider.get_meter("bench"))
    labels = (("model_name", "m"), ("model_version", "v"), ("region", "r"))
    rows = [dict(zip(_NAMES, row, strict=True)) for row in rng.normal(40, 9, (4_000, 20)).tolist()]
    calls: list[float] = []
    began = time.process_time()
    for row in rows:
        start = time.perf_counter()
        recorder.record(labels, row)
        calls.append(time.perf_counter() - start)
    recorder.fold()
    whole = (time.process_time() - began) / len(rows)
    yield Row("record 20 features, on the call", float(np.median(calls)) * 1e6, "us", "15")
    yield Row("record 20 features, CPU in all", whole * 1e6, "us")
    columns = {f"f{i}": rng.normal(40, 9, 10_000) for i in range(50)}
    taken: list[float] = []
    for _ in range(15):
        start = time.process_time()
        recorder.record_batch(labels, columns)
        taken.append(time.process_time() - start)
    rate, best = 0.5 / np.median(taken), 0.5 / min(taken)
    note = f"by CPU time, which other processes do not share; at best {best:.1f}"
    yield Row("record 10,000 x 50 values", float(rate), "M values/s", "20", note=note)


_NAMES = tuple(f"feature_{i}" for i in range(20))


def run() -> Iterator[Row]:
    """Yields every number."""
    yield from speed()
    yield from false_alarms()
    yield from power()
    yield from delay()

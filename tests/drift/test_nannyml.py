"""Performance without labels against NannyML's. It is no dependency: pip install nannyml."""

import numpy as np
import pytest

from vario.drift.distance import jensen_shannon
from vario.drift.performance import calibrate, estimate_performance

WHY = "NannyML is not installed: its CBPE and its Jensen-Shannon are not compared"
BINS, ROWS = 50, 20_000


def test_performance_without_labels_is_nannyml_s() -> None:
    """To a hundredth: NannyML calibrates single scores, we bins of them."""
    pandas = pytest.importorskip("pandas", reason=WHY)
    nannyml = pytest.importorskip("nannyml", reason=WHY)
    rng = np.random.default_rng(1)
    score, later = rng.beta(2, 3, ROWS), rng.beta(4, 2, ROWS)
    true = (rng.random(ROWS) < score).astype(int)

    def frame(values: np.ndarray, truth: np.ndarray | None) -> object:
        columns = {"score": values, "said": (values >= 0.5).astype(int)}
        return pandas.DataFrame(columns if truth is None else columns | {"true": truth})

    estimator = nannyml.CBPE(
        y_pred_proba="score", y_pred="said", y_true="true", problem_type="classification_binary",
        metrics=["accuracy", "precision", "recall", "f1", "roc_auc"], chunk_number=1,
    )  # fmt: skip
    estimator.fit(frame(score, true))
    told = estimator.estimate(frame(later, None)).filter(period="analysis").to_df()

    bins, later_bins = ((values * BINS).astype(int) for values in (score, later))
    accepted, rejected = (
        np.bincount(bins[true == which], minlength=BINS).astype(float) for which in (1, 0)
    )
    positive = (np.arange(BINS) >= BINS // 2).astype(float)
    counts = np.bincount(later_bins, minlength=BINS).astype(float)
    middles = (np.arange(BINS) + 0.5) / BINS
    found = estimate_performance(counts, calibrate(accepted, rejected, middles), positive)
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc"):
        wanted = float(told[name, "value"].iloc[0])
        assert getattr(found, name) == pytest.approx(wanted, abs=0.01), name


def test_the_distance_of_categories_is_nannyml_s() -> None:
    pandas = pytest.importorskip("pandas", reason=WHY)
    nannyml = pytest.importorskip("nannyml", reason=WHY)
    rng = np.random.default_rng(2)
    names = np.array(["de", "fr", "us", "at"])
    then, now = (rng.choice(4, 5_000, p=p) for p in ([0.4, 0.3, 0.2, 0.1], [0.3, 0.3, 0.2, 0.2]))
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=["country"], treat_as_categorical=["country"],
        categorical_methods=["jensen_shannon"], chunk_number=1,
    )  # fmt: skip
    calculator.fit(pandas.DataFrame({"country": names[then]}))
    told = calculator.calculate(pandas.DataFrame({"country": names[now]}))
    frame = told.filter(period="analysis").to_df()
    wanted = float(frame["country", "jensen_shannon", "value"].iloc[0])
    counts = [np.bincount(sample, minlength=4).astype(float) for sample in (then, now)]
    assert jensen_shannon(*counts) == pytest.approx(wanted, rel=1e-9)

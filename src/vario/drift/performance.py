"""How well a model does: with feedback, and estimated without labels."""

from dataclasses import dataclass, replace

import numpy as np

from vario.drift.bins import Floats


@dataclass(frozen=True, slots=True)
class Performance:
    """Numbers of a binary classifier, each 0 to 1; nan where nothing can be said.

    `roc_auc` is the probability that what comes true has a higher score than what does not, as far
    as bins of scores tell.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    accept_rate: float
    roc_auc: float = float("nan")


def _of(true_positive: float, false_positive: float, true_negative: float, n: float) -> Performance:
    nan = float("nan")
    positives = true_positive + false_positive
    wanted = n - false_positive - true_negative
    precision = true_positive / positives if positives else nan
    recall = true_positive / wanted if wanted else nan
    total = positives + wanted
    f1 = 2 * true_positive / total if total else nan
    accuracy = (true_positive + true_negative) / n if n else nan
    return Performance(accuracy, precision, recall, f1, wanted / n if n else nan)


def estimate_performance(counts: Floats, accepted: Floats, is_positive: Floats) -> Performance:
    """Returns a classifier's expected performance without labels (CBPE).

    Confidence-based performance estimation: a score that is calibrated says how probable the
    positive class is, so the expected confusion matrix is a sum over the scores. It holds while
    only the inputs' distribution moves; a changed relation of inputs to labels is not seen.

    Source: NannyML, "Confidence-based performance estimation"; "Estimating model performance
    under covariate shift without labels" (arXiv 2401.08348).

    Args:
        counts: how many predictions have a score in each bin, shape (b,).
        accepted: calibrated probability of the positive class in each bin, 0 to 1.
        is_positive: 1 where scores of the bin are predicted positive, else 0.
    """
    return measure_performance(counts * accepted, counts * (1 - accepted), is_positive)


def measure_performance(accepted: Floats, rejected: Floats, is_positive: Floats) -> Performance:
    """Returns a classifier's performance where feedback has arrived.

    Args:
        accepted: how many predictions of each score bin turned out positive, shape (b,).
        rejected: how many turned out negative.
        is_positive: 1 where scores of the bin are predicted positive, else 0.
    """
    found = _of(
        float(accepted @ is_positive),
        float(rejected @ is_positive),
        float(rejected @ (1 - is_positive)),
        float(accepted.sum() + rejected.sum()),
    )
    return replace(found, roc_auc=_roc_auc(accepted, rejected))


def _roc_auc(accepted: Floats, rejected: Floats) -> float:
    """Returns the area under the ROC curve of bins in order of their scores; a tie counts half."""
    pairs = accepted.sum() * rejected.sum()
    below = np.cumsum(rejected) - rejected
    return float(accepted @ (below + rejected / 2) / pairs) if pairs else float("nan")


def calibration_error(accepted: Floats, rejected: Floats, mean_score: Floats) -> float:
    """Returns the expected calibration error, 0 to 1: how far scores lie from what came true.

    Args:
        accepted: positives in each score bin, shape (b,).
        rejected: negatives in each score bin.
        mean_score: mean score of each bin, 0 to 1.
    """
    n = accepted + rejected
    used = n > 0
    if not used.any():
        return float("nan")
    gap = np.abs(accepted[used] / n[used] - mean_score[used])
    return float(np.average(gap, weights=n[used]))


def calibrate(accepted: Floats, rejected: Floats, mean_score: Floats | None = None) -> Floats:
    """Returns the calibrated probability of each score bin, rising with the score (isotonic).

    Pool-adjacent-violators over the bins' ratios, each smoothed by one more prediction that comes
    true as often as its score says: a bin with little feedback stays near what the model claims.

    Args:
        accepted: positives in each bin in order of score, shape (b,).
        rejected: negatives in each bin.
        mean_score: mean score of each bin; 0.5 is taken if it is not given, or is no probability.
    """
    prior = np.full(len(accepted), 0.5)
    if mean_score is not None and mean_score.min() >= 0 and mean_score.max() <= 1:
        prior = mean_score
    weight = accepted + rejected + 1.0
    pools: list[tuple[float, float, int]] = []  # (ratio, weight, bins)
    for ratio, w in zip(((accepted + prior) / weight).tolist(), weight.tolist(), strict=True):
        pools.append((ratio, w, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (ratio_b, w_b, n_b), (ratio_a, w_a, n_a) = pools.pop(), pools.pop()
            both = w_a + w_b
            pools.append(((ratio_a * w_a + ratio_b * w_b) / both, both, n_a + n_b))
    return np.repeat([ratio for ratio, _, _ in pools], [n for _, _, n in pools])

"""How well a classifier does on held-out sequences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from dfim.effect_sizes import draw_groups


@dataclass(frozen=True)
class ClassifierMetrics:
    """Figures of one task on one set of sequences.

    Attributes
    ----------
    n_positive, n_negative
        Sequences of each class.
    accuracy
        Fraction on the right side of a probability of one half.
    auroc
        Area under the receiver operating characteristic.
    auprc
        Average precision.
    auroc_low, auroc_high, auprc_low, auprc_high, accuracy_low, accuracy_high
        Percentile intervals (95 %) from resampling the groups.
    """

    n_positive: int
    n_negative: int
    accuracy: float
    auroc: float
    auprc: float
    accuracy_low: float
    accuracy_high: float
    auroc_low: float
    auroc_high: float
    auprc_low: float
    auprc_high: float


def evaluate_classifier(
    labels: NDArray[np.integer],
    logits: NDArray[np.floating],
    *,
    rng: np.random.Generator,
    groups: NDArray[np.integer] | None = None,
    n_resamples: int = 200,
) -> ClassifierMetrics:
    """Accuracy, auROC and average precision with bootstrap intervals.

    Parameters
    ----------
    labels
        (N,) 1 or 0; -1 marks a masked sequence, which is left out.
    logits
        (N,) network output before the sigmoid.
    rng
        Draws the resamples.
    groups
        (N,) the group of each sequence, resampled together (`dfim.windows.loci`,
        where sequences overlap in a genome); by default each is its own.
    n_resamples
        Resamples of the groups for the intervals.

    Raises
    ------
    ValueError
        If a class is empty.
    """
    known = labels >= 0
    labels, logits = labels[known], logits[known]
    owner = np.arange(len(labels)) if groups is None else groups[known]
    _, owner = np.unique(owner, return_inverse=True)
    members = np.argsort(owner, kind="stable")
    n_groups, sizes = int(owner.max(initial=-1)) + 1, np.bincount(owner)
    positive = int(labels.sum())
    if positive in (0, len(labels)):
        raise ValueError(
            f"metrics: {positive} positive of {len(labels)} sequences; expected both classes: "
            "check the labels and the split"
        )

    def figures(rows: NDArray[np.integer]) -> tuple[float, float, float]:
        y, z = labels[rows], logits[rows]
        accuracy = float(np.mean((z > 0) == (y == 1)))
        return accuracy, float(roc_auc_score(y, z)), float(average_precision_score(y, z))

    best = figures(np.arange(len(labels)))
    draws = []
    while len(draws) < n_resamples:
        rows = np.repeat(members, np.repeat(draw_groups(n_groups, rng), sizes))
        if 0 < labels[rows].sum() < len(rows):
            draws.append(figures(rows))
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    spread = [float(x) for pair in zip(low, high, strict=True) for x in pair]
    return ClassifierMetrics(positive, len(labels) - positive, *best, *spread)

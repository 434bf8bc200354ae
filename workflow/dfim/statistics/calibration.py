"""Measure the calibration of predicted probabilities: reliability bins and Brier score."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import beta
from sklearn.metrics import brier_score_loss


@dataclass(frozen=True)
class ReliabilityBin:
    """A bin of labels with similar predicted probabilities.

    Attributes
    ----------
    predicted
        Mean predicted probability.
    observed
        Share of positives.
    low, high
        Jeffreys' 95 % interval of `observed` at `n_effective`.
    n
        Labels.
    n_effective
        Effective number of independent labels if all labels of a group were equal.
    """

    predicted: float
    observed: float
    low: float
    high: float
    n: int
    n_effective: float


@dataclass(frozen=True)
class Calibration:
    """Distance between predicted probabilities and observed shares of positives.

    Attributes
    ----------
    n
        Labels.
    brier
        Mean squared error of the probabilities.
    brier_base_rate
        The same error when every prediction is the task's share of positives.
    ece
        Expected calibration error: mean over the labels of the distance between
        predicted and observed in their bin.
    ece_chance
        Largest expected calibration error that a perfectly calibrated network shows by
        chance on so many labels; a smaller `ece` is no sign of an error.
    bins
        By rising probability.
    """

    n: int
    brier: float
    brier_base_rate: float
    ece: float
    ece_chance: float
    bins: tuple[ReliabilityBin, ...]


def calibration(
    labels: NDArray[np.integer],
    logits: NDArray[np.floating],
    *,
    groups: NDArray[np.integer] | None = None,
    n_bins: int = 10,
) -> Calibration:
    """Compare predicted probabilities with the share of positives, in bins of equal count.

    Bins of equal count (quantiles of the probability, as scikit-learn's
    `calibration_curve` takes them) are each known equally well. Bins of equal
    width would be nearly empty where positives are rare.

    Parameters
    ----------
    labels, logits
        (N,), or (N, T) to pool tasks; labels 1 or 0, -1 where masked; the sigmoid
        of a logit is the probability.
    groups
        (N,) the group of each sequence. Labels of one group are taken to repeat
        each other, those of several tasks too; so intervals are rather too wide.
    n_bins
        Fewer where many probabilities are equal.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If every label is masked.
    """
    known = labels >= 0
    if not known.any():
        raise ValueError(
            f"labels: got {labels.size}, all masked; expected some that are 0 or 1"
        )
    row, task = np.nonzero(known.reshape(len(known), -1))
    owner = row if groups is None else groups[row]
    y, p = labels[known], expit(logits[known].astype(np.float64))
    inner = np.unique(np.quantile(p, np.linspace(0, 1, n_bins + 1)[1:-1]))
    found = pd.DataFrame({"y": y, "p": p, "noise": p * (1 - p)})
    found["bin"] = np.searchsorted(inner, p)
    means = found.groupby("bin").mean()
    sizes = found.groupby(["bin", owner]).size().groupby("bin")
    n = sizes.sum().to_numpy()
    # Kish's effective size, at its smallest: everything in a group is one observation.
    effective = n**2 / sizes.agg(lambda size: (size**2).sum()).to_numpy()
    predicted, observed, noise = (means[c].to_numpy() for c in ("p", "y", "noise"))
    low, high = _jeffreys(observed, effective)
    chance = np.sqrt(2 / np.pi * noise / effective)  # the mean of |a Gaussian|
    base = found.groupby(task)["y"].transform("mean")
    columns = (predicted, observed, low, high, n, effective)
    return Calibration(
        n=len(y),
        brier=float(brier_score_loss(y, p)),
        brier_base_rate=float(((base - y) ** 2).mean()),
        ece=float(np.average(np.abs(observed - predicted), weights=n)),
        ece_chance=float(np.average(chance, weights=n)),
        bins=tuple(
            ReliabilityBin(*row)
            for row in zip(*(column.tolist() for column in columns), strict=True)
        ),
    )


def _jeffreys(
    share: NDArray[np.floating], n: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """95 % interval of a share; unlike a resampled one, it has a width at 0 and 1 too."""
    yes, no = share * n, (1 - share) * n
    low, high = (beta.ppf(at, yes + 0.5, no + 0.5) for at in (0.025, 0.975))
    return np.where(yes > 0, low, 0.0), np.where(no > 0, high, 1.0)

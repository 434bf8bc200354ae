"""Resampled AUROCs and shuffled tests, by locus.

Variants whose input sequences overlap are not independent: a resample or a shuffle takes
all variants of a locus together.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def areas(
    scores: NDArray[np.floating],
    positive: NDArray[np.bool_],
    times: NDArray[np.integer],
) -> NDArray[np.float64]:
    """Compute the area under the ROC curve in each of R resamples.

    Parameters
    ----------
    scores, positive
        (n,) scores, and which of them should be higher.
    times
        (R, n) how often a resample holds each.

    Returns
    -------
    ndarray of float64, shape (R,)
        NaN where a resample lacks a class.

    Notes
    -----
    Cost: R · n_positive · n_negative multiplications; memory: n_positive · n_negative.
    """
    high, low = scores[positive, None], scores[~positive]
    wins = (high > low) + 0.5 * (high == low)
    up, down = (times[:, which].astype(np.float64) for which in (positive, ~positive))
    pairs = up.sum(axis=1) * down.sum(axis=1)
    won = np.einsum("ri,ri->r", up @ wins, down)
    return np.divide(won, pairs, out=np.full(len(times), np.nan), where=pairs > 0)


def shuffled_u(
    scores: NDArray[np.floating],
    positive: NDArray[np.bool_],
    locus: NDArray[np.integer],
    *,
    n: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Repeat the Mann-Whitney test with labels shuffled among loci.

    The labels of a locus stay together, and so do its scores.

    Returns
    -------
    u, p : (n,) float64
        U, and p (one-sided, greater; normal approximation with ties, as scipy's).
    """
    rank = stats.rankdata(scores)
    _, inverse = np.unique(locus, return_inverse=True)
    labels = positive[np.argsort(inverse, kind="stable")]
    n_x, n_y = int(positive.sum()), int((~positive).sum())
    u = np.empty(n)
    for k in range(n):
        order = np.argsort(rng.permutation(inverse.max() + 1)[inverse], kind="stable")
        u[k] = rank[order][labels].sum()
    u -= n_x * (n_x + 1) / 2
    ties = np.unique(rank, return_counts=True)[1].astype(np.float64)
    spread = len(rank) + 1 - (ties**3 - ties).sum() / (len(rank) * (len(rank) - 1))
    if spread <= 0:  # all scores are equal
        return u, np.ones(n)
    return u, stats.norm.sf((u - n_x * n_y / 2 - 0.5) / np.sqrt(n_x * n_y / 12 * spread))


def interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a resampled number (R,): its quantiles .025 and .975."""
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return float(low), float(high)

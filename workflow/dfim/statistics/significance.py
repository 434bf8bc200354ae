"""Compute p-values of scores from null scores, and q-values.

The paper (section 2.4) scores dinucleotide-shuffled sequences the same way,
fits a Gaussian to those null scores and takes p-values from it. The null is
narrow and heavy-tailed, so report the realised false-positive rate beside the
p-values. A Gaussian does not fit absolute scores: use `p_empirical` for them.
"""

import logging
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import special, stats

logger = logging.getLogger(__name__)

Tail = Literal["two_sided", "upper", "min_tail"]

FEW = 100


@dataclass(frozen=True)
class GaussianNull:
    """A Gaussian fitted to n null scores; mean and standard deviation in their unit."""

    mean: float
    sd: float
    n: int


def fit_gaussian(null: np.ndarray, *, warn: bool = True) -> GaussianNull:
    """Fit a Gaussian to null scores by maximum likelihood.

    Parameters
    ----------
    null : array, any shape
        Signed scores; NaN (no score) is left out.
    warn : bool
        Whether to warn of a small null; callers that fit many nulls warn once themselves.

    Returns
    -------
    GaussianNull
        Mean and standard deviation (divisor n), in float64.

    Raises
    ------
    ValueError
        Infinite scores, fewer than two scores, or all scores equal.

    Warns
    -----
    Logs when there are fewer than 100 scores, as the released code does.
    """
    scores = known_values("null", null)
    if scores.size < 2 or np.ptp(scores) == 0:
        raise ValueError(
            f"null: got {scores.size} scores with {np.unique(scores).size} distinct value(s), "
            "expected at least two different ones; pool more null scores"
        )
    if warn and scores.size < FEW:
        logger.warning("Gaussian null fitted to %d scores, fewer than %d", scores.size, FEW)
    return GaussianNull(mean=float(scores.mean()), sd=float(scores.std()), n=scores.size)


def p_gaussian(x: np.ndarray, null: GaussianNull, tail: Tail = "two_sided") -> np.ndarray:
    """Return p-values of signed scores under a Gaussian null.

    Parameters
    ----------
    x : array, any shape
        Signed scores. Absolute ones go to `p_empirical`.
    null : GaussianNull
        Fitted by `fit_gaussian`.
    tail : {"two_sided", "upper", "min_tail"}
        ``two_sided``: both tails, doubled. ``upper``: the upper tail.
        ``min_tail``: the smaller tail, not doubled, as the released code
        does; it is at most 0.5, and one true null in ten gets p < 0.05.

    Returns
    -------
    ndarray of float64, shape of x
        NaN where x is NaN, and only there.

    Raises
    ------
    ValueError
        An unknown `tail`.
    """
    z = (np.asarray(x, np.float64) - null.mean) / null.sd
    # The upper tail of z is ndtr(-z), as in scipy.stats.norm.sf, without its overhead.
    if tail == "two_sided":
        return 2 * special.ndtr(-np.abs(z))
    if tail == "upper":
        return special.ndtr(-z)
    if tail == "min_tail":
        return special.ndtr(-np.abs(z))
    raise ValueError(f"tail: got {tail!r}, expected one of {get_args(Tail)}")


def p_empirical(x: np.ndarray, null: np.ndarray, *, absolute: bool) -> np.ndarray:
    """Return p-values by counting null scores: (1 + #null >= x) / (n + 1).

    Parameters
    ----------
    x : array, any shape
        Scores.
    null : array, any shape
        Null scores; NaN is left out. p cannot be smaller than 1 / (n + 1).
    absolute : bool
        Compare |x| with |null| (two-sided) instead of x with null (upper).

    Returns
    -------
    ndarray of float64, shape of x
        NaN where x is NaN, and only there.

    Raises
    ------
    ValueError
        No null scores, or an infinite one.
    """
    x = np.asarray(x, np.float64)
    scores = known_values("null", null)
    if scores.size == 0:
        raise ValueError("null: got no scores, expected at least one")
    if absolute:
        x, scores = np.abs(x), np.abs(scores)
    below = np.searchsorted(np.sort(scores), x, side="left")
    return np.where(np.isnan(x), np.nan, (1 + scores.size - below) / (scores.size + 1))


def benjamini_hochberg(p: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Adjust p-values for the false discovery rate (Benjamini and Hochberg 1995).

    Parameters
    ----------
    p : array, any shape
        NaN marks a test that was not made: it stays NaN and does not count.
    groups : array, shape of p, optional
        Adjust within each group (the paper's notebook: each class of motif
        pairs) instead of over all tests.

    Returns
    -------
    ndarray of float64, shape of p
        q-values.

    Raises
    ------
    ValueError
        A p outside 0 to 1, or groups of another shape.
    """
    p = np.asarray(p, np.float64)
    tested = np.flatnonzero(~np.isnan(p))
    values = p.ravel()[tested]
    wrong = values[(values < 0) | (values > 1)]
    if wrong.size:
        raise ValueError(f"p: got {wrong[0]}, expected values from 0 to 1 (or NaN)")
    labels = np.zeros(p.shape, np.int8) if groups is None else np.asarray(groups)
    if labels.shape != p.shape:
        raise ValueError(f"groups: got shape {labels.shape}, expected that of p, {p.shape}")
    q = np.full(p.size, np.nan)
    if tested.size:
        _, group = np.unique(labels.ravel()[tested], return_inverse=True)
        order = np.argsort(group, kind="stable")
        for members in np.split(order, np.cumsum(np.bincount(group))[:-1]):
            q[tested[members]] = stats.false_discovery_control(values[members])
    return q.reshape(p.shape)


def known_values(name: str, values: np.ndarray, *, infinite: bool = False) -> np.ndarray:
    """Return the values that are not NaN as a flat float64 array.

    Raises
    ------
    ValueError
        With `name`: an infinite value, unless `infinite` allows them.
    """
    values = np.asarray(values, np.float64).ravel()
    values = values[~np.isnan(values)]
    if not infinite and np.isinf(values).any():
        raise ValueError(f"{name}: got an infinite value, expected finite ones (or NaN)")
    return values

"""Bootstrap intervals that resample whole groups, such as all scores of a sequence.

Scores of one sequence depend on each other, so sequences are drawn with replacement, each
with all its scores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from dfim.statistics.significance import known_values

Statistic = Literal["median", "mean"]


@dataclass(frozen=True)
class BootstrapInterval:
    """A statistic and its percentile interval over resampled groups.

    Attributes
    ----------
    estimate : float
        The statistic of all values.
    low, high : float
        Ends of the interval.
    confidence : float
        Two-sided coverage of the interval.
    n_values, n_groups : int
        Values that are not NaN, and groups that have one.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    n_values: int
    n_groups: int


def draw_groups(n_groups: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one bootstrap resample of G groups: how often it holds each of them, (G,)."""
    return np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)


def bootstrap_by_group(
    values: np.ndarray,
    groups: np.ndarray,
    *,
    rng: np.random.Generator,
    statistic: Statistic = "median",
    n_resamples: int = 1000,
    confidence: float = 0.95,
) -> BootstrapInterval:
    """Compute a percentile bootstrap interval that resamples whole groups.

    Parameters
    ----------
    values : array, shape (n,)
        Scores; NaN is left out. Give a 0/1 array and ``mean`` for a fraction.
    groups : array, shape (n,)
        The sequence of each score (any labels); at least two.
    rng : numpy.random.Generator
        One draw per group and resample.
    statistic : {"median", "mean"}
        Of all values in a resample.
    n_resamples : int
        Resamples to draw.
    confidence : float
        Two-sided coverage, between 0 and 1.

    Returns
    -------
    BootstrapInterval

    Raises
    ------
    ValueError
        Shapes that differ, fewer than two groups with a value, an infinite value, or an
        argument out of range.

    Notes
    -----
    The median costs a pass over the sorted values per resample: 200,000
    values and 1,000 resamples take 0.3 to 1 s, the mean less. Memory is a few
    arrays of n.
    """
    values, groups = np.asarray(values, np.float64), np.asarray(groups)
    if values.ndim != 1 or groups.shape != values.shape:
        raise ValueError(
            f"values, groups: got shapes {values.shape} and {groups.shape}, expected flat "
            "arrays of equal length"
        )
    if statistic not in get_args(Statistic):
        raise ValueError(f"statistic: got {statistic!r}, expected one of {get_args(Statistic)}")
    if n_resamples < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"n_resamples, confidence: got {n_resamples} and {confidence}, expected at least "
            "1 and a value between 0 and 1"
        )
    groups = groups[~np.isnan(values)]
    values = known_values("values", values)
    names, group = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"groups: got {len(names)} with a value, expected at least two")
    resample = _median_of(values, group) if statistic == "median" else _mean_of(values, group)
    everyone = resample(np.ones(len(names), np.int64))
    resampled = [resample(draw_groups(len(names), rng)) for _ in range(n_resamples)]
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return BootstrapInterval(
        estimate=everyone,
        low=float(low),
        high=float(high),
        confidence=confidence,
        n_values=values.size,
        n_groups=len(names),
    )


def auroc_by_group(
    values: np.ndarray,
    positive: np.ndarray,
    groups: np.ndarray,
    *,
    rng: np.random.Generator,
    n_resamples: int = 200,
    confidence: float = 0.95,
) -> BootstrapInterval:
    """Compute the area under the ROC curve and an interval that resamples whole groups.

    Parameters
    ----------
    values : array, shape (n,)
        Scores, none NaN.
    positive : array of bool, shape (n,)
        Which should score higher; some of each.
    groups : array, shape (n,)
        The sequence of each score.
    rng : numpy.random.Generator
        One draw per group and resample.
    n_resamples : int
        Resamples to draw; those that lack a class are left out.
    confidence : float
        Two-sided coverage, between 0 and 1.

    Returns
    -------
    BootstrapInterval

    Notes
    -----
    Sorted once; a resample is three passes over the values.
    """
    names, group = np.unique(groups, return_inverse=True)
    order = np.argsort(values, kind="stable")
    owner, high = group[order], np.asarray(positive, bool)[order]
    _, first = np.unique(values[order], return_index=True)

    def area(counts: np.ndarray) -> float:
        weight = counts[owner]
        above, below = (np.add.reduceat(weight * which, first) for which in (high, ~high))
        # Each positive beats the negatives below it, and half of its equals.
        beaten = np.cumsum(below) - below / 2
        return float((above * beaten).sum() / (above.sum() * below.sum()))

    estimate = area(np.ones(len(names)))
    draws = [area(draw_groups(len(names), rng)) for _ in range(n_resamples)]
    low, top = np.nanquantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return BootstrapInterval(
        estimate, float(low), float(top), confidence, len(values), len(names)
    )


def _median_of(values: np.ndarray, group: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return a function from the groups' multiplicities to the median."""
    order = np.argsort(values)
    ordered, owner = values[order], group[order]

    def median(counts: np.ndarray) -> float:
        upto = np.cumsum(counts[owner])
        middle = [(upto[-1] - 1) // 2, upto[-1] // 2]
        return float(ordered[np.searchsorted(upto, middle, side="right")].mean())

    return median


def _mean_of(values: np.ndarray, group: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return a function from the groups' multiplicities to the mean."""
    totals, sizes = np.bincount(group, weights=values), np.bincount(group)

    def mean(counts: np.ndarray) -> float:
        return float(counts @ totals / (counts @ sizes))

    return mean

"""Compute effect sizes, rank tests, and bootstrap intervals that resample whole groups.

Scores of one sequence are not independent, so intervals resample whole sequences.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import stats

from dfim.statistics.significance import known_values

Alternative = Literal["two-sided", "greater", "less"]
Statistic = Literal["median", "mean"]


@dataclass(frozen=True)
class RankTest:
    """Result of a Mann-Whitney test.

    Attributes
    ----------
    u : float
        Number of pairs with x > y, ties counted half.
    p : float
        May underflow to 0 for large samples (z above 38).
    rank_biserial : float
        2 u / (n_x n_y) - 1, from -1 to 1; above 0 where x tends to be larger.
    n_x, n_y : int
        Values used: those that are not NaN.
    """

    u: float
    p: float
    rank_biserial: float
    n_x: int
    n_y: int


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


def mann_whitney(
    x: np.ndarray, y: np.ndarray, alternative: Alternative = "two-sided"
) -> RankTest:
    """Test whether values of x tend to be larger (or smaller) than those of y.

    Exact for small samples without ties, else by the normal approximation
    with tie correction (scipy). It takes all values as independent; pairs
    that share a sequence are not, so show `bootstrap_by_group` beside it.

    Parameters
    ----------
    x, y : array, any shape
        NaN is left out; each needs a value.
    alternative : {"two-sided", "greater", "less"}
        ``greater``: x is larger.

    Returns
    -------
    RankTest

    Raises
    ------
    ValueError
        No value in x or in y, or an unknown `alternative`.
    """
    x, y = known_values("x", x, infinite=True), known_values("y", y, infinite=True)
    if x.size == 0 or y.size == 0:
        raise ValueError(f"x, y: got {x.size} and {y.size} values, expected at least one each")
    if alternative not in get_args(Alternative):
        raise ValueError(
            f"alternative: got {alternative!r}, expected one of {get_args(Alternative)}"
        )
    result = stats.mannwhitneyu(x, y, alternative=alternative)
    u = float(result.statistic)
    return RankTest(
        u=u,
        p=float(result.pvalue),
        rank_biserial=2 * u / (x.size * y.size) - 1,
        n_x=x.size,
        n_y=y.size,
    )


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Compute the area under the ROC curve.

    Parameters
    ----------
    positive, negative : array, any shape
        Scores of the two classes. Unlike in `mann_whitney`, NaN is an error:
        a prediction is never missing.

    Returns
    -------
    float
        The chance that a score of `positive` exceeds one of `negative`, ties
        counted half.

    Raises
    ------
    ValueError
        NaN, or a class without scores.
    """
    if np.isnan(positive).any() or np.isnan(negative).any():
        raise ValueError("positive, negative: got NaN, expected scores only")
    test = mann_whitney(positive, negative)
    return test.u / (test.n_x * test.n_y)


def box_statistics(values: np.ndarray) -> dict[str, float]:
    """Summarise values as a box plot draws them.

    Parameters
    ----------
    values : array, any shape
        NaN and infinite values are left out.

    Returns
    -------
    dict
        med, q1 and q3 (quartiles by linear interpolation), and whislo and whishi: the lowest
        and the highest value within 1.5 (q3 - q1) of the box. The keys are those that
        matplotlib's `Axes.bxp` reads.

    Raises
    ------
    ValueError
        Without a finite value.
    """
    values = values[np.isfinite(values)]
    if not values.size:
        raise ValueError("values: got no finite value, expected at least one")
    q1, med, q3 = np.percentile(values, [25, 50, 75])
    inside = values[(values >= q1 - 1.5 * (q3 - q1)) & (values <= q3 + 1.5 * (q3 - q1))]
    whiskers = {"whislo": float(inside.min()), "whishi": float(inside.max())}
    return {"med": float(med), "q1": float(q1), "q3": float(q3), **whiskers}


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

    Scores of one sequence depend on each other, so sequences are drawn with replacement,
    each with all its values.

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

"""Compute effect sizes: rank tests, areas under ROC curves, and the numbers of box plots.

They take all values as independent, which scores of one sequence are not: intervals that
resample whole sequences are in `dfim.statistics.bootstrap`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import stats

from dfim.statistics.significance import known_values

Alternative = Literal["two-sided", "greater", "less"]


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


def mann_whitney(
    x: np.ndarray, y: np.ndarray, alternative: Alternative = "two-sided"
) -> RankTest:
    """Test whether values of x tend to be larger (or smaller) than those of y.

    Exact for small samples without ties, else by the normal approximation with tie
    correction (scipy). It takes all values as independent, which pairs that share a sequence
    are not: show `dfim.statistics.bootstrap.bootstrap_by_group` beside it.

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

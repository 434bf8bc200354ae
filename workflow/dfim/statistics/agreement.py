"""Compare two measures of interaction, and measure how well one finds planted pairs.

A measure is an array in which a larger value means a stronger interaction and NaN a blank
cell. Cells share their sequences and are not independent, so there are no p-values here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from dfim.statistics.effect_sizes import auroc

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TopOverlap:
    """Overlap of the k strongest cells of two measures.

    Attributes
    ----------
    k
        Cells of each measure.
    shared
        How many are among the strongest of both. Where cells tie for the last places each
        counts with an equal share of them, so this need not be a whole number.
    by_chance
        How many unrelated measures would share on average: k² / n.
    """

    k: int
    shared: float
    by_chance: float


@dataclass(frozen=True)
class Agreement:
    """Agreement of two measures on the cells that have a value in both.

    Attributes
    ----------
    n
        Cells with a value in both.
    n_only_first, n_only_second
        Cells with a value in one measure only; they are left out.
    spearman
        Rank correlation, ties at their mean rank; None where a measure has the same value in
        all cells (a network without interactions, say), so that it is not defined.
    top
        Overlap of the strongest cells, one entry per k.
    """

    n: int
    n_only_first: int
    n_only_second: int
    spearman: float | None
    top: tuple[TopOverlap, ...]


@dataclass(frozen=True)
class Recovery:
    """How well a measure finds planted pairs among the others.

    Attributes
    ----------
    n, n_planted
        Cells that have a score, and the planted ones of them.
    n_blank
        Planted cells that have none; they are left out.
    auroc
        Area under the ROC curve, ties counted half.
    ranks
        Of the planted cells among the n, in rising order; 1 is the largest score, ties at
        their mean rank.
    """

    n: int
    n_planted: int
    n_blank: int
    auroc: float
    ranks: tuple[float, ...]


def agreement(
    first: NDArray[np.floating], second: NDArray[np.floating], *, top: Sequence[int] = (10, 50)
) -> Agreement:
    """Compute the rank correlation of two measures and the overlap of their strongest cells.

    Parameters
    ----------
    first, second
        Arrays of one shape, any; NaN is a blank cell. Give absolute values where the sign
        does not matter.
    top
        How many of the strongest cells to compare, each at most the cells with both values.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        If shapes differ, a value is infinite, fewer than two cells have a value in both, or
        a `top` is not from 1 to their number.
    """
    first, second = _measure("first", first), _measure("second", second)
    if first.shape != second.shape:
        raise ValueError(
            f"first, second: got shapes {first.shape} and {second.shape}, expected one shape"
        )
    in_first, in_second = ~np.isnan(first), ~np.isnan(second)
    both = in_first & in_second
    n = int(both.sum())
    if n < 2:
        raise ValueError(
            f"first, second: got {n} cells known in both ({in_first.sum()} in first, "
            f"{in_second.sum()} in second), expected at least 2"
        )
    bad = [k for k in top if not 1 <= k <= n]
    if bad:
        raise ValueError(f"top: got {bad[0]}, expected 1 to {n}, the cells known in both")
    x, y = first[both], second[both]
    constant = np.ptp(x) == 0 or np.ptp(y) == 0
    spearman = None if constant else float(stats.spearmanr(x, y).statistic)
    overlaps = tuple(
        TopOverlap(k, float(_share_of_top(x, k) @ _share_of_top(y, k)), k * k / n) for k in top
    )
    return Agreement(
        n, int((in_first & ~both).sum()), int((in_second & ~both).sum()), spearman, overlaps
    )


def recover(scores: NDArray[np.floating], planted: NDArray[np.bool_]) -> Recovery:
    """Measure how well scores tell planted cells from the others.

    Parameters
    ----------
    scores
        Of any shape; NaN is a blank cell.
    planted
        Mask of the same shape.

    Returns
    -------
    Recovery

    Raises
    ------
    ValueError
        If the mask is not boolean or of another shape, a score is infinite, or the cells
        that have a score are all planted or none is.
    """
    scores, planted = _measure("scores", scores), np.asarray(planted)
    if planted.dtype != bool or planted.shape != scores.shape:
        raise ValueError(
            f"planted: got {planted.dtype} of shape {planted.shape}, expected bool of shape "
            f"{scores.shape}"
        )
    known = ~np.isnan(scores)
    found, others = known & planted, known & ~planted
    if not found.any() or not others.any():
        raise ValueError(
            f"planted: got {found.sum()} planted and {others.sum()} other cells with a score, "
            "expected some of each"
        )
    return Recovery(
        n=int(known.sum()),
        n_planted=int(found.sum()),
        n_blank=int((planted & ~known).sum()),
        auroc=auroc(scores[found], scores[others]),
        ranks=tuple(sorted(rank_cells(scores)[found].tolist())),
    )


def rank_cells(scores: NDArray[np.floating]) -> Floats:
    """Rank cells, of any shape: 1 is the largest, ties get their mean rank, NaN stays NaN."""
    scores = _measure("scores", scores)
    ranks = stats.rankdata(-scores, axis=None, nan_policy="omit")
    return ranks.reshape(scores.shape)


def fold_positions(cells: NDArray[np.floating]) -> Floats:
    """Take the largest cell over the bases of every ordered pair of positions.

    Parameters
    ----------
    cells
        (L, L, 4, 4) source position, target position, source base, target base; NaN is a
        blank cell.

    Returns
    -------
    ndarray (L, L)
        Source and target position; NaN on the diagonal, and where all cells are blank.

    Raises
    ------
    ValueError
        For another shape, or an infinite value.
    """
    cells = _measure("cells", cells).copy()
    if cells.ndim != 4 or cells.shape != (len(cells), len(cells), 4, 4):
        raise ValueError(
            f"cells: got shape {cells.shape}, expected (L, L, 4, 4): source and target "
            "position, source and target base"
        )
    same = np.arange(len(cells))
    cells[same, same] = np.nan
    return np.fmax.reduce(cells, axis=(2, 3))


def _measure(name: str, values: NDArray[np.floating]) -> Floats:
    """Return values as float64, or raise where one is infinite."""
    cells = np.asarray(values, np.float64)
    if np.isinf(cells).any():
        cell = tuple(int(i) for i in np.argwhere(np.isinf(cells))[0])
        raise ValueError(
            f"{name}: got {cells[cell]} in cell {cell}, expected numbers, and NaN where blank"
        )
    return cells


def _share_of_top(values: Floats, k: int) -> Floats:
    """Return the chance of each value to be among the k largest when ties break at random."""
    last = np.partition(values, -k)[-k]
    above, tied = values > last, values == last
    return above + tied * ((k - above.sum()) / tied.sum())

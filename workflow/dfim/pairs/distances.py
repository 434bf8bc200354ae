"""How the score of a pair depends on the distance between its features (Fig 3B).

Pairs of one sequence are not independent, so intervals resample whole sequences, and
sequences that overlap in a genome together.
A pair that no path of the network joins has a FIS of exactly 0: it is counted, and
left out of the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.pairs.scores import PairScores
from dfim.statistics.bootstrap import BootstrapInterval, bootstrap_by_group, draw_groups
from dfim.statistics.effect_sizes import auroc, box_statistics, mann_whitney

Floats = NDArray[np.floating]
Groups = NDArray[np.integer]


def pair_distance(scores: PairScores) -> NDArray[np.float64]:
    """Compute the distance (P,) of each pair from centre to centre, in bp."""
    centre = (scores.features.start + scores.features.end) / 2
    return np.abs(centre[scores.source] - centre[scores.target])


@dataclass(frozen=True)
class DistanceBins:
    """Bins of distance, each with its lower edge; the last one with its upper edge too.

    Attributes
    ----------
    edges
        Ascending, in bp; one more than there are bins.
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.edges) < 2 or (np.diff(self.edges) <= 0).any():
            raise ValueError(
                f"bins: got edges {self.edges}, expected at least two that ascend (bp)"
            )

    def __len__(self) -> int:
        return len(self.edges) - 1

    def of(self, distance: Floats) -> NDArray[np.int64]:
        """Return the bin of each distance; -1 outside all of them."""
        index = np.searchsorted(self.edges, distance, side="right") - 1
        index[distance == self.edges[-1]] = len(self) - 1
        return np.where(index < len(self), index, -1)

    def label(self, index: int) -> str:
        """Label a bin for display: <20, 20–50."""
        low, high = self.edges[index], self.edges[index + 1]
        return f"<{high:g}" if low == 0 else f"{low:g}–{high:g}"


def rank_biserial_by_group(
    x: Floats,
    y: Floats,
    x_groups: Groups,
    y_groups: Groups,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    confidence: float = 0.95,
) -> BootstrapInterval:
    """Compute the rank-biserial correlation of x above y, and its interval by groups.

    Parameters
    ----------
    x, y
        Values without NaN, at least one each.
    x_groups, y_groups
        The sequence of each value (numbers shared by x and y).
    rng
        Draws the resamples; one in which x or y is empty is drawn again.
    n_resamples, confidence
        As for `bootstrap_by_group`.

    Returns
    -------
    BootstrapInterval
        2 U / (n_x n_y) - 1, ties counted half: from -1 to 1.

    Notes
    -----
    Cost: one pass over the values a resample.
    """
    if not x.size or not y.size:
        raise ValueError(f"x, y: got {x.size} and {y.size} values, expected at least one each")
    names, group = np.unique(np.concatenate([x_groups, y_groups]), return_inverse=True)
    _, rank = np.unique(np.concatenate([x, y]), return_inverse=True)
    n_ranks = int(rank.max()) + 1
    halves = slice(None, len(x)), slice(len(x), None)

    def correlation(counts: NDArray[np.integer]) -> float:
        above, below = (
            np.bincount(rank[half], counts[group[half]], minlength=n_ranks) for half in halves
        )
        if not above.any() or not below.any():
            return float("nan")
        u = above @ (np.cumsum(below) - below / 2)
        return float(2 * u / (above.sum() * below.sum()) - 1)

    drawn: list[float] = []
    while len(drawn) < n_resamples:
        value = correlation(draw_groups(len(names), rng))
        if not np.isnan(value):
            drawn.append(value)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return BootstrapInterval(
        estimate=correlation(np.ones(len(names), np.int64)),
        low=float(low),
        high=float(high),
        confidence=confidence,
        n_values=x.size + y.size,
        n_groups=len(names),
    )


def bin_table(
    scores: PairScores,
    bins: DistanceBins,
    *,
    rng: np.random.Generator,
    groups: Groups | None = None,
) -> pd.DataFrame:
    """Summarise FIS by bin of distance, and test the nearest bin against each other one.

    Parameters
    ----------
    scores, bins
        Pairs and their bins.
    rng
        Draws the resamples.
    groups
        (N,) the group of each sequence, resampled together (`dfim.genome.peak_windows.loci`,
        where sequences overlap in a genome); by default each is its own.

    Returns
    -------
    pandas.DataFrame
        One row per bin. `n_pairs`, and `n_reached`: those that a path of the network
        joins, on which box, median interval and `max_abs` rest; `n_sequences` and
        `n_groups` that hold them. `p` and `rank_biserial` (with its interval by
        groups): one-sided Mann–Whitney, pairs of the first bin above those of this
        one, reached pairs only. `p_all` and `rank_biserial_all` are of all pairs, with
        the exact zeros of those that are not reached. NaN where a bin has no such pair.
    """
    index, reached = bins.of(pair_distance(scores)), scores.reachable
    sequence = scores.features.sequence[scores.source]
    owner = sequence if groups is None else groups[sequence]
    near, rows = index == 0, []
    for number in range(len(bins)):
        mine = index == number
        seen = mine & reached
        row = {"bin": bins.label(number), "low": bins.edges[number]}
        row |= {"high": bins.edges[number + 1], "n_pairs": int(mine.sum())}
        row |= {"n_reached": int(seen.sum()), "n_sequences": len(np.unique(sequence[mine]))}
        row["n_groups"] = len(np.unique(owner[mine]))
        if len(np.unique(owner[seen])) > 1:
            interval = bootstrap_by_group(scores.fis[seen], owner[seen], rng=rng)
            row |= box_statistics(scores.fis[seen])
            row |= {"median_low": interval.low, "median_high": interval.high}
            row["max_abs"] = float(np.abs(scores.fis[seen]).max())
        if number and near.any() and mine.any():
            test = mann_whitney(scores.fis[near], scores.fis[mine], "greater")
            row |= {"p_all": test.p, "rank_biserial_all": test.rank_biserial}
        first = near & reached
        if number and first.any() and seen.any():
            test = mann_whitney(scores.fis[first], scores.fis[seen], "greater")
            effect = rank_biserial_by_group(
                scores.fis[first], scores.fis[seen], owner[first], owner[seen], rng=rng
            )
            row |= {"p": test.p, "rank_biserial": test.rank_biserial}
            row |= {"rank_biserial_low": effect.low, "rank_biserial_high": effect.high}
        rows.append(row)
    columns = ["p", "rank_biserial", "rank_biserial_low", "rank_biserial_high", "p_all"]
    columns += ["rank_biserial_all", "med", "q1", "q3", "whislo", "whishi"]
    table = pd.DataFrame(rows)
    return table.reindex(columns=[*table, *(name for name in columns if name not in table)])


def step_table(scores: PairScores, bins: DistanceBins, *, step: float = 10) -> pd.DataFrame:
    """Compute the median FIS and the largest |FIS| in steps of `step` bp of distance.

    Pairs that no path of the network joins are left out; NaN where no other is.
    """
    edges = np.arange(bins.edges[0], bins.edges[-1] + step, step)
    index = DistanceBins(tuple(edges.tolist())).of(pair_distance(scores))
    rows = []
    for number in range(len(edges) - 1):
        here = index == number
        mine = scores.fis[here & scores.reachable]
        row = {"low": edges[number], "high": edges[number + 1], "n_pairs": int(here.sum())}
        row["n_reached"] = len(mine)
        row["med"] = float(np.median(mine)) if mine.size else np.nan
        row["max_abs"] = float(np.abs(mine).max()) if mine.size else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def matched_auroc(
    positive: Floats,
    negative: Floats,
    positive_distance: Floats,
    negative_distance: Floats,
    edges: Sequence[float],
) -> tuple[float, int]:
    """Compute the AUROC of scores at equal distances: a mean over bins, weighted by positives.

    Bins without a positive or a negative are left out.

    Returns
    -------
    auroc, n
        NaN and 0 where no bin has both; n is the number of positives compared.
    """
    bins = DistanceBins(tuple(edges))
    of_positive, of_negative = bins.of(positive_distance), bins.of(negative_distance)
    total, n = 0.0, 0
    for number in range(len(bins)):
        mine, others = positive[of_positive == number], negative[of_negative == number]
        if mine.size and others.size:
            total += mine.size * auroc(mine, others)
            n += mine.size
    return (total / n if n else float("nan")), n

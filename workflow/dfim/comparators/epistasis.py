"""Compute the exact epistasis of every two mutations, over all backgrounds.

The epistasis of a mutation of the source s from base a to g and of the target t from b to h
is the double-mutant difference

    e = f(a, b) - f(g, b) - f(a, h) + f(g, h),

with the other L - 2 positions, the background, unchanged. The values f of all 4^L sequences
give it for every one of the 4^(L-2) backgrounds, without sampling.

FIS is the change of the importance of b at t when a at s becomes g, where importance is
measured against a reference instead of one mutant. Against the uniform reference the
importance of b is f(b) minus the mean of f over all four bases at t. So the exact counterpart
of FIS is the mean of e over the four h; as e is 0 for h = b, it is 3/4 of the mean over the
three mutants. FIS by DeepLIFT is a fraction of it, since contributions share an interaction
between its bases: compare ranks, not sizes.

The mean of this over backgrounds is a difference of two pair terms of
`dfim.comparators.linear_models`; the mean of its absolute value also includes interactions
that depend on the background.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dfim.comparators.linear_models import factorial_values
from dfim.io.records import ArrayRecord

Floats = NDArray[np.float64]

_CHANGES = tuple(combinations(range(4), 2))


@dataclass(frozen=True)
class Epistasis(ArrayRecord):
    """Epistasis of all pairs of mutations, averaged over all backgrounds.

    Axes are source position s, target position t, source base a, mutant base g, target base
    b, and for double mutants the target's mutant base h. Values are in the unit of f, NaN
    where s is t, and 0 where g is a or h is b.

    Attributes
    ----------
    mean, mean_abs
        (L, L, 4, 4, 4) [s, t, a, g, b] against the uniform reference: the counterpart of FIS.
    double_mean, double_mean_abs
        (L, L, 4, 4, 4, 4) [s, t, a, g, b, h] double-mutant differences.
    """

    mean: Floats
    mean_abs: Floats
    double_mean: Floats
    double_mean_abs: Floats

    def cells(self) -> Floats:
        """Take the largest `mean_abs` over the mutants g, as in the map of FIS (paper Fig 8C).

        Returns
        -------
        ndarray (L, L, 4, 4)
            [s, t, a, b]; NaN where s is t.
        """
        return self.mean_abs.max(axis=3)


def epistasis(values: NDArray[np.floating]) -> Epistasis:
    """Compute the exact epistasis of every pair of mutations of sequences of one length.

    Parameters
    ----------
    values
        (4^L,) one value per sequence, in order of the k-mer index (`dfim.sequences.kmers`), L
        from 2 to 12.

    Returns
    -------
    Epistasis

    Raises
    ------
    ValueError
        If `values` are not of such a length, or not all finite.

    Notes
    -----
    One pair of positions after the other, in float64: ten bases take 0.5 s and 30 MiB,
    twelve 22 s and 320 MiB.
    """
    values, length = factorial_values(values)
    uniform, double = (length, length, 4, 4, 4), (length, length, 4, 4, 4, 4)
    mean, mean_abs = np.full(uniform, np.nan), np.full(uniform, np.nan)
    double_mean, double_mean_abs = np.full(double, np.nan), np.full(double, np.nan)
    for s, t in combinations(range(length), 2):
        block = _by_bases(values, s, t)
        mean[s, t], mean_abs[s, t] = _against_uniform(block)
        mean[t, s], mean_abs[t, s] = _against_uniform(block.swapaxes(0, 1))
        double_mean[s, t], double_mean_abs[s, t] = _double(block)
    later, earlier = np.tril_indices(length, -1)
    for found in (double_mean, double_mean_abs):
        found[later, earlier] = found[earlier, later].transpose(0, 3, 4, 1, 2)
    return Epistasis(mean, mean_abs, double_mean, double_mean_abs)


def _by_bases(values: Floats, s: int, t: int) -> Floats:
    """Arrange values (4, 4, 4^(L-2)) by the bases at s and t (s < t) and by background."""
    apart = values.reshape(4**s, 4, 4 ** (t - s - 1), 4, -1)
    return np.ascontiguousarray(apart.transpose(1, 3, 0, 2, 4)).reshape(4, 4, -1)


def _against_uniform(block: Floats) -> tuple[Floats, Floats]:
    """Compute mean and mean absolute difference (4, 4, 4) [a, g, b] of importances.

    `block` holds the values by source base, target base and background.
    """
    importance = block - block.mean(axis=1, keepdims=True)
    average = importance.mean(axis=2)
    mean_abs = np.zeros((4, 4, 4))
    for a, g in _CHANGES:
        change = importance[a] - importance[g]
        mean_abs[a, g] = mean_abs[g, a] = np.abs(change, out=change).mean(axis=1)
    return average[:, None] - average, mean_abs


def _double(block: Floats) -> tuple[Floats, Floats]:
    """Compute mean and mean absolute double-mutant difference (4, 4, 4, 4) [a, g, b, h]."""
    average = block.mean(axis=2)
    change_of_average = average[:, None] - average
    mean = change_of_average[..., None] - change_of_average[:, :, None, :]
    mean_abs = np.zeros((4, 4, 4, 4))
    for a, g in _CHANGES:
        change = block[a] - block[g]
        for b, h in _CHANGES:
            size = np.abs(change[b] - change[h]).mean()
            # Undoing either mutation changes the sign alone.
            mean_abs[a, g, b, h] = mean_abs[g, a, b, h] = size
            mean_abs[a, g, h, b] = mean_abs[g, a, h, b] = size
    return mean, mean_abs

"""Linear models distilled from the predictions for every sequence of a short length.

Le et al. 2018 explained their network by linear models with a feature a
base at a position (mononucleotides), and with a feature more a base at each of two positions
(dinucleotides, of adjacent positions or not), fitted to its predictions for all flanks.

Over all 4^L sequences no fit is needed. Each combination of bases at some positions occurs
equally often with each at the others, so terms that sum to zero over the bases of each of
their positions are orthogonal between features. The least-squares solution is therefore the
marginal means: a single term is the mean over the sequences with that base less the mean, a
pair term the mean over those with both bases less the mean and the two single terms; and
each explains its own part of the variance.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.records import ArrayRecord
from dfim.sequences.encoding import ALPHABET
from dfim.sequences.kmers import LONGEST

Floats = NDArray[np.float64]

_BASES = np.array(list(ALPHABET))


@dataclass(frozen=True)
class LinearModels(ArrayRecord):
    """Both linear models: the single terms are the same in each.

    Attributes
    ----------
    mean
        Mean of all values, in their unit; so are the terms.
    single
        (L, 4) mononucleotide terms, which sum to zero at each position.
    pair
        (L, L, 4, 4) dinucleotide terms: position, other position, base, other base. Sum
        to zero along each axis of bases; symmetric, so that `pair[s, t, a, b]` is
        `pair[t, s, b, a]`; zero where the positions are one.
    r2_single, r2_pair
        Share of the variance that the mean and the single terms explain, and that these
        and the pair terms explain.
    """

    mean: float
    single: Floats
    pair: Floats
    r2_single: float
    r2_pair: float

    def predict(self, *, pairs: bool = True) -> Floats:
        """Values (4^L,) of every sequence by the model with pair terms, or without.

        In order of the sequence's index, as the values that the model was made of; 0.04 s
        for ten bases.
        """
        length = len(self.single)
        value = np.full(4**length, self.mean)
        for s in range(length):
            by_base = value.reshape(4**s, 4, -1)
            by_base += self.single[s][:, None]
            for t in range(s + 1, length) if pairs else ():
                by_bases = value.reshape(4**s, 4, 4 ** (t - s - 1), 4, -1)
                by_bases += self.pair[s, t][:, None, :, None]
        return value

    def cells(self) -> Floats:
        """Largest change of a pair term by a mutation of its source.

        In a network that has these terms only the mutation of source base a to g changes
        what target base b does, against a uniform reference, by
        `pair[s, t, a, b] - pair[s, t, g, b]`; FIS by DeepLIFT is a fraction of that.

        Returns
        -------
        ndarray (L, L, 4, 4)
            Source position, target position, source base, target base: the largest
            absolute change over the mutants; NaN where the positions are one.
        """
        change = self.pair[:, :, :, None] - self.pair[:, :, None]
        return _without_diagonal(np.abs(change).max(axis=3))

    def table(self) -> pd.DataFrame:
        """All terms, the single ones first, each kind with the largest |term| on top.

        Returns
        -------
        DataFrame
            kind (mono or pair), position, base, position2, base2 (NA for mono; else the
            later position), term (unit of the values), rank (from 1, within the kind).
            Positions count from 0. 4 L + 8 L (L - 1) rows.
        """
        length = len(self.single)
        position, base = np.indices((length, 4)).reshape(2, -1)
        mono = pd.DataFrame({"kind": "mono", "position": position, "base": _BASES[base]})
        mono["term"] = self.single.ravel()
        terms = np.indices(self.pair.shape).reshape(4, -1)
        s, t, a, b = terms[:, terms[0] < terms[1]]
        pair = pd.DataFrame({"kind": "pair", "position": s, "base": _BASES[a]})
        pair["position2"], pair["base2"], pair["term"] = t, _BASES[b], self.pair[s, t, a, b]
        ranked = []
        for table in (mono, pair):
            ordered = table.sort_values("term", key=np.abs, ascending=False, kind="stable")
            ranked.append(ordered.assign(rank=np.arange(1, len(ordered) + 1)))
        names = ["kind", "position", "base", "position2", "base2", "term", "rank"]
        joined = pd.concat(ranked, ignore_index=True)[names]
        return joined.astype({"position2": "Int64"})


def distill(values: NDArray[np.floating]) -> LinearModels:
    """Least-squares linear models of the values of every sequence of one length.

    Parameters
    ----------
    values
        (4^L,) a value a sequence, in order of the sequence's index (`dfim.sequences.kmers`), L
        from 2 to 12.

    Returns
    -------
    LinearModels

    Raises
    ------
    ValueError
        If `values` are not of such a length, not all finite, or all equal, so that there
        is nothing to explain.

    Notes
    -----
    Sums are float64. Ten bases take 0.03 to 0.08 s and 24 MiB, twelve 1 s and 260 MiB.
    """
    values, length = factorial_values(values)
    if np.ptp(values) == 0:
        raise ValueError(
            f"values: got {values[0]:g} for every sequence, expected values that differ; check "
            "the network that gave them"
        )
    mean = float(values.mean())
    centred = values - mean
    single, pair = np.zeros((length, 4)), np.zeros((length, length, 4, 4))
    for s, rest in _suffixes(centred, length):
        single[s] = rest.mean(axis=1)
        single[s] -= single[s].mean()
        for t in range(s + 1, length):
            both = rest.reshape(4, 4 ** (t - s - 1), 4, -1).mean(axis=(1, 3))
            of_t = both.mean(axis=0)
            pair[s, t] = both - of_t - (both - of_t).mean(axis=1, keepdims=True)
            pair[t, s] = pair[s, t].T
    variance = float(np.mean(centred**2))
    # A term holds for a quarter of the sequences, or for a sixteenth.
    of_singles, of_pairs = np.sum(single**2) / 4, np.sum(pair**2) / 2 / 16
    r2_single = float(of_singles / variance)
    return LinearModels(mean, single, pair, r2_single, r2_single + float(of_pairs / variance))


def factorial_values(values: NDArray[np.floating]) -> tuple[Floats, int]:
    """Values of every sequence as float64, and the length L of the sequences.

    Raises
    ------
    ValueError
        If there are not 4^L values for an L from 2 to 12, or one is not finite.
    """
    numbers = np.asarray(values, np.float64)
    length = (numbers.size.bit_length() - 1) // 2
    if numbers.shape != (4**length,) or not 2 <= length <= LONGEST:
        raise ValueError(
            f"values: got shape {numbers.shape}, expected (4^L,) for L from 2 to {LONGEST}, "
            "one a sequence in order of index"
        )
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise ValueError(
            f"values: got {numbers[bad[0]]} in row {bad[0]} ({bad.size} rows are not finite), "
            "expected a number for every sequence"
        )
    return numbers, length


def _suffixes(values: Floats, length: int) -> Iterator[tuple[int, Floats]]:
    """Each position s, and means (4, 4^(L-s-1)) by its base and all that follow it.

    Each is made of the one before, so that all together cost little more than the first.
    """
    rest = values.reshape(4, -1)
    for s in range(length):
        yield s, rest
        rest = rest.mean(axis=0).reshape(4, -1) if s + 1 < length else rest


def _without_diagonal(cells: Floats) -> Floats:
    """Blank the cells (L, L, ...) whose positions are one."""
    same = np.arange(len(cells))
    cells[same, same] = np.nan
    return cells

"""Distil linear models of single bases and of pairs of bases from a network's predictions.

Le et al. 2018 explained their network by linear models with one feature per base and position
(mononucleotides), and then with one more feature per pair of bases at two positions, adjacent
or not (dinucleotides), fitted to its predictions for all flanks.

With the predictions of all 4^L sequences no fit is needed. Every combination of bases occurs
equally often, so terms that sum to zero over the bases of each of their positions are
orthogonal. The least-squares solution is therefore given by means: a single term is the mean
over the sequences with that base minus the overall mean, a pair term the mean over those with
both bases minus the overall mean and the two single terms. Each term explains a part of the
variance of its own.
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
    """The linear models without and with pair terms; both have the same single terms.

    Attributes
    ----------
    mean
        Mean of all values; this and the terms are in the unit of the values.
    single
        (L, 4) mononucleotide terms, which sum to zero at each position.
    pair
        (L, L, 4, 4) dinucleotide terms: position, other position, base, other base. Sum
        to zero along each axis of bases; symmetric, so that `pair[s, t, a, b]` is
        `pair[t, s, b, a]`; zero where the positions are one.
    r2_single, r2_pair
        Share of the variance that the model without pair terms explains, and that the
        model with them explains.
    """

    mean: float
    single: Floats
    pair: Floats
    r2_single: float
    r2_pair: float

    def predict(self, *, pairs: bool = True) -> Floats:
        """Predict every sequence by the model with pair terms, or without.

        Returns
        -------
        ndarray (4^L,)
            In order of the k-mer index. Takes 0.04 s for ten bases.
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
        """Return the largest change of each pair term by a mutation of its source.

        In a network that equals this model the mutation of source base a to g changes the
        importance of target base b, against a uniform reference, by
        `pair[s, t, a, b] - pair[s, t, g, b]`; FIS by DeepLIFT is a fraction of that.

        Returns
        -------
        ndarray (L, L, 4, 4)
            Source position, target position, source base, target base: the largest
            absolute change over the mutants; NaN on the diagonal of positions.
        """
        change = self.pair[:, :, :, None] - self.pair[:, :, None]
        return _without_diagonal(np.abs(change).max(axis=3))

    def table(self) -> pd.DataFrame:
        """List all terms, the single ones first, each kind by falling |term|.

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
    """Fit linear models by least squares to the values of every sequence of one length.

    Parameters
    ----------
    values
        (4^L,) one value per sequence, in order of the k-mer index (`dfim.sequences.kmers`), L
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

    Examples
    --------
    >>> import numpy as np
    >>> from dfim.comparators.linear_models import distill
    >>> values = np.zeros((4, 4))
    >>> values[0, 3] = 16  # the sequence AT
    >>> models = distill(values.ravel())
    >>> models.mean, models.single[0].tolist()
    (1.0, [3.0, -1.0, -1.0, -1.0])
    >>> float(models.pair[0, 1, 0, 3]), models.r2_single
    (9.0, 0.4)
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
    """Return values of every sequence as float64, and the length L of the sequences.

    Parameters
    ----------
    values
        (4^L,) one value per sequence, in order of the k-mer index.

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
            "one per sequence in order of index"
        )
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise ValueError(
            f"values: got {numbers[bad[0]]} in row {bad[0]} ({bad.size} rows are not finite), "
            "expected a number for every sequence"
        )
    return numbers, length


def _suffixes(values: Floats, length: int) -> Iterator[tuple[int, Floats]]:
    """Yield each position s, and means (4, 4^(L-s-1)) by its base and the bases after it.

    Each is computed from the one before, so that all together cost little more than the first.
    """
    rest = values.reshape(4, -1)
    for s in range(length):
        yield s, rest
        rest = rest.mean(axis=0).reshape(4, -1) if s + 1 < length else rest


def _without_diagonal(cells: Floats) -> Floats:
    """Set the cells (L, L, ...) of equal positions to NaN, in place."""
    same = np.arange(len(cells))
    cells[same, same] = np.nan
    return cells

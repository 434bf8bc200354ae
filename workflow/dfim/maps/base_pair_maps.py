"""Mean FIS at fixed bases: what a base does to another one, over many sequences (Fig 8C)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dfim.io.records import ArrayRecord
from dfim.scoring.records import ScoreRecord
from dfim.sequences.encoding import ALPHABET
from dfim.sequences.mutations import OTHER_BASES

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class MarginalMap(ArrayRecord):
    """A value for every base of every position on every other: 4L × 4L cells.

    Attributes
    ----------
    values
        (L, 4, L, 4) by source position, source base, target position, target base: the
        largest over the three mutants; NaN where blank.
    mutant
        (L, 4, L, 4) base of that mutant; -1 where blank.
    n
        (L, 4, L, 4) sequences that have both bases.
    """

    values: Doubles
    mutant: NDArray[np.int8]
    n: NDArray[np.int64]

    def cells(self) -> Doubles:
        """Return the values as (L, L, 4, 4), positions first (`dfim.statistics.agreement`)."""
        return self.values.transpose(0, 2, 1, 3)

    def rank_of(
        self, source: tuple[int, int], target: tuple[int, int]
    ) -> tuple[int | None, int]:
        """Return the rank of a cell (1: largest; None: blank) and the number of filled cells.

        `source` and `target` are (position from 0, base code).
        """
        filled = self.values[np.isfinite(self.values)]
        value = self.values[(*source, *target)]
        rank = int((filled > value).sum()) + 1 if np.isfinite(value) else None
        return rank, filled.size


@dataclass(frozen=True, repr=False)
class BasePairMaps(ScoreRecord):
    """Mean FIS over the sequences that have one base at a source and one at a target.

    Attributes
    ----------
    fis, abs_fis
        (L, 4, 3, L, 4) mean of FIS and of |FIS|: source position, source base, mutant
        base (those that are not the source's, in A, C, G, T order), target position,
        target base. NaN where source and target coincide, and where there is no sequence.
    n
        (L, 4, L, 4) sequences behind them.
    n_sequences
        Sequences in all.
    info
        Method, model, settings, units and sign; the index is "mean FIS".
    """

    fis: Doubles
    abs_fis: Doubles
    n: NDArray[np.int64]
    n_sequences: int

    def of_base(self, base: int, *, min_n: int = 1, absolute: bool = True) -> Doubles:
        """Return one of the four maps of Fig 8C: that of the sources that are one base.

        Parameters
        ----------
        base
            Code of the source base.
        min_n
            Cells of fewer sequences are blank (NaN).
        absolute
            Mean |FIS|, else mean FIS.

        Returns
        -------
        ndarray (L, 4, L, 4)
            Source position, mutant base, target position, target base: 4L × 4L, the
            rows of the base itself blank.
        """
        if base not in range(4):
            raise ValueError(f"base: got {base}, expected the code of a base, 0 to 3")
        found = np.full(self.n.shape, np.nan)
        means = self.abs_fis if absolute else self.fis
        found[:, OTHER_BASES[base]] = means[:, base]
        return np.where(self.n[:, base][:, None] >= min_n, found, np.nan)

    def marginal(self, *, min_n: int = 1, absolute: bool = True) -> MarginalMap:
        """Keep the mutant with the largest mean in each cell: the map of Fig 8C and SFig 6.

        Without `absolute`, the mean FIS of the mutant whose mean is furthest from zero.
        """
        means = self.abs_fis if absolute else self.fis
        blank = (self.n < min_n) | np.isnan(means).any(axis=2)
        best = np.where(blank, 0, np.abs(np.nan_to_num(means)).argmax(axis=2))
        values = np.take_along_axis(means, best[:, :, None], axis=2)[:, :, 0]
        bases = np.arange(4)[None, :, None, None]
        return MarginalMap(
            np.where(blank, np.nan, values),
            np.where(blank, -1, OTHER_BASES[bases, best]).astype(np.int8),
            self.n,
        )

    def base_shares(self) -> Doubles:
        """Compute the share (L, 4) of the sequences that have a base at a position."""
        length = len(self.n)
        other = np.roll(np.arange(length), 1)  # any position but the source's own
        return self.n[np.arange(length), :, other].sum(axis=-1) / max(self.n_sequences, 1)

    def table(self, positions: list[str]) -> pd.DataFrame:
        """Make a table of the cells that have a sequence (48 L (L - 1) where all have one).

        `positions` names the L positions.
        """
        if len(positions) != len(self.n):
            raise ValueError(f"positions: got {len(positions)} names, expected {len(self.n)}")
        s, a, k, t, b = (axis.ravel() for axis in np.indices(self.fis.shape))
        letters, names = np.array(list(ALPHABET)), np.array(positions)
        whole = pd.DataFrame(
            {
                "source_position": names[s],
                "source_base": letters[a],
                "mutant_base": letters[OTHER_BASES[a, k]],
                "target_position": names[t],
                "target_base": letters[b],
                "n": self.n[s, a, t, b],
                "mean_fis": self.fis.ravel(),
                "mean_abs_fis": self.abs_fis.ravel(),
            }
        )
        return whole[np.isfinite(whole["mean_fis"])].reset_index(drop=True)


class BasePairSums:
    """Running sums of FIS at fixed bases, for any number of sequences.

    Parameters
    ----------
    length
        L, positions of a sequence.

    Notes
    -----
    Memory 192 L^2 numbers, whatever the number of sequences. Products of one block are
    float32 (relative error about 1e-6), sums over blocks float64.
    """

    def __init__(self, length: int) -> None:
        self._fis = np.zeros((length, 4, 3, length, 4))
        self._abs = np.zeros_like(self._fis)
        self._n = np.zeros((length, 4, length, 4))
        self._sequences = 0

    def add(self, codes: NDArray[np.uint8], fis: NDArray[np.float32]) -> None:
        """Add the FIS (N, L, 3, L; as `Factorial.fis`) of sequences (N, L)."""
        n, length = codes.shape
        bases = np.eye(4, dtype=np.float32)[codes].reshape(n, length * 4)
        place = np.arange(length)
        fis = fis.copy()
        fis[:, place, :, place] = 0  # blank there; its sums are of no use
        for source in range(length):
            for base in range(4):
                rows = np.flatnonzero(codes[:, source] == base)
                chosen, own = bases[rows], fis[rows, source].reshape(len(rows), 3 * length)
                # One product gives every target's FIS at every base of every position;
                # of use are those at the target's own position.
                for sums, values in ((self._fis, own), (self._abs, np.abs(own))):
                    every = (values.T @ chosen).reshape(3, length, length, 4)
                    sums[source, base] += every[:, place, place]
                self._n[source, base] += chosen.sum(axis=0).reshape(length, 4)
        self._sequences += n

    def means(self) -> BasePairMaps:
        """Return the means over all sequences that were added."""
        counts = self._n.copy()
        place = np.arange(len(counts))
        counts[place, :, place] = 0
        with np.errstate(invalid="ignore"):  # 0 / 0 is a blank cell
            fis, absolute = (s / counts[:, :, None] for s in (self._fis, self._abs))
        return BasePairMaps(fis, absolute, counts.astype(np.int64), self._sequences)

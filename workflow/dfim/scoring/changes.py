"""Mutated intervals, target intervals, and the changes of importance between the two.

`dfim.scoring.change_scoring.ChangeScorer` computes the changes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfim.scoring.settings import Floats, ScoringSettings
from dfim.sequences.mutations import mutate_intervals, put_columns

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Mutations:
    """M mutated intervals, one mutant sequence each, in the order of the sequences.

    Attributes
    ----------
    rows
        (M,) int64 row of the sequence array, ascending.
    start, end
        (M,) int64, 0-based, half-open.
    columns
        (M, W, 4) columns that replace the interval's; beyond its width they are not used.
    """

    rows: Integers
    start: Integers
    end: Integers
    columns: Floats

    @classmethod
    def of_intervals(
        cls,
        X: NDArray[Any],
        rows: Integers,
        start: Integers,
        end: Integers,
        settings: ScoringSettings,
        rng: np.random.Generator,
    ) -> "Mutations":
        """Mutate intervals of sequences as the settings say.

        Parameters
        ----------
        X
            (N, L, 4) sequences.
        rows, start, end
            (M,) row of X, ascending, and half-open interval of each mutation.
        settings
            `motif_mutation` and `gc` decide what replaces the interval.
        rng
            Draws the order of columns for `motif_mutation` "shuffle"; else not used.

        Raises
        ------
        ValueError
            An interval outside X.
        """
        require_inside(X, rows, end)
        width = end - start
        place = start[:, None] + np.arange(width.max(initial=1))
        cut = X[rows[:, None], np.minimum(place, X.shape[1] - 1)]
        columns = mutate_intervals(
            cut, np.arange(len(rows)), np.zeros_like(width), width,
            how=settings.motif_mutation, gc=settings.gc, rng=rng,
        )  # fmt: skip
        return cls(rows, start, end, columns)

    def of(self, chosen: NDArray[np.integer] | slice) -> "Mutations":
        """Return the mutations at an index, a mask or a slice."""
        return Mutations(
            self.rows[chosen], self.start[chosen], self.end[chosen], self.columns[chosen]
        )

    def mutants(self, X: NDArray[Any]) -> Floats:
        """Make the whole mutant sequences, float32 (M, L, 4)."""
        mutants = X[self.rows].astype(np.float32)
        width = self.end - self.start
        put_columns(mutants, np.arange(len(mutants)), self.columns, self.start, width)
        return mutants


@dataclass(frozen=True)
class Targets:
    """S intervals whose importance is wanted, in the order of the mutations.

    Attributes
    ----------
    mutant
        (S,) int64 index of the mutation, ascending.
    start, end
        (S,) int64, 0-based, half-open.
    """

    mutant: Integers
    start: Integers
    end: Integers

    def of(self, chosen: NDArray[np.integer] | slice) -> "Targets":
        """Return the targets at an index, a mask or a slice."""
        return Targets(self.mutant[chosen], self.start[chosen], self.end[chosen])


@dataclass(frozen=True)
class Changes:
    """Changes of importance of some targets by some of the mutations, for T tasks.

    Attributes
    ----------
    targets
        (s,) index of each into all targets.
    row
        (s,) row of `delta` of each target; a row may serve several.
    delta
        (T, r, W) importance in the original minus importance in the mutant, from `offset`
        on; 0 elsewhere.
    importance
        (T, r, W) importance in the original.
    offset
        (r,) first position of each row.
    mutants
        (m,) index of the mutations that the arrays below are of.
    effect
        (T, m) logit of the original minus logit of the mutant.
    convergence_delta, original_convergence_delta
        (T, m) completeness error of the mutant's profile, and of its original's; NaN where
        unknown.
    """

    targets: Integers
    row: Integers
    delta: Floats
    importance: Floats
    offset: Integers
    mutants: Integers
    effect: Floats
    convergence_delta: Floats
    original_convergence_delta: Floats

    def over(self, start: Integers, width: int) -> tuple[Floats, Floats]:
        """Give the change of importance, and importance in the original, over intervals.

        Parameters
        ----------
        start
            (s,) first position of an interval for each of the targets.
        width
            Positions of every interval.

        Returns
        -------
        delta, importance
            (T, s, width). Beyond what was scored nothing changes: delta is 0 there, and
            importance NaN.
        """
        place = (start - self.offset[self.row])[:, None] + np.arange(width)
        inside = (place >= 0) & (place < self.delta.shape[2])
        index = slice(None), self.row[:, None], np.where(inside, place, 0)
        delta = np.where(inside, self.delta[index], np.float32(0))
        return delta, np.where(inside, self.importance[index], np.float32(np.nan))


def require_inside(X: NDArray[Any], rows: Integers, end: Integers) -> None:
    """Raise a `ValueError` for the first interval whose row or end lies beyond X."""
    bad = np.flatnonzero((rows >= len(X)) | (end > X.shape[1]))
    if bad.size:
        raise ValueError(
            f"features: one that ends at {end[bad[0]]} of sequence {rows[bad[0]]} is not in X, "
            f"expected {len(X)} rows of {X.shape[1]} bp"
        )

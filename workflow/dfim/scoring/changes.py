"""Mutated intervals, the targets whose importance is asked for, and what became of it.

`dfim.scoring.change_scoring` makes the one of the others.
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
    """M mutated intervals, one mutant each, sequence by sequence.

    Attributes
    ----------
    rows
        (M,) int64 row of the sequence array, ascending.
    start, end
        (M,) int64, 0-based, half-open.
    columns
        (M, W, 4) what stands in the interval instead; of use up to its width.
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
        """Some of them."""
        return Mutations(
            self.rows[chosen], self.start[chosen], self.end[chosen], self.columns[chosen]
        )

    def mutants(self, X: NDArray[Any]) -> Floats:
        """Whole mutants (M, L, 4)."""
        mutants = X[self.rows].astype(np.float32)
        width = self.end - self.start
        put_columns(mutants, np.arange(len(mutants)), self.columns, self.start, width)
        return mutants


@dataclass(frozen=True)
class Targets:
    """S intervals whose importance is wanted, mutation by mutation.

    Attributes
    ----------
    mutant
        (S,) int64 which mutation, ascending.
    start, end
        (S,) int64, 0-based, half-open.
    """

    mutant: Integers
    start: Integers
    end: Integers

    def of(self, chosen: NDArray[np.integer] | slice) -> "Targets":
        """Some of them."""
        return Targets(self.mutant[chosen], self.start[chosen], self.end[chosen])


@dataclass(frozen=True)
class Changes:
    """What some of the mutations do to some of their targets, for T tasks.

    Attributes
    ----------
    targets
        (s,) which of the targets these are.
    row
        (s,) their row of `delta`; rows may serve several.
    delta
        (T, r, W) importance in the original minus importance in the mutant, from `offset`
        on; 0 elsewhere.
    importance
        (T, r, W) importance in the original.
    offset
        (r,) first position of each row.
    mutants
        (m,) mutations that `effect` and `gap` are of.
    effect, gap, own_gap
        (T, m) logit of the original minus logit of the mutant; completeness error of the
        mutant, and of its original; NaN where unknown.
    """

    targets: Integers
    row: Integers
    delta: Floats
    importance: Floats
    offset: Integers
    mutants: Integers
    effect: Floats
    gap: Floats
    own_gap: Floats

    def over(self, start: Integers, width: int) -> tuple[Floats, Floats]:
        """Change of importance, and importance in the original, over intervals.

        Parameters
        ----------
        start
            (s,) first position for each of the targets.
        width
            Positions of all of them.

        Returns
        -------
        delta, importance
            (T, s, width); beyond what was scored 0, as nothing changes there, and NaN.
        """
        place = (start - self.offset[self.row])[:, None] + np.arange(width)
        inside = (place >= 0) & (place < self.delta.shape[2])
        index = slice(None), self.row[:, None], np.where(inside, place, 0)
        found = np.where(inside, self.delta[index], np.float32(0))
        return found, np.where(inside, self.importance[index], np.float32(np.nan))


def require_inside(X: NDArray[Any], rows: Integers, end: Integers) -> None:
    """Refuse intervals that leave their sequence: rows or ends beyond X."""
    bad = np.flatnonzero((rows >= len(X)) | (end > X.shape[1]))
    if bad.size:
        raise ValueError(
            f"features: one that ends at {end[bad[0]]} of sequence {rows[bad[0]]} is not in X, "
            f"expected {len(X)} rows of {X.shape[1]} bp"
        )

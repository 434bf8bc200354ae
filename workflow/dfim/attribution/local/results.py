"""Results of local scorers: by task and target, then mutants compared with originals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfim.attribution.local.items import Items

Array = np.ndarray


@dataclass(frozen=True)
class Differences:
    """Changes of the importance of the bases of S targets by M mutations.

    Where several tasks are scored, all but `mutant` and `offset` have them as a first axis.

    Attributes
    ----------
    mutant : int64 (S,)
        The mutation that each target belongs to.
    offset : int64 (S,)
        First base of each target.
    delta : float32 (S, W)
        Score of the original minus score of the mutant, at `offset` and behind it.
    importance : float32 (S, W)
        Score of the original there.
    effect : float32 (M,)
        Logit of the original minus logit of the mutant.
    convergence_delta : float32 (M,)
        Completeness error of the mutant, where its target is the whole sequence (of crops:
        all pooling windows that see the mutation); else NaN, as for gradients.
    original_convergence_delta : float32 (M,)
        That of the original, where that is scored whole; else NaN.
    """

    mutant: Array
    offset: Array
    delta: Array
    importance: Array
    effect: Array
    convergence_delta: Array
    original_convergence_delta: Array

    def tasks_first(self, tasks: int) -> Differences:
        """Return the same with the tasks as first axis, also where there is one task."""
        if tasks > 1:
            return self
        return replace(
            self,
            delta=self.delta[None],
            importance=self.importance[None],
            effect=self.effect[None],
            convergence_delta=self.convergence_delta[None],
            original_convergence_delta=self.original_convergence_delta[None],
        )


@dataclass(frozen=True)
class Results:
    """Sums over references, for items and slots of `Items`.

    Attributes
    ----------
    scores, total : float32 (T, slots, size), (T, slots)
        Scores of the target, and sums of its contributions.
    target, base : float32 (T, I)
        Logit of each item, and mean logit of its references.
    originals, original_convergence_delta : float32 (T, N, L), (T, N)
        Of originals that are scored whole, by sequence.
    """

    scores: Array
    total: Array
    target: Array
    base: Array
    originals: Array
    original_convergence_delta: Array

    @classmethod
    def empty(cls, tasks: int, items: Items, size: int, originals: tuple[int, int]) -> Results:
        """Make zeros to add to; `originals`: how many are scored whole, and their length."""
        slots, n = len(items.of_slot), len(items.row)
        shapes = (tasks, slots, size), (tasks, slots), (tasks, n), (tasks, n)
        of_originals = (tasks, *originals), (tasks, originals[0])
        return cls(*(np.zeros(shape, np.float32) for shape in (*shapes, *of_originals)))

    def differences(
        self,
        items: Items,
        mutant_of: Array,
        first: Array,
        *,
        whole: bool,
        reaches: bool,
        adds_up: bool,
    ) -> Differences:
        """Compare each mutant with its original.

        Parameters
        ----------
        items : Items
        mutant_of, first : int (S,)
            Mutant and first base of each target.
        whole : bool
            Whether a target is the whole sequence.
        reaches : bool
            Whether a target is all that its mutation can change.
        adds_up : bool
            Whether contributions should add up to the change of the logit.
        """
        mutants = np.flatnonzero(items.mutant >= 0)
        by_number = np.empty(len(mutants), np.int64)
        by_number[items.mutant[mutants]] = mutants
        row = items.row[by_number]
        original = np.searchsorted(items.row, row)  # the first item of a sequence
        effect = self.target[:, original] - self.target[:, by_number]
        scores = self.scores[:, items.slot]
        unknown = np.full_like(effect, np.nan)
        deltas = unknown, unknown  # convergence deltas of mutants and of their originals
        if whole:
            importance = self.scores[:, items.original]
            missed = np.abs(self.total - (self.target - self.base)[:, items.of_slot])
            deltas = missed[:, items.slot], missed[:, items.original]
        elif reaches:
            place = first[:, None] + np.arange(scores.shape[2])
            importance = self.originals[:, row[:, None], place]
            deltas = unknown, self.original_convergence_delta[:, row]
        else:
            importance = self.scores[:, items.original]
        if not adds_up:
            deltas = unknown, unknown
        arrays = importance - scores, importance, effect, *deltas
        if len(self.scores) == 1:  # one task
            arrays = tuple(array[0] for array in arrays)
        return Differences(mutant_of, first.astype(np.int64), *arrays)

"""What windows of mutants found: by task and target, then mutants against originals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dfim.attribution.local.items import Items

Array = np.ndarray


@dataclass(frozen=True)
class Differences:
    """What M mutations do to the importance of the bases of their S targets.

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
    gap : float32 (M,)
        Completeness error of the mutant, where its target is the whole sequence (of crops:
        all pooling windows that see the mutation); else NaN, as for gradients.
    own_gap : float32 (M,)
        That of the original, where that is scored whole; else NaN.
    """

    mutant: Array
    offset: Array
    delta: Array
    importance: Array
    effect: Array
    gap: Array
    own_gap: Array

    def tasks_first(self, tasks: int) -> Differences:
        """The same with the tasks as first axis, where there is one task too."""
        names = ("delta", "importance", "effect", "gap", "own_gap")
        if tasks > 1:
            return self
        return replace(self, **{name: getattr(self, name)[None] for name in names})


@dataclass(frozen=True)
class Results:
    """Scores and sums of contributions by task and slot, logits by task and item.

    Of originals that are scored whole: scores (T, N, L) and completeness errors (T, N) by
    sequence.
    """

    scores: Array
    total: Array
    target: Array
    base: Array
    originals: Array
    own_gap: Array

    @classmethod
    def empty(cls, tasks: int, items: Items, size: int, originals: tuple[int, int]) -> Results:
        """Zeros to add to; `originals` are how many are scored whole, and their length."""
        slots, n = len(items.of_slot), len(items.row)
        shapes = (tasks, slots, size), (tasks, slots), (tasks, n), (tasks, n)
        of_originals = (tasks, *originals), (tasks, originals[0])
        return cls(*(np.zeros(shape, np.float32) for shape in (*shapes, *of_originals)))

    def differences(
        self,
        items: Items,
        of: Array,
        first: Array,
        *,
        whole: bool,
        reaches: bool,
        adds_up: bool,
    ) -> Differences:
        """Compare each mutant with its original."""
        mutants = np.flatnonzero(items.mutant >= 0)
        by_number = np.empty(len(mutants), np.int64)
        by_number[items.mutant[mutants]] = mutants
        row = items.row[by_number]
        own = np.searchsorted(items.row, row)  # the first item of a sequence
        effect = self.target[:, own] - self.target[:, by_number]
        scores = self.scores[:, items.slot]
        gap = own_gap = np.full_like(effect, np.nan)
        if whole:
            importance = self.scores[:, items.original]
            missed = np.abs(self.total - (self.target - self.base)[:, items.of_slot])
            gap, own_gap = missed[:, items.slot], missed[:, items.original]
        elif reaches:
            place = first[:, None] + np.arange(scores.shape[2])
            importance = self.originals[:, row[:, None], place]
            own_gap = self.own_gap[:, row]
        else:
            importance = self.scores[:, items.original]
        if not adds_up:
            gap = own_gap = np.full_like(effect, np.nan)
        arrays = importance - scores, importance, effect, gap, own_gap
        alone = len(self.scores) == 1
        found = (array[0] if alone else array for array in arrays)
        return Differences(of, first.astype(np.int64), *found)

"""Pick, make and self-check what scores mutants: cones, crops, or whole sequences.

The one way into `dfim.attribution.local`: callers say what is mutated and what is wanted, and
get the targets grouped by the scorer that computes them in the fewest operations. Targets in
no group are scored by whole profiles.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dfim.attribution.base import Attributor
from dfim.attribution.engine.engine import Engine
from dfim.attribution.local.choice import Choice, choose
from dfim.attribution.local.cropped import Cropped
from dfim.attribution.local.results import Differences
from dfim.attribution.local.self_check import LocalScorer, SelfCheckError
from dfim.attribution.local.spans import size_class
from dfim.attribution.local.windowed import Windowed

Array = np.ndarray
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Assignment:
    """Targets that one scorer computes.

    Attributes
    ----------
    scorer : LocalScorer
    targets : int64 (s,)
        Which of all targets, ascending.
    mutants : int64 (m,)
        Which of all mutations they belong to, ascending, each once.
    mutant_of : int64 (s,)
        Index into `mutants` of each of these targets.
    """

    scorer: LocalScorer
    targets: Array
    mutants: Array
    mutant_of: Array

    def differences(
        self,
        X: Array,
        rows: Array,
        columns: Array,
        starts: Array,
        ends: Array,
        target_starts: Array,
        references: Array | None = None,
        *,
        reference_of: Array | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Array, Differences]:
        """Compare the mutants of these targets with their originals.

        Parameters
        ----------
        X : uint8 or float32 (N, L, 4)
            Original sequences.
        rows, starts, ends : int (M,)
            Row of X and half-open interval of every mutation, those of others included.
        columns : uint8 or float32 (M, W, 4)
            What stands in the interval instead; beyond its width they are ignored.
        target_starts : int (S,)
            First base of every target, those of others included.
        references : uint8 or float32 (1 or G, R, L, 4), optional
        reference_of : int (N,), optional
            Group of each sequence; an original and its mutants share references.
        progress : callable, optional
            Called with the number of mutants done since the last call.

        Returns
        -------
        row : int64 (s,)
            Row of the differences' `delta`, `importance` and `offset` for each of `targets`.
        differences : Differences
            Of `mutants`, the tasks T as first axis.

        Raises
        ------
        ValueError
            When an array has another shape or type, or an interval does not fit.
        """
        mutants, given = self.mutants, None
        if not self.scorer.reaches:
            given = self.mutant_of, target_starts[self.targets]
        differences = self.scorer.differences(
            X,
            rows[mutants],
            columns[mutants],
            starts[mutants],
            ends[mutants],
            references,
            reference_of=reference_of,
            targets=given,
            progress=progress,
        )
        row = self.mutant_of if given is None else np.arange(len(self.targets))
        return row, differences.tasks_first(self.scorer.engine.tasks)


class LocalScorers:
    """Assigns targets of mutations to the cheapest scorer that passed its self-check.

    Parameters
    ----------
    attributor : Attributor
        Only an `Engine` has local scorers.
    shared_references : bool
        Whether a mutant has the references of its original.
    changes_only : bool
        Whether the importance in the originals is not wanted: it may be NaN.
    windowed : bool or None
        None: local scorers where they need fewer operations; False: never; True: always.

    Raises
    ------
    ValueError
        When `windowed` is True and whole sequences are needed.
    """

    def __init__(
        self,
        attributor: Attributor,
        *,
        shared_references: bool,
        changes_only: bool = False,
        windowed: bool | None = None,
    ) -> None:
        self.changes_only, self.always = changes_only, bool(windowed)
        self.engine: Engine | None = None
        if windowed is False:
            return
        if not isinstance(attributor, Engine):
            reason = f"{type(attributor).__name__} scores whole sequences only"
        elif attributor.needs_references and not shared_references:
            reason = "refs_from 'mutant' gives a mutant other references than its original"
        else:
            self.engine = attributor
            return
        if windowed:
            raise ValueError(f"windowed: got True, but {reason}; expected None or False")

    def assign(
        self, mutation_widths: Array, mutant_of: Array, target_widths: Array
    ) -> Iterator[Assignment]:
        """Group targets by what scores them.

        Parameters
        ----------
        mutation_widths : int (M,)
            Bases of each mutated interval.
        mutant_of : int (S,)
            Mutation of each target.
        target_widths : int (S,)
            Bases of each target.

        Yields
        ------
        Assignment
            Of disjoint targets; those in none are best scored by whole profiles.

        Raises
        ------
        SelfCheckError
            When `windowed` is True and a scorer differs from whole profiles of this model.

        Notes
        -----
        How a target is scored follows from the width of its mutation and from the widths and
        the number of the targets of that mutation; other mutations do not matter.
        """
        engine = self.engine
        if engine is None or not len(mutant_of):
            return
        sizes, size_of = np.unique(
            size_class(target_widths, engine.length), return_inverse=True
        )
        counts = np.zeros((len(mutation_widths), len(sizes)), np.int64)
        np.add.at(counts, (mutant_of, size_of), 1)
        widths = size_class(mutation_widths, engine.length)
        kinds, kind_of = np.unique(
            np.column_stack([widths, counts]), axis=0, return_inverse=True
        )
        # A cell: targets of one size, of mutations with one width and equal counts of targets.
        cell_of = kind_of.ravel()[mutant_of] * len(sizes) + size_of
        cells: dict[LocalScorer, list[int]] = {}
        for kind, (width, *each) in enumerate(kinds.tolist()):
            counted = zip(sizes.tolist(), each, strict=True)
            choices = choose(
                engine,
                width,
                tuple((size, n) for size, n in counted if n),
                changes_only=self.changes_only,
                always=self.always,
            )
            for size, choice in choices.items():
                scorer = self._checked(engine, choice)
                if scorer is not None:
                    cell = kind * len(sizes) + int(np.searchsorted(sizes, size))
                    cells.setdefault(scorer, []).append(cell)
        for scorer, numbers in cells.items():
            targets = np.flatnonzero(np.isin(cell_of, numbers))
            yield Assignment(
                scorer, targets, *np.unique(mutant_of[targets], return_inverse=True)
            )

    def _checked(self, engine: Engine, choice: Choice) -> LocalScorer | None:
        """Make the scorer of a choice once; None, and a logged warning, where it is inexact."""
        refused = "refused", *choice.key
        if refused in engine.made and not self.always:
            return None
        try:
            return (
                Cropped.of(engine, choice.width)
                if choice.crops
                else Windowed.of(engine, choice)
            )
        except SelfCheckError as error:
            if self.always:
                raise
            log.warning("%s: whole sequences are scored", error)
            engine.made[refused] = None
            return None

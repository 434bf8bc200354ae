"""Exact changes of importance by mutated intervals, without computing what stays as it was.

An original's activations are computed once. Of a mutant only the cone of the mutated interval
is computed, then the layers that join all positions; and on the way back only what the
importance of its targets rests on. Equal to the profiles of whole sequences but for
rounding; checked against them on the very model before use (`self_check`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dfim.attribution.completeness import warn_of_gap
from dfim.attribution.engine.compiled import Graphs, filled
from dfim.attribution.engine.costs import batch_size_for, whole_bundles
from dfim.attribution.engine.engine import Engine
from dfim.attribution.engine.passes import STORED
from dfim.attribution.local.batches import BatchScorer
from dfim.attribution.local.choice import Choice
from dfim.attribution.local.cones import cone, local_nodes
from dfim.attribution.local.items import Batch, Items, check_mutants
from dfim.attribution.local.passes import ConePasses
from dfim.attribution.local.results import Differences, Results
from dfim.attribution.local.self_check import self_check
from dfim.sequences.mutations import put_columns

Array = np.ndarray


class Windowed:
    """Changes of the importance of targets by mutated intervals of up to some width.

    Parameters
    ----------
    engine : Engine
        Whose profiles are meant.
    choice : Choice
        From `dfim.attribution.local.choice.choose`.
    batch_size : int, optional
        Mutants, and targets, a pass; by default from the size of the cones.

    Attributes
    ----------
    width, size : int
        Bases of the widest interval, and bases of a target.
    reaches : bool
        Whether a target is all that its mutation can change: there is one for each mutant.
        Else targets are given.
    batch_size : int

    Raises
    ------
    SelfCheckError
        When random mutants do not come out as with the engine: it is checked when made.

    Notes
    -----
    The result of a mutant does not depend on those around it. Another width or size may
    change its last bits, so score all mutants of one kind by one object.
    """

    def __init__(
        self, engine: Engine, choice: Choice, *, batch_size: int | None = None
    ) -> None:
        plan, local = engine.plan, local_nodes(engine.plan)
        self.engine, self.width, self.size = engine, choice.width, choice.size
        self.reaches, self._reach = choice.reach is not None, choice.reach
        source = cone(plan, local, self.width, "source")
        target = cone(plan, local, self.size, "target")
        passes = ConePasses(engine, local, source, target)
        numbers = 0
        for i, node in enumerate(plan.nodes):
            if i in source and (i == 0 or isinstance(node.step, STORED)):
                numbers += (source[i].size + target[i].size) * node.shape[1]
            elif not local[i]:
                numbers += int(np.prod(node.shape))
        self.batch_size = whole_bundles(batch_size or batch_size_for(4 * numbers))
        graphs = Graphs(self.batch_size * choice.flops)
        self._scorer = BatchScorer(engine, passes, graphs, self.batch_size)
        self._measured = True  # not by the self-check, whose sequences are random
        self_check(self, f"windows of {self.width} bp mutations")
        self._measured = not engine.needs_references

    @classmethod
    def of(cls, engine: Engine, choice: Choice) -> Windowed:
        """Make it once for an engine, a width and a size.

        Parameters
        ----------
        engine : Engine
        choice : Choice

        Returns
        -------
        Windowed

        Raises
        ------
        SelfCheckError
            As the class.
        """
        key = cls, choice.width, choice.size, choice.reach is None
        if key not in engine.made:
            engine.made[key] = cls(engine, choice)
        return engine.made[key]

    def differences(
        self,
        X: Array,
        rows: Array,
        columns: Array,
        starts: Array,
        ends: Array,
        references: Array | None = None,
        *,
        reference_of: Array | None = None,
        targets: tuple[Array, Array] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Differences:
        """Compare mutants with their originals.

        Parameters
        ----------
        X : uint8 or float32 (N, L, 4)
            Original sequences.
        rows, starts, ends : int (M,)
            Row of X and half-open interval of each mutant.
        columns : uint8 or float32 (M, W, 4)
            What stands in the interval instead; beyond its width they are ignored.
        references, reference_of
            As for `Attributor.profiles`, but `reference_of` (N,) is the group of each
            sequence: an original and its mutants share references.
        targets : pair of int (S,), optional
            Mutant and first base of each target of `size` bases; only where targets are
            given (`reaches` is False). Near the end they begin earlier.
        progress : callable, optional
            Called with the number of mutants done since the last call.

        Returns
        -------
        Differences

        Raises
        ------
        ValueError
            When an array has another shape or type, an interval is empty, leaves its sequence
            or is wider than `width`, or targets are given where none are taken or the other
            way round.

        Notes
        -----
        Cost: a forward pass of each sequence and reference; for each mutant its cone, and
        the layers behind for each reference and task; for each target likewise its cone.
        Memory: some 256 MiB of activations, 8 bytes a base of a target, and a batch.
        """
        mutants = X, rows, columns, starts, ends
        check_mutants(self.engine, *mutants, references, reference_of, widest=self.width)
        length = X.shape[1]
        place = np.minimum(starts, length - self.width)
        if (targets is None) != self.reaches:
            expected = "None (all in reach)" if self.reaches else "mutants and first bases"
            given = "None" if targets is None else "some"
            raise ValueError(f"targets: got {given}, expected {expected}")
        if self._reach is not None:
            of, first = np.arange(len(rows)), self._reach.first[place]
        else:
            of, first = targets
            first = np.clip(first, 0, length - self.size)
        apart = self.reaches and self.size < length  # originals are scored whole
        items = Items.of(rows, place, of, first, whole=apart)
        n = len(X) if apart else 0
        found = Results.empty(self.engine.tasks, items, self.size, (n, length))
        for batch in items.batches(
            self.engine, X, references, reference_of, size=self.batch_size
        ):
            if batch.first:
                self._score_originals(found, batch, everyone=apart)
            at = items.place[batch.items, None] + np.arange(self.width)
            x = X[batch.rows[:, None], at].astype(np.float32)
            mutated = np.flatnonzero(batch.mutant >= 0)
            which = batch.mutant[mutated]
            begin = starts[which] - at[mutated, 0]
            put_columns(x, mutated, columns[which], begin, ends[which] - starts[which])
            self._scorer.score(found, items, batch, x)
            if progress is not None:
                progress(int((batch.mutant >= 0).sum()))
        return found.differences(
            items,
            of,
            first,
            whole=self.size == length,
            reaches=self.reaches,
            adds_up=self.engine.needs_references,
        )

    def _score_originals(self, found: Results, batch: Batch, *, everyone: bool) -> None:
        """Score sequences of a bank whole, and say where contributions do not add up.

        Where windows show that themselves, or do not need originals, a batch of them serves
        once.
        """
        engine, size = self.engine, self.engine.batch_size
        if self._measured and not everyone:
            return
        self._measured = True
        for start in range(0, len(batch.held) if everyone else 1, size):
            row = np.arange(start, min(start + size, len(batch.held)))
            bases = (
                bank.rows(filled(batch.reference_rows(row, r), size))
                for r, (bank, _) in enumerate(batch.against)
            )
            values, target, base, gap = (
                array[:, : len(row)]
                for array in engine.scored(batch.bank.rows(filled(row, size)), bases)
            )
            warn_of_gap(engine, gap, target - base)
            if everyone:
                rows = batch.held[row]
                found.originals[:, rows], found.own_gap[:, rows] = values, gap

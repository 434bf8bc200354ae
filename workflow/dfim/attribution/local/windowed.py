"""Changes of importance by mutated intervals, from cones: only what changes is computed.

An original's activations are computed once. Of a mutant only the cone of the mutated interval
is computed, then the layers that join all positions; and on the way back only the cones of
its targets. Equal to the profiles of whole sequences but for
rounding; checked against them on the very model before use (`self_check`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dfim.attribution.engine.compiled import Graphs, filled
from dfim.attribution.engine.costs import batch_size_for, whole_bundles
from dfim.attribution.engine.engine import Engine
from dfim.attribution.engine.passes import STORED
from dfim.attribution.local.batches import BatchScorer
from dfim.attribution.local.choice import Choice, given_targets
from dfim.attribution.local.cones import Cones, cone
from dfim.attribution.local.items import Batch, Items, check_mutants
from dfim.attribution.local.passes import ConePasses
from dfim.attribution.local.results import Differences, Results
from dfim.attribution.local.self_check import self_check
from dfim.attribution.results import warn_of_convergence_delta
from dfim.sequences.mutations import put_columns

Array = np.ndarray


class Windowed:
    """Scores changes of importance by mutated intervals of up to some width, from cones.

    Parameters
    ----------
    engine : Engine
        Whose profiles are meant.
    choice : Choice
        From `dfim.attribution.local.choice.choose`.
    batch_size : int, optional
        Mutants, or targets, per pass; by default from the size of the cones.

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
        plan = engine.plan
        self.engine, self.width, self.size = engine, choice.width, choice.size
        self.reaches, self._reach = choice.reach is not None, choice.reach
        source, target = cone(plan, self.width, "source"), cone(plan, self.size, "target")
        passes = ConePasses(engine, Cones.of(engine.functions, source, target))
        numbers = 0
        for i, node in enumerate(plan.nodes):
            if i in source and (i == 0 or isinstance(node.step, STORED)):
                numbers += (source[i].size + target[i].size) * node.shape[1]
            elif i not in source:
                numbers += int(np.prod(node.shape))
        self.batch_size = whole_bundles(batch_size or batch_size_for(4 * numbers))
        # Compiling changes the last bits: it must not follow from how many targets of a mutant
        # came first.
        one = choice if self.reaches else given_targets(engine, self.width, self.size, 1)
        graphs = Graphs(self.batch_size * one.flops)
        self._scorer = BatchScorer(engine, passes, graphs, self.batch_size)
        self._measured = True  # not by the self-check, whose sequences are random
        self_check(self, f"cones of {self.width} bp mutations")
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
        checked = check_mutants(
            self.engine, *mutants, references, reference_of, widest=self.width
        )
        length = X.shape[1]
        place = np.minimum(starts, length - self.width)
        mutant_of, first = self._targets(targets, place, length)
        apart = self.reaches and self.size < length  # originals are scored whole
        items = Items.of(rows, place, mutant_of, first, whole=apart)
        n = len(X) if apart else 0
        results = Results.empty(self.engine.tasks, items, self.size, (n, length))
        for batch in items.batches(self.engine, X, checked, size=self.batch_size):
            if batch.first:
                self._score_originals(results, batch, everyone=apart)
            at = items.place[batch.items, None] + np.arange(self.width)
            x = X[batch.rows[:, None], at].astype(np.float32)
            mutated = np.flatnonzero(batch.mutant >= 0)
            which = batch.mutant[mutated]
            begin = starts[which] - at[mutated, 0]
            put_columns(x, mutated, columns[which], begin, ends[which] - starts[which])
            self._scorer.score(results, items, batch, x)
            if progress is not None:
                progress(int((batch.mutant >= 0).sum()))
        return results.differences(
            items,
            mutant_of,
            first,
            whole=self.size == length,
            reaches=self.reaches,
            adds_up=self.engine.needs_references,
        )

    def _targets(
        self, targets: tuple[Array, Array] | None, place: Array, length: int
    ) -> tuple[Array, Array]:
        """Mutant and first base of each target, moved inside the sequence."""
        if self._reach is not None:
            if targets is not None:
                raise ValueError("targets: got some, expected None: all in reach is scored")
            return np.arange(len(place)), self._reach.first[place]
        if targets is None:
            raise ValueError("targets: got None, expected the mutant and first base of each")
        mutant_of, first = targets
        return mutant_of, np.clip(first, 0, length - self.size)

    def _score_originals(self, results: Results, batch: Batch, *, everyone: bool) -> None:
        """Score sequences of a bank whole, and warn where contributions do not add up.

        Where not everyone is needed, one batch is scored once for the warning.
        """
        engine, size = self.engine, self.engine.batch_size
        if self._measured and not everyone:
            return
        self._measured = True
        for start in range(0, len(batch.banked) if everyone else 1, size):
            row = np.arange(start, min(start + size, len(batch.banked)))
            bases = (
                batch.reference_bank.rows(filled(batch.reference_rows(row, r), size))
                for r in range(batch.repeats)
            )
            values, target, base, delta = (
                array[:, : len(row)]
                for array in engine.scored(batch.bank.rows(filled(row, size)), bases)
            )
            warn_of_convergence_delta(engine, delta, target - base)
            if everyone:
                rows = batch.banked[row]
                results.originals[:, rows] = values
                results.original_convergence_delta[:, rows] = delta

"""The engine: DeepLIFT and input × gradient by forward and backward passes over a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from dfim.attribution.base import Attributor
from dfim.attribution.checks import ReferenceGroups, check_one_hot
from dfim.attribution.engine.bank import Bank
from dfim.attribution.engine.compiled import Graphs, batches, filled
from dfim.attribution.engine.costs import (
    activation_bytes,
    default_batch_size,
    flops_per_profile,
    whole_bundles,
)
from dfim.attribution.engine.functions import PlanFunctions
from dfim.attribution.graph.plan import Plan
from dfim.attribution.graph.reach import PlanReach
from dfim.attribution.results import Array, Block, Wanted

# Activations of references that are in memory at a time; their number changes no result.
REFERENCE_BYTES = 256 * 2**20


class Engine(PlanReach, Attributor):
    """Scores by the methods deeplift, deeplift_rescale and gradient_input.

    Parameters
    ----------
    plan : Plan
    method, maxpool_rule, observed, batch_size
        As `dfim.attribution.make_attributor`. All are attributes; gradients always have the
        `maxpool_rule` "winner".

    Attributes
    ----------
    functions : PlanFunctions
        What is run as graphs.
    made : dict
        How mutants of this engine are best scored, and what scores them
        (`dfim.attribution.local`): made once, and let go with the engine.

    Notes
    -----
    Two graphs: one for the activations of a batch, one for the multipliers that
    follow from the activations of a batch and of its references. Both have one batch shape
    only. References that all rows share are passed through once; those of a group of rows
    (a sequence and its mutants) once a group, as rows are scored group by group.
    """

    plan: Plan

    def __init__(
        self,
        plan: Plan,
        method: str,
        *,
        maxpool_rule: str,
        observed: bool = True,
        batch_size: int | None = None,
    ) -> None:
        self.method, self.plan, self.length = method, plan, plan.length
        self.needs_references = method != "gradient_input"
        self.maxpool_rule: str = maxpool_rule if self.needs_references else "winner"
        self.observed, self.tasks = observed, plan.tasks
        self.batch_size = whole_bundles(batch_size or default_batch_size(plan))
        self.functions = PlanFunctions(
            plan, method, maxpool_rule=self.maxpool_rule, observed=observed
        )
        self._graphs = Graphs(self.batch_size * flops_per_profile(plan))
        self.made: dict[tuple[object, ...], Any] = {}

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        n = check_one_hot("X", X, (None, self.length, 4))
        slices = batches(n, self.batch_size)
        parts = [self.run(X[rows]).target[:, : len(X[rows])] for rows in slices]
        none = np.empty((self.tasks, 0), np.float32)
        return self._of_tasks(np.concatenate([none, *parts], axis=1))

    def run(self, X: Array, size: int | None = None) -> Bank:
        """Pass up to a batch of sequences forward.

        Parameters
        ----------
        X : uint8 or float32 (n, L, 4)
        size : int, optional
            Rows of the pass, which zeros fill; a batch where not given.

        Returns
        -------
        Bank
            Of all rows, those of zeros included.
        """
        x = tf.constant(filled(X.astype(np.float32), size or self.batch_size))
        target, stored = self._graphs(self.functions.forward, x)
        return Bank(x, stored, target.numpy().T)

    def _blocks(
        self, X: Array, references: ReferenceGroups | None, wanted: Wanted
    ) -> Iterator[Block]:
        if references is not None and references.group_of is not None:
            yield from self._grouped(X, references.arrays, references.group_of, wanted)
            return
        shared: list[Bank] = []
        if references is not None:
            bank = self.shared(references.arrays)
            shared = [bank.rows(np.array([r])) for r in range(references.repeats)]
        for rows in batches(len(X), self.batch_size):
            yield self._block(X, rows, wanted, shared)

    def _grouped(
        self, X: Array, references: Array, group_of: Array, wanted: Wanted
    ) -> Iterator[Block]:
        """Score rows group by group, some groups' references at a time."""
        order = np.argsort(group_of, kind="stable")
        groups, first = np.unique(group_of[order], return_index=True)
        ends = np.append(first[1:], len(order))
        repeats = references.shape[1]
        at_once = max(1, REFERENCE_BYTES // (repeats * activation_bytes(self.plan)))
        for i in range(0, len(groups), at_once):
            banked = groups[i : i + at_once]
            bank = self.bank(references[banked].reshape(-1, self.length, 4))
            block = order[first[i] : ends[min(i + at_once, len(groups)) - 1]]
            for part in batches(len(block), self.batch_size):
                rows = block[part]
                which = np.zeros(self.batch_size, np.int64)
                which[: len(rows)] = np.searchsorted(banked, group_of[rows]) * repeats
                bases = (bank.rows(which + r) for r in range(repeats))
                yield self._block(X, rows, wanted, bases)

    def shared(self, references: Array) -> Bank:
        """Pass references that all rows share forward, in as few rows as possible.

        Parameters
        ----------
        references : uint8 or float32 (1, R, L, 4)

        Returns
        -------
        Bank
            Of R rows or more, in whole bundles: only where all positions go through one
            matrix kernel does a constant reference have equal activations at all of them,
            and ties of maxima.
        """
        return self.run(references[0], whole_bundles(references.shape[1]))

    def bank(self, X: Array) -> Bank:
        """Pass any number of sequences forward, in whole batches.

        Parameters
        ----------
        X : uint8 or float32 (n, L, 4)

        Returns
        -------
        Bank
            Of n rows or more.
        """
        parts = [self.run(X[rows]) for rows in batches(len(X), self.batch_size)]
        if len(parts) == 1:
            return parts[0]
        columns = zip(*((part.x, *part.stored) for part in parts), strict=True)
        x, *stored = (tf.concat(column, axis=0) for column in columns)
        return Bank(x, stored, np.concatenate([part.target for part in parts], axis=1))

    def _block(
        self, X: Array, rows: slice | Array, wanted: Wanted, bases: Iterable[Bank]
    ) -> Block:
        """Score one batch against one reference after the other (or none)."""
        n = len(X[rows])
        arrays = self.scored(self.run(X[rows]), bases, wanted)
        return Block(rows, *(array[:, :n] for array in arrays))

    def scored(
        self, of: Bank, bases: Iterable[Bank], wanted: Wanted = "scores"
    ) -> tuple[Array, Array, Array, Array]:
        """Score a batch that was passed forward.

        Parameters
        ----------
        of : Bank
            Of a batch.
        bases : iterable of Bank
            References one after the other, each of one row or of one for each of the batch;
            not looked at for plain gradients.
        wanted : str
            "scores", "contributions" or "hypothetical".

        Returns
        -------
        values, target, base, convergence_delta : float32 (T, B, ...)
            As `dfim.attribution.results.Block`.
        """
        target = of.target
        shape = (self.tasks, self.batch_size, self.length)
        values = np.zeros(shape if wanted == "scores" else (*shape, 4), np.float32)
        delta, mean = np.zeros((2, *target.shape), np.float32)
        repeats = 0
        for base in bases if self.needs_references else [None]:
            repeats += 1
            for task in range(self.tasks):
                one, total = self._score(of, base, task, wanted)
                values[task] += one
                if base is not None:
                    delta[task] += total - (target[task] - base.target[task])
                    mean[task] += base.target[task]
        if not self.needs_references:
            delta[:] = mean[:] = np.nan
        values, delta, mean = (array / np.float32(repeats) for array in (values, delta, mean))
        return values, target, mean, np.abs(delta)

    def _score(
        self, of: Bank, base: Bank | None, task: int, wanted: Wanted
    ) -> tuple[Array, Array]:
        """Values (B, L) or (B, L, 4) of one task, and sums of all contributions (B,)."""
        function = {
            "scores": self.functions.scores,
            "contributions": self.functions.contributions,
            "hypothetical": self.functions.hypothetical,
        }[wanted]
        pair = [bank.kept for bank in (of, base) if bank is not None]
        chosen = tf.one_hot([task], self.tasks)
        values, total = self._graphs(function, chosen, *pair)
        return values.numpy(), total.numpy()

"""DeepLIFT and gradients as an explicit forward and backward pass over a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dfim.attribution.base import Array, Attributor, Block, Wanted
from dfim.attribution.engine.compiled import Graphs, filled
from dfim.attribution.engine.costs import (
    activation_bytes,
    default_batch_size,
    flops_per_profile,
    whole_bundles,
)
from dfim.attribution.engine.passes import (
    STORED,
    Tensors,
    backward,
    constants_of,
    forward,
    make_passes,
)
from dfim.attribution.graph.plan import Plan

# Activations of references that are held at a time; how many is no matter to the results.
REFERENCE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Bank:
    """Activations: what a forward pass leaves for the way back.

    Attributes
    ----------
    x : tf.Tensor (B, L, 4)
    stored : list of tf.Tensor (B, ...)
        Values of the engine's `stored` nodes.
    target : float32 (T, B)
        The scored values.
    """

    x: tf.Tensor
    stored: list[tf.Tensor]
    target: Array

    def rows(self, index: Array) -> Bank:
        """The same of some rows."""
        kept = [tf.gather(tensor, index) for tensor in (self.x, *self.stored)]
        return Bank(kept[0], kept[1:], self.target[:, index])


class Engine(Attributor):
    """The methods deeplift, deeplift_rescale and gradient_input.

    Parameters
    ----------
    plan : Plan
    method, maxpool_rule, observed, batch_size
        As `dfim.attribution.make_attributor`. All but the last are attributes.

    Notes
    -----
    Two graphs: one for the activations of a batch, one for the multipliers that
    follow from the activations of a batch and of its references. Both see one batch shape
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
        self.maxpool_rule, self.observed = maxpool_rule, observed
        self.tasks = plan.tasks
        self.batch_size = whole_bundles(batch_size or default_batch_size(plan))
        self.needs_references = method != "gradient_input"
        self.passes = make_passes(plan, method, maxpool_rule)
        self.constants = constants_of(plan)
        self.stored = [
            one.output for one in self.passes if isinstance(plan.nodes[one.output].step, STORED)
        ]
        self._graphs = Graphs(self.batch_size * flops_per_profile(plan))
        # How mutants are best scored, and what scores them in windows once it is proved.
        self.made: dict[tuple[object, ...], Any] = {}

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        n = self._check_one_hot("X", X, (None, self.length, 4))
        parts = [self.run(X[rows]).target[:, : len(X[rows])] for rows in self._batches(n)]
        found = np.concatenate([np.empty((self.tasks, 0), np.float32), *parts], axis=1)
        return found if self.tasks > 1 else found[0]

    def run(self, X: Array, size: int | None = None) -> Bank:
        """Bank up to a batch of sequences forward.

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
        target, stored = self._graphs(self._forward, x)
        return Bank(x, stored, target.numpy().T)

    def _blocks(
        self,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        wanted: Wanted,
    ) -> Iterator[Block]:
        if not self.needs_references:
            for rows in self._batches(len(X)):
                yield self._block(X, rows, wanted, [])
        elif reference_of is None:
            known = self.shared(references)
            shared = [known.rows(np.array([r])) for r in range(references.shape[1])]
            for rows in self._batches(len(X)):
                yield self._block(X, rows, wanted, shared)
        else:
            yield from self._grouped(X, references, reference_of, wanted)

    def _grouped(
        self, X: Array, references: Array, reference_of: Array, wanted: Wanted
    ) -> Iterator[Block]:
        """Score rows group by group, some groups' references at a time."""
        order = np.argsort(reference_of, kind="stable")
        groups, first = np.unique(reference_of[order], return_index=True)
        ends = np.append(first[1:], len(order))
        repeats = references.shape[1]
        at_once = max(1, REFERENCE_BYTES // (repeats * activation_bytes(self.plan)))
        for i in range(0, len(groups), at_once):
            held = groups[i : i + at_once]
            bank = self.bank(references[held].reshape(-1, self.length, 4))
            block = order[first[i] : ends[min(i + at_once, len(groups)) - 1]]
            for part in self._batches(len(block)):
                rows = block[part]
                which = np.zeros(self.batch_size, np.int64)
                which[: len(rows)] = np.searchsorted(held, reference_of[rows]) * repeats
                bases = (bank.rows(which + r) for r in range(repeats))
                yield self._block(X, rows, wanted, bases)

    def shared(self, references: Array) -> Bank:
        """Bank references that all rows share forward, as few rows as may be.

        Parameters
        ----------
        references : uint8 or float32 (1, R, L, 4)

        Returns
        -------
        Bank
            Of R rows or more. Whole bundles of rows: a constant reference has equal
            activations at every position, and ties of maxima, only where all of them go
            through one kernel.
        """
        return self.run(references[0], whole_bundles(references.shape[1]))

    def bank(self, X: Array) -> Bank:
        """Bank any number of sequences forward, in whole batches.

        Parameters
        ----------
        X : uint8 or float32 (n, L, 4)

        Returns
        -------
        Bank
            Of n rows or more.
        """
        parts = [self.run(X[rows]) for rows in self._batches(len(X))]
        if len(parts) == 1:
            return parts[0]
        columns = zip(*((part.x, *part.stored) for part in parts), strict=True)
        x, *stored = (tf.concat(column, axis=0) for column in columns)
        return Bank(x, stored, np.concatenate([part.target for part in parts], axis=1))

    def _block(
        self, X: Array, rows: slice | Array, wanted: Wanted, bases: Iterable[Bank]
    ) -> Block:
        """Score one batch against one reference after the other (or none)."""
        of = self.run(X[rows])
        n = len(X[rows])
        found = self.scored(of, bases, wanted)
        return Block(rows, *(array[:, :n] for array in found))

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
        values, target, base, gap : float32 (T, B, ...)
            As `dfim.attribution.results.Block`.
        """
        target = of.target
        shape = (self.tasks, self.batch_size, self.length)
        values = np.zeros(shape if wanted == "scores" else (*shape, 4), np.float32)
        gap, mean = np.zeros((2, *target.shape), np.float32)
        repeats = 0
        for base in bases if self.needs_references else [None]:
            repeats += 1
            for task in range(self.tasks):
                one, total = self._score(of, base, task, wanted)
                values[task] += one
                if base is not None:
                    gap[task] += total - (target[task] - base.target[task])
                    mean[task] += base.target[task]
        if not self.needs_references:
            gap[:] = mean[:] = np.nan
        values, gap, mean = (array / np.float32(repeats) for array in (values, gap, mean))
        return values, target, mean, np.abs(gap)

    def _score(
        self, of: Bank, base: Bank | None, task: int, wanted: Wanted
    ) -> tuple[Array, Array]:
        """Values (B, L) or (B, L, 4) of one task, and sums of all contributions (B,)."""
        function = {
            "scores": self._scores,
            "contributions": self._contributions,
            "hypothetical": self._hypothetical,
        }[wanted]
        pair = [(one.x, one.stored) for one in (of, base) if one is not None]
        chosen = tf.one_hot([task], self.tasks)
        values, total = self._graphs(function, chosen, *pair)
        return values.numpy(), total.numpy()

    # ---- the graphs ------------------------------------------------------------

    def _forward(self, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Scored values (B, T) of a batch, and those of the stored nodes."""
        values = self.values(x, {})
        return values[len(self.plan.nodes) - 1], [values[i] for i in self.stored]

    def values(self, x: tf.Tensor, known: Tensors) -> Tensors:
        """Values of all nodes."""
        return forward(self.passes, {0: x, **self.constants, **known})

    def _multipliers(
        self, task: tf.Tensor, of: tuple[Any, ...], base: tuple[Any, ...] | None
    ) -> tf.Tensor:
        """Multiply back to the input: (B, L, 4), or (1, L, 4) where all is linear."""
        values, values0 = (
            None
            if one is None
            else self.values(one[0], dict(zip(self.stored, one[1], strict=True)))
            for one in (of, base)
        )
        last, varying = len(self.plan.nodes) - 1, self.plan.varying
        return backward(self.passes, {last: task}, values, values0, varying.__getitem__)[0]

    def _contributions(
        self, task: tf.Tensor, of: tuple[Any, ...], base: tuple[Any, ...] | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Contributions (B, L, 4) and their sums (B,)."""
        m = self._multipliers(task, of, base)
        contributions = m * (of[0] if base is None else of[0] - base[0])
        return contributions, tf.reduce_sum(contributions, axis=(1, 2))

    def _scores(
        self, task: tf.Tensor, of: tuple[Any, ...], base: tuple[Any, ...] | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Profiles (B, L), and the sums of the unmasked contributions (B,)."""
        contributions, total = self._contributions(task, of, base)
        if self.observed:
            contributions = contributions * of[0]
        return tf.reduce_sum(contributions, axis=2), total

    def _hypothetical(
        self, task: tf.Tensor, of: tuple[Any, ...], base: tuple[Any, ...] | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Contributions (B, L, 4) of each base in its position, and those of X summed."""
        m = self._multipliers(task, of, base)
        if base is not None:
            m = m - tf.reduce_sum(m * base[0], axis=2, keepdims=True)
        each = m + tf.zeros_like(of[0])
        return each, tf.reduce_sum(each * of[0], axis=(1, 2))

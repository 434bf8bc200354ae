"""Functions of tensors from inputs to logits, multipliers and scores (TensorFlow)."""

from __future__ import annotations

import tensorflow as tf

from dfim.attribution.engine.passes import (
    STORED,
    Tensors,
    backward,
    constants_of,
    forward,
    make_passes,
)
from dfim.attribution.graph.plan import Plan

Kept = tuple[tf.Tensor, list[tf.Tensor]]  # input (B, L, 4), values of the stored nodes


class PlanFunctions:
    """Computes logits, multipliers and scores of tensors; an engine runs these as graphs.

    Parameters
    ----------
    plan : Plan
    method, maxpool_rule, observed
        As `dfim.attribution.make_attributor`.

    Attributes
    ----------
    passes : list of Pass
        In forward order.
    constants : dict of int to tf.Tensor (1, ...)
        Values of the nodes that do not depend on the scored input.
    stored : list of int
        Nodes whose values a forward pass keeps for the way back.
    """

    def __init__(self, plan: Plan, method: str, *, maxpool_rule: str, observed: bool) -> None:
        self.plan, self.observed = plan, observed
        self.passes = make_passes(plan, method, maxpool_rule)
        self.constants = constants_of(plan)
        self.stored = [
            one.output for one in self.passes if isinstance(plan.nodes[one.output].step, STORED)
        ]

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Compute the last node (B, T) of a batch, and the values of the stored nodes."""
        values = self.values(x, {})
        return values[len(self.plan.nodes) - 1], [values[i] for i in self.stored]

    def values(self, x: tf.Tensor, known: Tensors) -> Tensors:
        """Compute the values of all nodes but those that are known."""
        return forward(self.passes, {0: x, **self.constants, **known})

    def restored(self, kept: Kept) -> Tensors:
        """Compute the values of all nodes from what a forward pass kept."""
        return self.values(kept[0], dict(zip(self.stored, kept[1], strict=True)))

    def multipliers(self, output: tf.Tensor, of: Kept, base: Kept | None) -> tf.Tensor:
        """Multiply back to the input: (B, L, 4), or (1, L, 4) where all is linear.

        `output` (B or 1, n) are the multipliers of the last node.
        """
        values = self.restored(of)
        values0 = None if base is None else self.restored(base)
        last, varying = len(self.plan.nodes) - 1, self.plan.varying
        return backward(self.passes, {last: output}, values, values0, varying.__getitem__)[0]

    def contributions(
        self, task: tf.Tensor, of: Kept, base: Kept | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute contributions (B, L, 4) and their sums (B,)."""
        m = self.multipliers(task, of, base)
        contributions = m * (of[0] if base is None else of[0] - base[0])
        return contributions, tf.reduce_sum(contributions, axis=(1, 2))

    def scores(
        self, task: tf.Tensor, of: Kept, base: Kept | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute profiles (B, L), and the sums of the unmasked contributions (B,)."""
        contributions, total = self.contributions(task, of, base)
        if self.observed:
            contributions = contributions * of[0]
        return tf.reduce_sum(contributions, axis=2), total

    def hypothetical(
        self, task: tf.Tensor, of: Kept, base: Kept | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute contributions (B, L, 4) of each base in its position, and sums of X's."""
        m = self.multipliers(task, of, base)
        if base is not None:
            m = m - tf.reduce_sum(m * base[0], axis=2, keepdims=True)
        each = m + tf.zeros_like(of[0])
        return each, tf.reduce_sum(each * of[0], axis=(1, 2))

"""Input × gradient and integrated gradients by TensorFlow's automatic differentiation.

Layers need no rule here: recurrent and attention layers work, and custom layers. Where the
engine (`dfim.attribution.engine`) knows all layers of a model, its gradients are the same
numbers and come faster.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from dfim.attribution.base import Attributor
from dfim.attribution.checks import ReferenceGroups, check_one_hot
from dfim.attribution.engine.compiled import batches, filled
from dfim.attribution.engine.costs import batch_size_for, whole_bundles
from dfim.attribution.graph.plan import Plan, make_plan
from dfim.attribution.graph.reach import PlanReach
from dfim.attribution.methods.logit_tensors import scored_logit
from dfim.attribution.results import Array, Block, Head, Wanted

log = logging.getLogger(__name__)


class AutodiffAttributor(PlanReach, Attributor):
    """Scores by the methods gradient_input and integrated_gradients.

    Parameters
    ----------
    model, output, unit, held, observed, batch_size
        As `dfim.attribution.make_attributor`; what is scored:
        `dfim.attribution.methods.logit_tensors.scored_logit`.
    method : str
        "gradient_input" or "integrated_gradients".
    steps : int
        Points of the path from a reference to the sequence.

    Raises
    ------
    ValueError
        As `dfim.attribution.methods.logit_tensors.scored_logit`.

    Notes
    -----
    Integrated gradients (Sundararajan et al. 2017) are the mean gradient along the straight
    path, times (X - reference), by the midpoint rule. Its error is half that of the
    trapezoid rule, and it never takes the gradient at a reference itself, where the units of
    a ReLU network often sit on their kink, or tie in a pooling window. What is left of the
    error is the convergence delta of the profiles.

    Cost: a forward and a backward pass per sequence for gradients; for integrated gradients
    that times `steps` and references, and two forward passes. Memory: one such pass of a
    batch. A tie of a max pooling goes where TensorFlow sends it.

    Weights are copied, once. Dropout and its kind do nothing, as in prediction.
    """

    def __init__(
        self,
        model: keras.Model,
        method: str,
        *,
        output: int | str = 0,
        unit: int = 0,
        held: Mapping[str, Array] | None = None,
        observed: bool = True,
        batch_size: int | None = None,
        steps: int = 50,
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps: got {steps}, expected at least 1")
        scored = scored_logit(model, output=output, unit=unit, held=held)
        self.method, self.observed, self.steps = method, observed, steps
        self.length = scored.length
        self.plan = _plan_of(model, Head(output, unit), held)
        self.batch_size = whole_bundles(batch_size or batch_size_for(4 * scored.numbers))
        self.needs_references = method == "integrated_gradients"
        network = scored.network
        self._network, self._inputs, self._unit = network, scored.inputs, unit
        self._weights = [
            [tf.constant(variable.numpy()) for variable in variables]
            for variables in (network.trainable_variables, network.non_trainable_variables)
        ]
        shape = tf.TensorSpec((self.batch_size, self.length, 4), tf.float32)
        self._logit = tf.function(self._logits, input_signature=[shape], autograph=False)
        walk = self._integrated if self.needs_references else self._gradient
        self._walk = tf.function(walk, input_signature=[shape, shape], autograph=False)

    def predict_logit(self, X: Array) -> Array:  # noqa: D102 (see Attributor)
        n = check_one_hot("X", X, (None, self.length, 4))
        out = np.empty(n, np.float32)
        for rows in batches(n, self.batch_size):
            out[rows] = self._logit(self._padded(X[rows])).numpy()[: len(out[rows])]
        return out

    def _blocks(
        self, X: Array, references: ReferenceGroups | None, wanted: Wanted
    ) -> Iterator[Block]:
        if references is None:  # of plain gradients: not looked at
            references = ReferenceGroups(np.zeros((1, 1, self.length, 4), np.float32))
        repeats = references.repeats
        for rows in batches(len(X), self.batch_size):
            n = len(X[rows])
            x, group = self._padded(X[rows]), references.groups(rows, n)
            values: Array = np.zeros(x.shape[: 2 if wanted == "scores" else 3], np.float32)
            delta: Array = np.zeros(len(x), np.float32)
            target, mean = delta, delta
            for r in range(repeats):
                x0 = self._padded(references.arrays[group, r])
                target, base, m = (tensor.numpy() for tensor in self._walk(x, x0))
                contributions = m * (x - x0)
                total = contributions.reshape(len(x), -1).sum(axis=1)
                delta = delta + (total - (target - base))
                mean = mean + base / np.float32(repeats)
                values = values + self._as_wanted(contributions, m, x, x0, wanted)
            delta = np.abs(delta) / np.float32(repeats)
            if not self.needs_references:
                delta, mean = np.full((2, len(x)), np.nan, np.float32)
            arrays = values / np.float32(repeats), target, mean, delta
            yield Block(rows, *(array[None, :n] for array in arrays))

    def _as_wanted(
        self, contributions: Array, m: Array, x: Array, x0: Array, wanted: Wanted
    ) -> Array:
        """Scores (B, L), or one of the two kinds of contributions (B, L, 4)."""
        if wanted == "contributions":
            return contributions
        if wanted == "hypothetical":
            return m - (m * x0).sum(axis=2, keepdims=True)
        return (contributions * x if self.observed else contributions).sum(axis=2)

    def _padded(self, X: Array) -> Array:
        return filled(X.astype(np.float32), self.batch_size)

    def _logits(self, x: tf.Tensor) -> tf.Tensor:
        """Scored logits (B,) of a batch."""
        size = self.batch_size
        inputs = [x if value is None else np.repeat(value, size, 0) for value in self._inputs]
        values, _ = self._network.stateless_call(*self._weights, inputs, training=False)
        values = values[0] if isinstance(values, list | tuple) else values
        return tf.cast(tf.reshape(values, (size, -1))[:, self._unit], tf.float32)

    def _slope(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (B,) and their gradients (B, L, 4)."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            logits = self._logits(x)
        zero = tf.UnconnectedGradients.ZERO
        return logits, tape.gradient(logits, x, unconnected_gradients=zero)

    def _gradient(self, x: tf.Tensor, x0: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Logits, those of the reference (not asked for), gradients."""
        logits, gradients = self._slope(x)
        return logits, tf.zeros_like(logits), gradients

    def _integrated(
        self, x: tf.Tensor, x0: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Logits, those of the references, mean gradients between the two."""

        def add(k: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            part = (tf.cast(k, tf.float32) + 0.5) / self.steps
            return k + 1, total + self._slope(x0 + part * (x - x0))[1]

        _, total = tf.while_loop(
            lambda k, _: k < self.steps,
            add,
            (tf.constant(0), tf.zeros_like(x)),
            parallel_iterations=1,
            maximum_iterations=self.steps,
        )
        return self._logits(x), self._logits(x0), total / self.steps


def _plan_of(model: keras.Model, head: Head, held: Mapping[str, Array] | None) -> Plan | None:
    """Make the plan of the model where all its layers are known, to tell what is reachable.

    Integrated gradients are a mean of slopes: what cannot change one cannot change the mean.
    """
    try:
        return make_plan(model, [head], held=held)
    except ValueError as error:
        log.debug("every pair counts as reachable: %s", error)
        return None

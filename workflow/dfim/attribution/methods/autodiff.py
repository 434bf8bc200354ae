"""Gradients and integrated gradients of any functional Keras model, by TensorFlow's tape.

Layers need no rule here: recurrent and attention layers work, and layers of one's own. Where
the engine (`dfim.attribution.engine`) knows all layers of a model, its gradients are the same
numbers and come faster.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from dfim.attribution.base import Array, Attributor, Block, Wanted
from dfim.attribution.engine.compiled import filled
from dfim.attribution.engine.costs import batch_size_for, whole_bundles
from dfim.attribution.graph.plan import Plan, make_plan
from dfim.attribution.methods.logit_tensors import scored_logit
from dfim.attribution.results import Head

log = logging.getLogger(__name__)


class AutodiffAttributor(Attributor):
    """The methods gradient_input and integrated_gradients.

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
    error is the gap of the profiles.

    Cost: a forward and a backward pass a sequence for gradients; for integrated gradients
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
        n = self._check_one_hot("X", X, (None, self.length, 4))
        out = np.empty(n, np.float32)
        for rows in self._batches(n):
            out[rows] = self._logit(self._padded(X[rows])).numpy()[: len(out[rows])]
        return out

    def _blocks(
        self,
        X: Array,
        references: Array | None,
        reference_of: Array | None,
        wanted: Wanted,
    ) -> Iterator[Block]:
        if not self.needs_references:
            references, reference_of = np.zeros((1, 1, self.length, 4), np.float32), None
        group = np.zeros(len(X), np.int64) if reference_of is None else reference_of
        repeats = references.shape[1]
        for rows in self._batches(len(X)):
            n = len(X[rows])
            x = self._padded(X[rows])
            values: Array | float = 0.0
            gap: Array | float = 0.0
            mean: Array | float = 0.0
            for r in range(repeats):
                x0 = self._padded(references[group[rows], r])
                target, base, m = (tensor.numpy() for tensor in self._walk(x, x0))
                contributions = m * (x - x0)
                total = contributions.reshape(len(x), -1).sum(axis=1)
                gap, mean = gap + (total - (target - base)), mean + base / repeats
                values = values + self._as_wanted(contributions, m, x, x0, wanted)
            gap = np.abs(gap) / repeats
            if not self.needs_references:
                gap, mean = np.full((2, len(x)), np.nan)
            found = values / np.float32(repeats), target, mean, gap
            yield Block(rows, *(array[None, :n] for array in found))

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
    """Plan of the model where all its layers are known: it tells what is reachable.

    Integrated gradients are a mean of slopes: what cannot change one cannot change the mean.
    """
    try:
        return make_plan(model, [head], held=held)
    except ValueError as error:
        log.debug("every pair counts as reachable: %s", error)
        return None

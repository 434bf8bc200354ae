"""Rules of the steps that read several tensors: sums, products, concatenations (TensorFlow).

`forward` takes all inputs, and `backward` gives one tensor of multipliers for each.
"""

# ruff: noqa: D102 (the methods of rules are documented in Rule)
from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from dfim.attribution.graph_steps import Concat, Shape, Sum
from dfim.attribution.rules import Saved


class Join:
    """A step of the pass with several inputs; references save what inputs save."""

    def forward(self, *inputs: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        """Pass activations on; return the output and what `backward` needs."""
        raise NotImplementedError

    def reference(self, *inputs: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        """Pass a reference's activations on."""
        return self.forward(*inputs)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tuple[tf.Tensor, ...]:
        """Turn the multipliers of the output into those of the inputs."""
        raise NotImplementedError


class SumJoin(Join):
    """Sum, difference or mean: linear."""

    def __init__(self, step: Sum, shapes: Sequence[Shape]) -> None:
        self.weights, self.shapes = step.weights, shapes

    def forward(self, *inputs: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        terms = [_times(x, w) for x, w in zip(inputs, self.weights, strict=True)]
        total, *others = terms
        for term in others:
            total = total + term
        return total, ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tuple[tf.Tensor, ...]:
        pairs = zip(self.weights, self.shapes, strict=True)
        return tuple(_gathered(_times(m, w), shape) for w, shape in pairs)


class ProductJoin(Join):
    """Product of two: each factor's share is its change at the mean of the other.

    That is the Shapley value of two players (Lundberg & Lee 2017); contributions add up.
    """

    def __init__(self, shapes: Sequence[Shape], *, gradient: bool) -> None:
        self.shapes, self.gradient = shapes, gradient

    def forward(self, *inputs: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        a, b = inputs
        return a * b, (a, b)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tuple[tf.Tensor, ...]:
        a, b = (
            saved
            if self.gradient
            else [(x + x0) / 2 for x, x0 in zip(saved, base, strict=True)]
        )
        return _gathered(m * b, self.shapes[0]), _gathered(m * a, self.shapes[1])


class ConcatJoin(Join):
    """Concatenation: multipliers are cut apart."""

    def __init__(self, step: Concat, shapes: Sequence[Shape]) -> None:
        self.axis = step.axis
        self.sizes = [shape[step.axis - 1] for shape in shapes]

    def forward(self, *inputs: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        rows = max(x.shape[0] for x in inputs)  # a held input has one row
        whole = [tf.broadcast_to(x, (rows, *x.shape[1:])) for x in inputs]
        return tf.concat(whole, self.axis), ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tuple[tf.Tensor, ...]:
        return tuple(tf.split(m, self.sizes, self.axis))


def _times(x: tf.Tensor, weight: float) -> tf.Tensor:
    return x if weight == 1.0 else x * weight


def _gathered(m: tf.Tensor, shape: Shape) -> tf.Tensor:
    """Add multipliers up along the axes where one number was used for all."""
    axes = [i for i, n in enumerate(shape, start=1) if n == 1 and m.shape[i] != 1]
    return tf.reduce_sum(m, axis=axes, keepdims=True) if axes else m

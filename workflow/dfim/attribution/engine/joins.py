"""Rules of the steps that read several tensors: sums, products, concatenations."""

# ruff: noqa: D102 (the methods of rules are documented in Rule)
from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from dfim.attribution.engine.rules import Rule, Values
from dfim.attribution.graph.steps import Concat, Shape, Sum


class SumRule(Rule):
    """Rule of sums, differences and means: linear."""

    linear = True

    def __init__(self, step: Sum, shapes: Sequence[Shape]) -> None:
        self.weights, self.shapes = step.weights, shapes

    def forward(self, *x: tf.Tensor) -> tf.Tensor:
        total, *others = (_times(one, w) for one, w in zip(x, self.weights, strict=True))
        for term in others:
            total = total + term
        return total

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        pairs = zip(self.weights, self.shapes, strict=True)
        return tuple(_gathered(_times(m, w), shape) for w, shape in pairs)


class ProductRule(Rule):
    """Rule of products of two: a factor contributes its change times the mean of the other.

    That is the Shapley value of two players (Lundberg & Lee 2017); contributions add up.
    """

    def __init__(self, shapes: Sequence[Shape], *, gradient: bool) -> None:
        self.shapes, self.gradient = shapes, gradient

    def forward(self, *x: tf.Tensor) -> tf.Tensor:
        a, b = x
        return a * b

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        if self.gradient:
            a, b = x
        else:
            a, b = ((one + one0) / 2 for one, one0 in zip(x, x0, strict=True))
        return _gathered(m * b, self.shapes[0]), _gathered(m * a, self.shapes[1])


class ConcatRule(Rule):
    """Rule of concatenations: multipliers are cut apart."""

    linear = True

    def __init__(self, step: Concat, shapes: Sequence[Shape]) -> None:
        self.axis = step.axis
        self.sizes = [shape[step.axis - 1] for shape in shapes]

    def forward(self, *x: tf.Tensor) -> tf.Tensor:
        rows = max(one.shape[0] for one in x)  # an additional (fixed) input has one row
        whole = [tf.broadcast_to(one, (rows, *one.shape[1:])) for one in x]
        return tf.concat(whole, self.axis)

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        return tuple(tf.split(m, self.sizes, self.axis))


def _times(x: tf.Tensor, weight: float) -> tf.Tensor:
    return x if weight == 1.0 else x * weight


def _gathered(m: tf.Tensor, shape: Shape) -> tf.Tensor:
    """Add multipliers up along the axes where one number was used for all."""
    axes = [i for i, n in enumerate(shape, start=1) if n == 1 and m.shape[i] != 1]
    return tf.reduce_sum(m, axis=axes, keepdims=True) if axes else m

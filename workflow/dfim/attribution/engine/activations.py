"""Rules of activations: gradients, Rescale, RevealCancel and softmax (TensorFlow)."""

# ruff: noqa: D102 (the methods of rules are documented in Rule)
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import tensorflow as tf

from dfim.attribution.engine.rules import Function, Rule, Values
from dfim.attribution.graph.steps import Activation, Curve, Dense

NEAR_ZERO = 1e-7  # differences below it count as none (the deeplift package's threshold)
_RIGHT_OF_ZERO = 1e-30  # where a slope at a kink of 0 is the slope from the right
_SHORT = 0.1  # a chord along which two points give the mean slope to 1e-6


@dataclass(frozen=True)
class Bend:
    """An elementwise function with its slopes.

    Attributes
    ----------
    value, slope : callable
        The function and its derivative.
    slope_right : callable
        The derivative from the right, where the function has a kink.
    kinks : tuple of float or None
        Where those are, ascending; between them it has derivatives of every order. None for
        a function that jumps.
    """

    value: Function
    slope: Function
    slope_right: Function
    kinks: tuple[float, ...] | None = ()

    def chord(self, z0: tf.Tensor, dz: tf.Tensor) -> tf.Tensor:
        """Slope of the line between the function at z0 and at z0 + dz.

        The quotient of two small differences is mostly rounding, so that of a short chord is
        the mean slope along it.
        """
        quotient = (self.value(z0 + dz) - self.value(z0)) / dz
        if self.kinks is None:
            return tf.where(tf.abs(dz) < NEAR_ZERO, self.slope(z0), quotient)
        mean = self._mean_slope(z0, dz, self.kinks)
        return tf.where(tf.abs(dz) < _SHORT, mean, quotient)

    def _mean_slope(self, z0: tf.Tensor, dz: tf.Tensor, kinks: tuple[float, ...]) -> tf.Tensor:
        """Mean of the slope by Gauss's two points, from kink to kink."""
        along = tf.where(dz == 0, 1.0, dz)
        ascending = [tf.clip_by_value((kink - z0) / along, 0.0, 1.0) for kink in kinks]
        # As fractions of the chord, in the order in which it meets them.
        met = [tf.where(dz > 0, a, b) for a, b in zip(ascending, ascending[::-1], strict=True)]
        mean = tf.zeros_like(z0 + dz)
        for first, last in pairwise([0.0, *met, 1.0]):
            middle, away = (first + last) / 2, (last - first) / 12**0.5
            points = (self.slope(z0 + dz * (middle + side * away)) for side in (-1, 1))
            mean += (last - first) / 2 * sum(points)
        return mean


class _Relu(Bend):
    """The ReLU: a chord on one side of 0 has slope 0 or 1, without any rounding.

    The quotient of differences has the rounding of z0 in it, which is large beside a small
    part of a difference (RevealCancel).
    """

    def chord(self, z0: tf.Tensor, dz: tf.Tensor) -> tf.Tensor:
        slope = tf.clip_by_value(tf.maximum(z0, z0 + dz) / tf.abs(dz), 0.0, 1.0)
        return tf.where(tf.abs(dz) < NEAR_ZERO, self.slope(z0), slope)


def bend_of(step: Activation | Curve) -> Bend:
    """Give the function of a step.

    Parameters
    ----------
    step : Activation or Curve

    Returns
    -------
    Bend
        The slope of the ReLU at exactly 0 is 0 (from the right: 1); other functions have
        the one from the right always, by automatic differentiation.
    """
    if isinstance(step, Curve):
        slope = _differentiated(step.function)
        return Bend(step.function, slope, slope, step.kinks)
    if step.kind == "relu":
        right = lambda z: _as_float(z >= 0)  # noqa: E731 - a pair of one-liners
        return _Relu(tf.nn.relu, lambda z: _as_float(z > 0), right)
    if step.kind == "tanh":
        return _smooth(tf.tanh, lambda y: 1.0 - y * y)
    return _smooth(tf.sigmoid, lambda y: y * (1.0 - y))


def _as_float(condition: tf.Tensor) -> tf.Tensor:
    return tf.cast(condition, tf.float32)


def _smooth(value: Function, slope_of_value: Function) -> Bend:
    def slope(z: tf.Tensor) -> tf.Tensor:
        return slope_of_value(value(z))

    return Bend(value, slope, slope)


def _differentiated(function: Function) -> Callable[[tf.Tensor], tf.Tensor]:
    def slope(z: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            z = tf.where(z == 0, _RIGHT_OF_ZERO, z)
            tape.watch(z)
            y = function(z)
        return tape.gradient(y, z)

    return slope


class Gradient(Rule):
    """Rule of elementwise functions for plain gradients."""

    def __init__(self, step: Activation | Curve) -> None:
        self.bend = bend_of(step)

    def forward(self, z: tf.Tensor) -> tf.Tensor:
        return self.bend.value(z)

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        return (m * self.bend.slope(x[0]),)


class Rescale(Gradient):
    """Rule of elementwise functions by differences (Shrikumar et al. 2017, section 3.5.1)."""

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        (z,), (z0,) = x, x0
        return (m * self.bend.chord(z0, z - z0),)


class RevealCancel(Rule):
    """Rule of activations behind dense layers: positive and negative parts apart (3.5.2).

    It reads the input x of the dense layer and its output z, and gives multipliers of x
    alone. The four products of the definition are three here: the parts of the
    pre-activation difference follow from its sum z - z0 and its sum of sizes |x - x0| |W|,
    and so do their multipliers on the way back.
    """

    def __init__(self, dense: Dense, step: Activation | Curve) -> None:
        self.bend = bend_of(step)
        self.size = np.abs(dense.kernel)
        self.transposed = np.ascontiguousarray(dense.kernel.T)
        self.size_transposed = np.ascontiguousarray(self.size.T)

    def forward(self, x: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
        return self.bend.value(z)

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor | None, ...]:
        (inputs, z), (inputs0, z0), f = x, x0, self.bend
        dx, dz = inputs - inputs0, z - z0
        size = tf.matmul(tf.abs(dx), self.size)
        rise, fall = tf.nn.relu((size + dz) / 2), -tf.nn.relu((size - dz) / 2)
        # A part that is no more than the rounding of the sums counts as none. There the
        # package divides the effect of a step of +1e-7; this is its limit, the gradient
        # from the right.
        noise = 4 * np.finfo(np.float32).eps * size + NEAR_ZERO / 2

        def mean_slope(part: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
            """Slope of a part, alone and on top of the other part: the sum of both."""
            both = f.chord(z0, part) + f.chord(z0 + other, part)
            limit = f.slope_right(z0) + f.slope_right(z0 + other)
            return tf.where(tf.abs(part) > noise, both, limit)

        m_rise, m_fall = mean_slope(rise, fall), mean_slope(fall, rise)
        # Both still lack their factor 1/2, and so does the result: together 1/4.
        both = tf.matmul(m * (m_rise + m_fall), self.transposed)
        sided = tf.matmul(m * (m_rise - m_fall), self.size_transposed)
        return (both + tf.sign(dx) * sided) / 4, None


class SoftmaxRule(Rule):
    """Rule of softmax: exponentials (Rescale) times the inverse of their sum (product rule).

    The logits are centred first, which changes no result, so that a shift of all of them
    contributes nothing. Contributions add up. An exponential that is far below all the
    others, in the sequence and the reference, may vanish: logits of the two should not be
    more than 80 apart.
    """

    def __init__(self, axis: int, *, gradient: bool) -> None:
        self.axis, self.gradient = axis, gradient

    def forward(self, z: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(z, axis=self.axis)

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        if self.gradient:
            y = self.forward(x[0])
            return (y * (m - self._sum(m * y)),)
        z, z0 = (value - self._mean(value) for value in (x[0], x0[0]))
        top = tf.maximum(self._max(z), self._max(z0))
        e, e0 = tf.exp(z - top), tf.exp(z0 - top)
        total, total0 = self._sum(e), self._sum(e0)
        of_exponential = m * (1 / total + 1 / total0) / 2
        of_inverse = self._sum(m * (e + e0)) / 2
        # (1 / total - 1 / total0) / (total - total0), without the quotient of differences
        of_total = -of_inverse / (total * total0)
        dz = z - z0
        # A quotient of small differences is mostly rounding.
        small = tf.where(dz == 0, 1.0, tf.math.expm1(dz) / dz)
        steep = tf.where(tf.abs(dz) < 1, e0 * small, (e - e0) / dz)
        m = (of_exponential + of_total) * steep
        return (m - self._mean(m),)

    def _sum(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(x, axis=self.axis, keepdims=True)

    def _mean(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(x, axis=self.axis, keepdims=True)

    def _max(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(x, axis=self.axis, keepdims=True)

"""Gradient, Rescale and RevealCancel of any elementwise function (TensorFlow).

The rules of relu, tanh and sigmoid are in `dfim.attribution.activations`; here the slope
comes from automatic differentiation.
"""

# ruff: noqa: D102 (the methods of rules are documented in Rule)
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dfim.attribution.activations import NEAR_ZERO
from dfim.attribution.rules import Rule, Saved
from dfim.attribution.steps import Dense

Function = Callable[[tf.Tensor], tf.Tensor]
_RIGHT_OF_ZERO = 1e-30  # where a slope at a kink of 0 is the slope from the right


def slope_at(function: Function, z: tf.Tensor) -> tf.Tensor:
    """Differentiate an elementwise function.

    Parameters
    ----------
    function : callable
    z : tf.Tensor

    Returns
    -------
    tf.Tensor
        Same shape; at exactly 0 the slope from the right.
    """
    with tf.GradientTape() as tape:
        z = tf.where(z == 0, _RIGHT_OF_ZERO, z)
        tape.watch(z)
        y = function(z)
    return tape.gradient(y, z)


class CurveGradient(Rule):
    """Elementwise function for plain gradients."""

    def __init__(self, function: Function) -> None:
        self.function = function

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return self.function(x), (x,)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        return m * slope_at(self.function, saved[0])


class CurveRescale(Rule):
    """Elementwise function by finite differences (Shrikumar et al. 2017, section 3.5.1)."""

    def __init__(self, function: Function) -> None:
        self.function = function

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        y = self.function(x)
        return y, (x, y)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        (z, y), (z0, y0) = saved, base
        dz = z - z0
        return m * tf.where(tf.abs(dz) < NEAR_ZERO, slope_at(self.function, z0), (y - y0) / dz)


class CurveRevealCancel(Rule):
    """Dense layer and an elementwise function behind it (section 3.5.2).

    What `dfim.attribution.activations.RevealCancel` does, for any function.
    """

    def __init__(self, step: Dense, function: Function) -> None:
        self.kernel, self.bias, self.function = step.kernel, step.bias, function
        self.size = np.abs(step.kernel)

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        z = tf.matmul(x, self.kernel) + self.bias
        y = self.function(z)
        return y, (x, z, y)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        (x, z, y), (x0, z0, y0) = saved, base
        dx, dz = x - x0, z - z0
        size = tf.matmul(tf.abs(dx), self.size)
        rise, fall = tf.nn.relu((size + dz) / 2), -tf.nn.relu((size - dz) / 2)
        noise = 4 * np.finfo(np.float32).eps * size + NEAR_ZERO / 2
        here = slope_at(self.function, z0)

        def mean_slope(part: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
            """Slope of a part, alone and on top of the other part: the sum of both."""
            alone = self.function(z0 + part) - y0
            on_top = y - self.function(z0 + other)
            limit = here + slope_at(self.function, z0 + other)
            return tf.where(tf.abs(part) > noise, (alone + on_top) / part, limit)

        m_rise, m_fall = mean_slope(rise, fall), mean_slope(fall, rise)
        both = tf.matmul(m * (m_rise + m_fall), self.kernel, transpose_b=True)
        sided = tf.matmul(m * (m_rise - m_fall), self.size, transpose_b=True)
        return (both + tf.sign(dx) * sided) / 4

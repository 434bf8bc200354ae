"""Rules of activations: gradients, Rescale and RevealCancel (TensorFlow)."""

# ruff: noqa: D102 (the methods of rules are documented in Rule)
from __future__ import annotations

import numpy as np
import tensorflow as tf

from dfim.attribution.rules import Rule, Saved
from dfim.attribution.steps import Dense

NEAR_ZERO = 1e-7  # differences below it count as none (the deeplift package's threshold)


def activate(kind: str, x: tf.Tensor) -> tf.Tensor:
    """Apply an activation.

    Parameters
    ----------
    kind : str
        "relu", "tanh" or "sigmoid".
    x : tf.Tensor

    Returns
    -------
    tf.Tensor
    """
    return {"relu": tf.nn.relu, "tanh": tf.tanh, "sigmoid": tf.sigmoid}[kind](x)


def derivative(kind: str, x: tf.Tensor, *, at_zero: float = 0.0) -> tf.Tensor:
    """Differentiate an activation.

    Parameters
    ----------
    kind : str
        "relu", "tanh" or "sigmoid".
    x : tf.Tensor
    at_zero : float
        Slope of the ReLU at exactly 0.

    Returns
    -------
    tf.Tensor
    """
    if kind == "relu":
        on = x > 0 if at_zero == 0.0 else x >= 0
        return tf.cast(on, tf.float32)
    y = activate(kind, x)
    return 1.0 - y * y if kind == "tanh" else y * (1.0 - y)


class Gradient(Rule):
    """Activation for plain gradients."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return activate(self.kind, x), (x,)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        return m * derivative(self.kind, saved[0])


class Rescale(Rule):
    """Activation by finite differences (Shrikumar et al. 2017, section 3.5.1)."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        y = activate(self.kind, x)
        return y, (x, y)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        (z, y), (z0, y0) = saved, base
        return m * slope(self.kind, z, z0, y - y0)


def slope(kind: str, z: tf.Tensor, z0: tf.Tensor, dy: tf.Tensor) -> tf.Tensor:
    """Divide the differences of an activation; its gradient at the reference where none.

    Parameters
    ----------
    kind : str
    z, z0, dy : tf.Tensor
        Input, reference input, difference of the outputs.

    Returns
    -------
    tf.Tensor
    """
    dz = z - z0
    return tf.where(tf.abs(dz) < NEAR_ZERO, derivative(kind, z0), dy / dz)


class RevealCancel(Rule):
    """Dense layer and its activation, positive and negative parts apart (section 3.5.2).

    The four products of the definition are three here: the parts of the pre-activation
    difference follow from its sum z - z0 and its sum of sizes |x - x0| |W|, and so do their
    multipliers on the way back.
    """

    def __init__(self, step: Dense, kind: str) -> None:
        self.kernel, self.bias, self.kind = step.kernel, step.bias, kind
        self.size = np.abs(step.kernel)
        self.transposed = np.ascontiguousarray(step.kernel.T)
        self.size_transposed = np.ascontiguousarray(self.size.T)

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        z = tf.matmul(x, self.kernel) + self.bias
        y = activate(self.kind, z)
        return y, (x, z, y)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        (x, z, y), (x0, z0, y0) = saved, base
        dx, dz = x - x0, z - z0
        size = tf.matmul(tf.abs(dx), self.size)
        rise, fall = tf.nn.relu((size + dz) / 2), -tf.nn.relu((size - dz) / 2)
        after_rise, after_fall = activate(self.kind, z0 + rise), activate(self.kind, z0 + fall)
        # A part that is no more than the rounding of the sums counts as none. There the
        # package divides the effect of a step of +1e-7; this is its limit, the gradient
        # from the right.
        noise = 4 * np.finfo(np.float32).eps * size + NEAR_ZERO / 2
        here = derivative(self.kind, z0, at_zero=1.0)
        m_rise = tf.where(
            rise > noise,
            ((after_rise - y0) + (y - after_fall)) / rise,
            here + derivative(self.kind, z0 + fall, at_zero=1.0),
        )
        m_fall = tf.where(
            -fall > noise,
            ((after_fall - y0) + (y - after_rise)) / fall,
            here + derivative(self.kind, z0 + rise, at_zero=1.0),
        )
        # Both still lack their factor 1/2, and so does the result: together 1/4.
        both = tf.matmul(m * (m_rise + m_fall), self.transposed)
        sided = tf.matmul(m * (m_rise - m_fall), self.size_transposed)
        return (both + tf.sign(dx) * sided) / 4

"""Rules of the steps that read one tensor and that a chain does not know (TensorFlow).

`docs/rules.md` lists every rule with its formula and source.
"""

# ruff: noqa: D102 (the methods of rules are documented in Rule)
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dfim.attribution.activations import NEAR_ZERO
from dfim.attribution.graph_steps import Average, Depthwise, Fit, Reshape, Shape, SpacedConv
from dfim.attribution.rules import Rule, Saved, fit

Array = np.ndarray
Function = Callable[[tf.Tensor], tf.Tensor]


class LinearRule(Rule):
    """Any linear function and a shift: multipliers go back as gradients do.

    Only the shape of the input matters to the gradient of a linear function, so no forward
    pass is computed for it.
    """

    def __init__(self, function: Function, shape: Shape, shift: Array | float = 0.0) -> None:
        self.function, self.shape, self.shift = function, shape, shift

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return self.function(x) + self.shift, ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        with tf.GradientTape() as tape:
            zeros = tf.zeros((m.shape[0], *self.shape))
            tape.watch(zeros)
            y = self.function(zeros)
        return tape.gradient(y, zeros, output_gradients=m)


class DilatedRule(Rule):
    """Dilated convolution of stride 1: back through the transposed kernel, dilated as well."""

    def __init__(self, step: SpacedConv, in_length: int) -> None:
        self.step, self.in_length = step, in_length
        self.transposed = np.ascontiguousarray(step.kernel[::-1].transpose(0, 2, 1))
        self.reach = (step.kernel.shape[0] - 1) * step.dilation
        self.right = step.length + self.reach - step.left - in_length

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        x = fit(x, self.step.left, self.right)
        return self._convolve(x, self.step.kernel) + self.step.bias, ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        m = fit(m, self.reach - self.step.left, self.reach - self.right)
        return self._convolve(m, self.transposed)

    def _convolve(self, x: tf.Tensor, kernel: Array) -> tf.Tensor:
        return tf.nn.conv1d(x, kernel, 1, "VALID", dilations=self.step.dilation)


class FitRule(Rule):
    """Cropping and zero padding."""

    def __init__(self, step: Fit) -> None:
        self.left, self.right = step.left, step.right

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return fit(x, self.left, self.right), ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        return fit(m, -self.left, -self.right)


class ReshapeRule(Rule):
    """The same numbers in another shape, and back."""

    def __init__(self, step: Reshape, shape: Shape) -> None:
        self.before, self.after = (-1, *shape), (-1, *step.shape)

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return tf.reshape(x, self.after), ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        return tf.reshape(m, self.before)


class SoftmaxRule(Rule):
    """Softmax as exponentials (Rescale) times the inverse of their sum (product rule).

    The logits are centred first, which changes no result, so that a shift of all of them
    contributes nothing. Contributions add up. An exponential that is far below all the
    others, in the sequence and the reference, may vanish: logits of the two should not be
    more than 80 apart.
    """

    def __init__(self, axis: int, *, gradient: bool) -> None:
        self.axis, self.gradient = axis, gradient

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        y = tf.nn.softmax(x, axis=self.axis)
        return y, ((y,) if self.gradient else (x - self._mean(x),))

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        if self.gradient:
            (y,) = saved
            return y * (m - self._sum(m * y))
        (z,), (z0,) = saved, base
        top = tf.maximum(self._max(z), self._max(z0))
        e, e0 = tf.exp(z - top), tf.exp(z0 - top)
        total, total0 = self._sum(e), self._sum(e0)
        of_exponential = m * (1 / total + 1 / total0) / 2
        of_inverse = self._sum(m * (e + e0)) / 2
        # (1 / total - 1 / total0) / (total - total0), without the quotient of differences
        of_total = -of_inverse / (total * total0)
        dz = z - z0
        steep = tf.where(tf.abs(dz) < NEAR_ZERO, e0, (e - e0) / dz)
        m = (of_exponential + of_total) * steep
        return m - self._mean(m)

    def _sum(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(x, axis=self.axis, keepdims=True)

    def _mean(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(x, axis=self.axis, keepdims=True)

    def _max(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(x, axis=self.axis, keepdims=True)


def conv_rule(step: SpacedConv, in_length: int) -> Rule:
    """Choose the rule of a convolution with a stride or a dilation.

    Parameters
    ----------
    step : SpacedConv
    in_length : int

    Returns
    -------
    Rule
    """
    if step.stride == 1:
        return DilatedRule(step, in_length)
    # Keras allows a stride or a dilation, not both.
    right = (step.length - 1) * step.stride + step.kernel.shape[0] - step.left - in_length

    def convolve(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv1d(fit(x, step.left, right), step.kernel, step.stride, "VALID")

    return LinearRule(convolve, (in_length, step.kernel.shape[1]), step.bias)


def depthwise_rule(step: Depthwise, in_length: int) -> Rule:
    """Make the rule of a depthwise convolution.

    Parameters
    ----------
    step : Depthwise
    in_length : int

    Returns
    -------
    Rule
    """
    width, channels, _ = step.kernel.shape
    reach = (width - 1) * step.dilation + 1
    right = (step.length - 1) * step.stride + reach - step.left - in_length

    def convolve(x: tf.Tensor) -> tf.Tensor:
        x = fit(x, step.left, right)[:, None]
        strides, dilations = (1, step.stride, step.stride, 1), (1, step.dilation)
        y = tf.nn.depthwise_conv2d(x, step.kernel[None], strides, "VALID", dilations=dilations)
        return y[:, 0]

    return LinearRule(convolve, (in_length, channels), step.bias)


def average_rule(step: Average, shape: Shape) -> Rule:
    """Make the rule of an average pooling.

    Parameters
    ----------
    step : Average
    shape : tuple of int
        Of its input.

    Returns
    -------
    Rule
    """
    padding = "SAME" if step.padded else "VALID"

    def average(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.avg_pool1d(x, step.size, step.stride, padding)

    return LinearRule(average, shape)

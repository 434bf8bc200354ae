"""Rules: how each step passes activations forward and multipliers back (TensorFlow).

A rule has two methods. `forward(*x)` turns the values of the inputs into that of the output.
`backward(m, x, x0)` turns the multipliers `m` of the output into those of each input, given
the values of the inputs in the sequence (`x`) and in the reference (`x0`, empty for plain
gradients). Rules keep nothing: what they need of the forward pass is computed again, which
costs little where it is elementwise and is compiled into the same loop. Values of references
have a batch axis of 1 (shared by all rows) or of the batch. Weights stay NumPy arrays, so
that they are constants of the graph.

`docs/rules.md` lists every rule with its formula and source.
"""

# ruff: noqa: D102 (the methods of rules are documented in the first lines and in Rule)
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from dfim.attribution.graph.steps import Affine, Average, Conv, Dense, Fit, Reshape, Shape

Array = np.ndarray
Values = Sequence[tf.Tensor]
Function = Callable[[tf.Tensor], tf.Tensor]
_LANES = 16  # float32 numbers of a vector register: a convolution should give that many


def fit(x: tf.Tensor, left: int, right: int, fill: float = 0.0) -> tf.Tensor:
    """Pad axis 1 with a value, or crop it where a number is negative.

    Parameters
    ----------
    x : tf.Tensor (B, L, C)
    left, right : int
    fill : float

    Returns
    -------
    tf.Tensor (B, L + left + right, C)
    """
    x = x[:, max(0, -left) : x.shape[1] - max(0, -right)]
    if left > 0 or right > 0:
        x = tf.pad(x, [[0, 0], [max(0, left), max(0, right)], [0, 0]], constant_values=fill)
    return x


class Rule:
    """A step of the pass; the way back through a `linear` one needs no values (x, x0 empty)."""

    linear = False

    def forward(self, *x: tf.Tensor) -> tf.Tensor:
        """Pass activations on."""
        raise NotImplementedError

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        """Turn the multipliers of the output into those of the inputs, one each."""
        raise NotImplementedError


class ConvRule(Rule):
    """Rule of convolutions of stride 1: multipliers go back through the transposed kernel."""

    linear = True

    def __init__(self, step: Conv, in_length: int) -> None:
        self.step, self.in_length = step, in_length
        width, channels, _ = step.kernel.shape
        self.reach = (width - 1) * step.dilation
        self.right = step.length + self.reach - step.left - in_length
        # The transposed convolution has few output channels next to the input (4 bases):
        # several positions are computed as channels of one strided convolution, which
        # fills the vector registers (twice as fast for the first layer, and exact).
        self.positions = max(1, _LANES // channels) if step.dilation == 1 else 1
        kernel = step.kernel[::-1].transpose(0, 2, 1)
        blocked = np.zeros(
            (width + self.positions - 1, kernel.shape[1], self.positions, channels), np.float32
        )
        for p in range(self.positions):
            blocked[p : p + width, :, p] = kernel
        self.transposed = blocked.reshape(len(blocked), kernel.shape[1], -1)

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        step = self.step
        z = _convolve(x, step.kernel, 1, step.dilation, step.left, self.right)
        return z + step.bias

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        blocks = -(-self.in_length // self.positions)
        beyond = blocks * self.positions - self.in_length
        left, right = self.reach - self.step.left, self.reach - self.right + beyond
        m = _convolve(m, self.transposed, self.positions, self.step.dilation, left, right)
        m = tf.reshape(m, (-1, blocks * self.positions, self.step.kernel.shape[1]))
        return (m[:, : self.in_length],)


def _convolve(
    x: tf.Tensor, kernel: Array, stride: int, dilation: int, left: int, right: int
) -> tf.Tensor:
    """Convolve what `fit` makes of x; zeros are not copied around it where that can be."""
    if kernel.shape[0] == 1 and stride == 1:  # a matrix product, which has no patches to cut
        x = fit(x, left, right)
        flat = tf.matmul(tf.reshape(x, (-1, kernel.shape[1])), kernel[0])
        return tf.reshape(flat, (-1, x.shape[1], kernel.shape[2]))
    if dilation > 1:
        return tf.nn.conv1d(fit(x, left, right), kernel, 1, "VALID", dilations=dilation)
    x = fit(x, min(left, 0), min(right, 0))
    zeros = [[0, 0], [0, 0], [max(left, 0), max(right, 0)], [0, 0]]
    return tf.nn.conv2d(x[:, None], kernel[None], [1, 1, stride, 1], zeros)[:, 0]


class LinearRule(Rule):
    """Rule of any linear function and a shift: multipliers go back as gradients do.

    Only the shape of the input matters to the gradient of a linear function, so no forward
    pass is computed for it.
    """

    linear = True

    def __init__(self, function: Function, shape: Shape, shift: Array | float = 0.0) -> None:
        self.function, self.shape, self.shift = function, shape, shift

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        return self.function(x) + self.shift

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            zeros = tf.zeros((m.shape[0], *self.shape))
            tape.watch(zeros)
            y = self.function(zeros)
        return (tape.gradient(y, zeros, output_gradients=m),)


class AffineRule(Rule):
    """Rule of batch normalization that could not be folded."""

    linear = True

    def __init__(self, step: Affine) -> None:
        self.scale = step.scale.astype(np.float32)
        self.shift = step.shift.astype(np.float32)

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        return x * self.scale + self.shift

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        return (m * self.scale,)


class FitRule(Rule):
    """Rule of cropping and zero padding."""

    linear = True

    def __init__(self, step: Fit) -> None:
        self.left, self.right = step.left, step.right

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        return fit(x, self.left, self.right)

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        return (fit(m, -self.left, -self.right),)


class ReshapeRule(Rule):
    """Rule of reshaping: the same numbers in another shape, and back."""

    linear = True

    def __init__(self, step: Reshape, shape: Shape) -> None:
        self.before, self.after = (-1, *shape), (-1, *step.shape)

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, self.after)

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        return (tf.reshape(m, self.before),)


class DenseRule(Rule):
    """Rule of a dense layer: linear."""

    linear = True

    def __init__(self, step: Dense) -> None:
        self.kernel, self.bias = step.kernel, step.bias
        self.transposed = np.ascontiguousarray(step.kernel.T)

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, self.kernel) + self.bias

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        return (tf.matmul(m, self.transposed),)


def conv_rule(step: Conv, in_length: int) -> Rule:
    """Choose the rule of a convolution.

    Parameters
    ----------
    step : Conv
    in_length : int

    Returns
    -------
    Rule
    """
    if type(step) is Conv and step.stride == 1:
        return ConvRule(step, in_length)
    width, channels, _ = step.kernel.shape
    reach = (width - 1) * step.dilation + 1
    right = (step.length - 1) * step.stride + reach - step.left - in_length

    def convolve(x: tf.Tensor) -> tf.Tensor:
        x = fit(x, step.left, right)
        if type(step) is Conv:  # Keras allows a stride or a dilation, not both
            return tf.nn.conv1d(x, step.kernel, step.stride, "VALID")
        strides, dilations = (1, step.stride, step.stride, 1), (1, step.dilation)
        kernel = step.kernel[None]
        y = tf.nn.depthwise_conv2d(x[:, None], kernel, strides, "VALID", dilations=dilations)
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

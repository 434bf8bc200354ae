"""How each step passes activations forward and multipliers back (TensorFlow).

A rule has three methods. `forward(x)` gives the output and what the backward pass will want
of the input's activations; `reference(x)` the same for a reference; and
`backward(m, saved, base)` turns the multipliers of the output into those of the input, given
what both saved (`base` is None for gradients). Reference tensors have a batch axis of 1
(shared by all rows) or of the batch. Weights stay NumPy arrays, so that they are constants of
the graph.
"""

# ruff: noqa: D102 (the methods of rules are documented in the first lines and in Rule)
from __future__ import annotations

import numpy as np
import tensorflow as tf

from dfim.attribution.steps import Affine, Conv, Dense, Flatten

Array = np.ndarray
Saved = tuple[tf.Tensor, ...]
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
    """A step of the pass; by default a reference saves what an input saves."""

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        """Pass activations on; return the output and what `backward` needs."""
        raise NotImplementedError

    def reference(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        """Pass a reference's activations on."""
        return self.forward(x)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        """Turn the multipliers of the output into those of the input."""
        raise NotImplementedError


class ConvRule(Rule):
    """Convolution: linear, so multipliers go back through the transposed kernel."""

    def __init__(self, step: Conv, in_length: int, *, add_bias: bool) -> None:
        self.step, self.in_length, self.add_bias = step, in_length, add_bias
        width, channels, _ = step.kernel.shape
        # The transposed convolution has few output channels next to the input (4 bases):
        # several positions are computed as channels of one strided convolution, which
        # fills the vector registers (twice as fast for the first layer, and exact).
        self.positions = max(1, _LANES // channels)
        reach = width + self.positions - 1
        kernel = np.zeros((reach, step.kernel.shape[2], self.positions, channels), np.float32)
        for p in range(self.positions):
            kernel[p : p + width, :, p] = step.kernel[::-1].transpose(0, 2, 1)
        self.transposed = kernel.reshape(reach, -1, self.positions * channels)

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        step, width = self.step, self.step.kernel.shape[0]
        right = step.length + width - 1 - step.left - x.shape[1]
        z = tf.nn.conv1d(fit(x, step.left, right), step.kernel, 1, "VALID")
        return (z + step.bias if self.add_bias else z), ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        step, width = self.step, self.step.kernel.shape[0]
        blocks = -(-self.in_length // self.positions)
        left = width - 1 - step.left
        right = blocks * self.positions + width - 1 - left - step.length
        m = tf.nn.conv1d(fit(m, left, right), self.transposed, self.positions, "VALID")
        m = tf.reshape(m, (-1, blocks * self.positions, step.kernel.shape[1]))
        return m[:, : self.in_length]


class AffineRule(Rule):
    """Batch normalization that could not be folded."""

    def __init__(self, step: Affine) -> None:
        self.scale = step.scale.astype(np.float32)
        self.shift = step.shift.astype(np.float32)

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return x * self.scale + self.shift, ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        return m * self.scale


class FlattenRule(Rule):
    """(length, channels) to length * channels and back."""

    def __init__(self, step: Flatten) -> None:
        self.length = step.length

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return tf.reshape(x, (-1, x.shape[1] * x.shape[2])), ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        return tf.reshape(m, (-1, self.length, m.shape[1] // self.length))


class DenseRule(Rule):
    """Dense layer: linear."""

    def __init__(self, step: Dense) -> None:
        self.kernel, self.bias = step.kernel, step.bias
        self.transposed = np.ascontiguousarray(step.kernel.T)

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return tf.matmul(x, self.kernel) + self.bias, ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        return tf.matmul(m, self.transposed)

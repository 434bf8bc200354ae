"""Rules of max pooling: which position of a window gets the multiplier of its maximum."""

# ruff: noqa: D102 (the methods of rules are documented in Rule)
from __future__ import annotations

import numpy as np
import tensorflow as tf

from dfim.attribution.engine.activations import NEAR_ZERO
from dfim.attribution.engine.rules import Rule, Values, fit
from dfim.attribution.graph.steps import Pool

_LOWEST = float("-inf")


class WinnerPool(Rule):
    """Gives m to the position that wins in the input: the first of equals, as the package."""

    def __init__(self, step: Pool, in_length: int) -> None:
        self.step, self.in_length = step, in_length
        self.tiled = step.stride == step.size
        self.reach = (step.length - 1) * step.stride + step.size
        starts = np.arange(step.length)[:, None] * step.stride
        self.index = starts + np.arange(step.size)

    def forward(self, x: tf.Tensor) -> tf.Tensor:
        x = fit(x, self.step.left, self.reach - self.step.left - x.shape[1], _LOWEST)
        if self.tiled:
            return tf.reduce_max(self._tiles(x), axis=2)
        return tf.nn.max_pool1d(x, self.step.size, self.step.stride, "VALID")

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        frames = self.frame(x[0])
        return (self.unframe(tf.where(self.winner(frames), m[:, :, None], 0.0)),)

    def frame(self, x: tf.Tensor) -> tf.Tensor:
        """Cut (B, L, C) into (B, W, size, C); beyond the ends stands minus infinity."""
        x = fit(x, self.step.left, self.reach - self.step.left - x.shape[1], _LOWEST)
        return self._tiles(x) if self.tiled else tf.gather(x, self.index, axis=1)

    def unframe(self, frames: tf.Tensor) -> tf.Tensor:
        """Add windows up to (B, L, C)."""
        step, channels = self.step, frames.shape[3]
        if self.tiled:
            flat = tf.reshape(frames, (-1, self.reach, channels))
        else:
            flat = tf.zeros((frames.shape[0], self.reach, channels))
            for offset in range(step.size):  # windows that overlap do so at each offset
                spread = _spread(frames[:, :, offset], step.stride)
                flat += fit(spread, offset, self.reach - offset - spread.shape[1])
        return fit(flat, -step.left, self.in_length - self.reach + step.left)

    def winner(self, frames: tf.Tensor) -> tf.Tensor:
        """Mark the first position of each window that holds its maximum."""
        top = tf.reduce_max(frames, axis=2, keepdims=True)
        place = np.arange(self.step.size, dtype=np.int32)[:, None]
        first = tf.where(tf.equal(frames, top), place, self.step.size)
        return tf.equal(tf.reduce_min(first, axis=2, keepdims=True), place)

    def _tiles(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, (-1, self.step.length, self.step.size, x.shape[2]))


class CompletePool(WinnerPool):
    """Gives the change of the maximum to the winner that explains it; contributions add up.

    A rise of the maximum belongs to the winner in the input (its value exceeds anything in
    the reference's window), a fall to the winner in the reference. The multiplier is the
    change of the maximum divided by the change at that position, at least as large.
    """

    def backward(self, m: tf.Tensor, x: Values, x0: Values) -> tuple[tf.Tensor, ...]:
        frames, frames0 = self.frame(x[0]), self.frame(x0[0])
        winner, winner0 = self.winner(frames), self.winner(frames0)
        top, top0 = tf.reduce_max(frames, axis=2), tf.reduce_max(frames0, axis=2)
        change = top - top0
        at_winner = top - _at(winner, frames0)
        at_winner0 = _at(winner0, frames) - top0
        none = tf.abs(at_winner) < NEAR_ZERO
        rise = tf.where(change >= 0, tf.where(none, 1.0, change / at_winner), 0.0)
        fall = tf.where(change < 0, change / at_winner0, 0.0)
        up = tf.where(winner, (m * rise)[:, :, None], 0.0)
        down = tf.where(winner0, (m * fall)[:, :, None], 0.0)
        return (self.unframe(up + down),)


def _at(winner: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
    """Pick the value at the winner of each window, (B, W, C)."""
    return tf.reduce_sum(tf.where(winner, frames, 0.0), axis=2)


def _spread(x: tf.Tensor, stride: int) -> tf.Tensor:
    """Put stride - 1 zeros behind each position."""
    if stride == 1:
        return x
    spaced = tf.pad(x[:, :, None], [[0, 0], [0, 0], [0, stride - 1], [0, 0]])
    return tf.reshape(spaced, (-1, x.shape[1] * stride, x.shape[2]))

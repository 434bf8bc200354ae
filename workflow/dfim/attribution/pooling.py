"""Max-pooling rules: which position of a window gets the multiplier of its maximum."""

# ruff: noqa: D102 (the methods of rules are documented in Rule)
from __future__ import annotations

import numpy as np
import tensorflow as tf

from dfim.attribution.activations import NEAR_ZERO, activate, derivative, slope
from dfim.attribution.rules import Rule, Saved, fit
from dfim.attribution.steps import Pool

_LOWEST = float("-inf")


class Windows:
    """The windows of a pooling as (B, W, size, C), and back to positions."""

    def __init__(self, step: Pool, in_length: int) -> None:
        self.size, self.length, self.left = step.size, step.length, step.left
        self.in_length = in_length
        self.tiled = step.stride == step.size
        self.reach = (step.length - 1) * step.stride + step.size
        starts = np.arange(step.length)[:, None] * step.stride
        self.index = (starts + np.arange(step.size)).ravel()

    def frame(self, x: tf.Tensor) -> tf.Tensor:
        """Cut (B, L, C) into (B, W, size, C); beyond the ends stands minus infinity."""
        x = fit(x, self.left, self.reach - self.left - x.shape[1], _LOWEST)
        if not self.tiled:
            x = tf.gather(x, self.index, axis=1)
        return tf.reshape(x, (-1, self.length, self.size, x.shape[2]))

    def unframe(self, frames: tf.Tensor) -> tf.Tensor:
        """Add windows up to (B, L, C)."""
        channels = frames.shape[3]
        flat = tf.reshape(frames, (-1, self.length * self.size, channels))
        if not self.tiled:
            flat = tf.transpose(flat, (1, 0, 2))
            flat = tf.math.unsorted_segment_sum(flat, self.index, self.reach)
            flat = tf.transpose(flat, (1, 0, 2))
        return fit(flat, -self.left, self.in_length - self.reach + self.left)

    def max(self, frames: tf.Tensor) -> tf.Tensor:
        """Maximum of each window, (B, W, C)."""
        flat = tf.reshape(frames, (-1, self.length * self.size, frames.shape[3]))
        return tf.nn.max_pool1d(flat, self.size, self.size, "VALID")

    def at(self, winner: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
        """Pick the value at the winner of each window, (B, W, C)."""
        return self.max(tf.where(winner, frames, _LOWEST))

    def first(self, frames: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
        """Mark the first position of each window that holds `value` (B, W, C)."""
        equal = tf.equal(frames, value[:, :, None])

        def first_of_equals() -> tf.Tensor:
            countdown = np.arange(self.size, 0, -1, dtype=np.float32)[:, None]
            found = tf.where(equal, countdown, 0.0)
            return tf.equal(found, self.max(found)[:, :, None])

        # Most batches hold no tie at all, and finding that out is cheaper by a half.
        most = tf.reduce_max(tf.reduce_sum(tf.cast(equal, tf.float32), axis=2))
        return tf.cond(most > 1, first_of_equals, lambda: equal)

    def place(self, winner: tf.Tensor, m: tf.Tensor) -> tf.Tensor:
        """Give `m` (B, W, C) to the marked positions, as (B, W, size, C)."""
        return tf.where(winner, m[:, :, None], 0.0)


class WinnerPool(Rule):
    """All to the position that won in the input, the first of equals (the package's rule)."""

    def __init__(self, step: Pool, in_length: int) -> None:
        self.windows = Windows(step, in_length)

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        frames = self.windows.frame(x)
        top = self.windows.max(frames)
        return top, (self.windows.first(frames, top),)

    def reference(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        return self.windows.max(self.windows.frame(x)), ()

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        return self.windows.unframe(self.windows.place(saved[0], m))


class CompletePool(Rule):
    """The change of the maximum, to the winner that explains it: contributions add up.

    A rise of the maximum belongs to the winner in the input (its value exceeds anything in
    the reference's window), a fall to the winner in the reference. The multiplier is the
    change of the maximum divided by the change at that position, at least as large.
    """

    def __init__(self, step: Pool, in_length: int) -> None:
        self.windows = Windows(step, in_length)

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        frames = self.windows.frame(x)
        top = self.windows.max(frames)
        return top, (frames, top, self.windows.first(frames, top))

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        (frames, top, winner), (frames0, top0, winner0) = saved, base
        change = top - top0
        at_winner = top - self.windows.at(winner, frames0)
        at_winner0 = self.windows.at(winner0, frames) - top0
        none = tf.abs(at_winner) < NEAR_ZERO
        rise = tf.where(change >= 0, tf.where(none, 1.0, change / at_winner), 0.0)
        fall = tf.where(change < 0, change / at_winner0, 0.0)
        placed = self.windows.place(winner, m * rise) + self.windows.place(winner0, m * fall)
        return self.windows.unframe(placed)


class ReluWinnerPool(Rule):
    """Bias, ReLU and `WinnerPool` in one: only winners carry a multiplier.

    The ReLU is monotone, so the pooling is done first, and bias, activation and slope are
    computed once a window instead of once a position. A window that the ReLU silences is a
    tie of zeros, won by its first position. Needs a pooling without padding on the left.
    """

    def __init__(self, step: Pool, in_length: int, bias: np.ndarray, *, gradient: bool) -> None:
        self.windows = Windows(step, in_length)
        self.bias, self.gradient = bias, gradient

    def forward(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        frames = self.windows.frame(x)
        top = self.windows.max(frames)
        value = tf.where(top + self.bias > 0, top, frames[:, :, 0])
        y = activate("relu", top + self.bias)
        return y, (self.windows.first(frames, value), value, y)

    def reference(self, x: tf.Tensor) -> tuple[tf.Tensor, Saved]:
        frames = self.windows.frame(x)
        top = self.windows.max(frames)
        # A reference that is the same at every position needs no look-up of the winners.
        constant = tf.reduce_all(tf.equal(frames, top[:, :, None]))
        return activate("relu", top + self.bias), (frames, top, constant)

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:
        winner, value, y = saved
        z = value + self.bias
        if self.gradient:
            factor = derivative("relu", z)
        else:
            frames0, top0, constant = base
            value0 = tf.cond(
                constant,
                lambda: tf.broadcast_to(top0, tf.shape(value)),
                lambda: self.windows.at(winner, frames0),
            )
            z0 = value0 + self.bias
            factor = slope("relu", z, z0, y - activate("relu", z0))
        return self.windows.unframe(self.windows.place(winner, m * factor))

"""Placement of the windows of convolutions and poolings on their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
from keras import layers

from dfim.attribution.graph.steps import Conv, GraphStep, Pool


@dataclass(frozen=True)
class Window:
    """`length` windows of `size` positions, `dilation` apart, one every `stride`.

    The first begins `left` positions before the input.
    """

    size: int
    stride: int
    dilation: int
    left: int
    length: int

    @property
    def span(self) -> int:
        """Positions from the first to the last that a window reads."""
        return (self.size - 1) * self.dilation + 1

    @property
    def positions(self) -> np.ndarray:
        """What each window reads, int (length, size); may lie outside of the input."""
        starts = np.arange(self.length)[:, None] * self.stride - self.left
        return starts + np.arange(self.size) * self.dilation

    def leaves(self, in_length: int) -> bool:
        """Tell whether any window reads beyond an input of so many positions."""
        end = (self.length - 1) * self.stride + self.span - self.left
        return self.left > 0 or end > in_length


def placed(size: int, stride: int, dilation: int, padding: str, length: int) -> Window:
    """Place windows on an input of `length` positions as TensorFlow does.

    Parameters
    ----------
    size, stride, dilation : int
    padding : str
        "valid", "same" or "causal".
    length : int

    Returns
    -------
    Window
    """
    reach = (size - 1) * dilation
    if padding == "same":
        out = -(-length // stride)
        missing = max(0, (out - 1) * stride + reach + 1 - length)
        return Window(size, stride, dilation, missing // 2, out)
    left = reach if padding == "causal" else 0
    return Window(size, stride, dilation, left, (left + length - reach - 1) // stride + 1)


def conv_window(layer: layers.Layer, length: int) -> Window:
    """Read the windows of a convolution layer on so many positions."""
    size, stride, dilation = (
        int(np.ravel(value)[0])
        for value in (layer.kernel_size, layer.strides, layer.dilation_rate)
    )
    return placed(size, stride, dilation, layer.padding, length)


def pool_window(layer: layers.Layer, length: int) -> Window:
    """Read the windows of a pooling layer on so many positions."""
    size, stride = (int(np.ravel(value)[0]) for value in (layer.pool_size, layer.strides))
    return placed(size, stride, 1, layer.padding, length)


@overload
def step_window(step: Conv | Pool) -> Window: ...


@overload
def step_window(step: GraphStep) -> Window | None: ...


def step_window(step: GraphStep) -> Window | None:
    """Give the windows of a step; None where it has none."""
    match step:
        case Conv():
            width = step.kernel.shape[0]
            return Window(width, step.stride, step.dilation, step.left, step.length)
        case Pool():
            return Window(step.size, step.stride, 1, step.left, step.length)
        case _:
            return None

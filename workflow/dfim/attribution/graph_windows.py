"""Where the windows of convolutions and poolings lie on their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import layers

from dfim.attribution.graph_steps import Depthwise, GraphStep, SpacedConv
from dfim.attribution.steps import Conv, Pool


@dataclass(frozen=True)
class Window:
    """`length` windows of `size` positions, `dilation` apart, one every `stride`.

    The first begins `left` positions before the input; `padded` says whether any reaches
    beyond it.
    """

    size: int
    stride: int
    dilation: int
    left: int
    length: int
    padded: bool

    @property
    def positions(self) -> np.ndarray:
        """What each window reads, int (length, size); may lie outside of the input."""
        starts = np.arange(self.length)[:, None] * self.stride - self.left
        return starts + np.arange(self.size) * self.dilation


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
        return Window(size, stride, dilation, missing // 2, out, missing > 0)
    left = reach if padding == "causal" else 0
    out = (left + length - reach - 1) // stride + 1
    return Window(size, stride, dilation, left, out, left > 0)


def conv_window(layer: layers.Layer, length: int) -> Window:
    """Read the windows of a convolution layer on so many positions."""
    size, stride, dilation = (
        int(np.ravel(value)[0])
        for value in (layer.kernel_size, layer.strides, layer.dilation_rate)
    )
    return placed(size, stride, dilation, layer.padding, length)


def pool_window(layer: layers.Layer, length: int) -> dict[str, Any]:
    """Read the fields of a Pool step from a pooling layer on so many positions."""
    size, stride = (int(np.ravel(value)[0]) for value in (layer.pool_size, layer.strides))
    window = placed(size, stride, 1, layer.padding, length)
    return {
        "size": size,
        "stride": stride,
        "left": window.left,
        "length": window.length,
        "padded": window.padded,
    }


def step_window(step: GraphStep) -> Window | None:
    """Give the windows of a step; None where it has none."""
    match step:
        case SpacedConv() | Depthwise():
            width = step.kernel.shape[0]
            return Window(width, step.stride, step.dilation, step.left, step.length, True)
        case Conv():
            return Window(step.kernel.shape[0], 1, 1, step.left, step.length, step.padded)
        case Pool():
            return Window(step.size, step.stride, 1, step.left, step.length, step.padded)
        case _:
            return None

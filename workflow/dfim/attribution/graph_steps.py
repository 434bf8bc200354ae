"""The steps of a graph that a chain does not know, and the shape each step gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfim.attribution.steps import Activation, Affine, Conv, Dense, Pool

Array = np.ndarray
Shape = tuple[int, ...]  # of one row, without the batch axis


@dataclass(frozen=True)
class SpacedConv(Conv):
    """Convolution with a stride, or with `dilation` - 1 gaps between the taps of its kernel."""

    stride: int
    dilation: int


@dataclass(frozen=True)
class Depthwise:
    """Convolution of each channel alone, stride and dilation as in SpacedConv.

    kernel (width, in, multiplier), bias (in * multiplier,).
    """

    kernel: Array
    bias: Array
    left: int
    length: int
    stride: int
    dilation: int


@dataclass(frozen=True)
class Average(Pool):
    """Mean over windows; zeros of the padding are not counted."""


@dataclass(frozen=True)
class Fit:
    """Zeros before and after the positions; a negative number crops."""

    left: int
    right: int


@dataclass(frozen=True)
class Reshape:
    """The same numbers in another shape, in the order of the rows."""

    shape: Shape


@dataclass(frozen=True)
class Linear:
    """Any other linear map; `function` takes and gives tensors with a batch axis."""

    function: Callable[[Any], Any]
    shape: Shape


@dataclass(frozen=True)
class Curve:
    """Elementwise function of tensors, one that is not relu, tanh or sigmoid."""

    function: Callable[[Any], Any]


@dataclass(frozen=True)
class Softmax:
    """Exponentials divided by their sum along `axis` (of the batch: 0)."""

    axis: int


@dataclass(frozen=True)
class Sum:
    """Weighted sum of tensors of equal rank, with broadcasting."""

    weights: tuple[float, ...]


@dataclass(frozen=True)
class Product:
    """Product of two tensors of equal rank, with broadcasting."""


@dataclass(frozen=True)
class Concat:
    """Tensors one after the other along `axis` (of the batch: 0)."""

    axis: int


@dataclass(frozen=True)
class Input:
    """The scored sequences."""


@dataclass(frozen=True)
class Constant:
    """What another input of the model is held at: value (1, ...)."""

    value: Array


GraphStep = (
    Conv
    | Depthwise
    | Affine
    | Activation
    | Curve
    | Softmax
    | Pool
    | Fit
    | Reshape
    | Linear
    | Dense
    | Sum
    | Product
    | Concat
    | Input
    | Constant
)


@dataclass(frozen=True)
class Node:
    """A step in its place.

    Attributes
    ----------
    step : GraphStep
    inputs : tuple of int
        The nodes that it reads, all of them earlier.
    shape : tuple of int
        Of what it gives, without the batch axis.
    """

    step: GraphStep
    inputs: tuple[int, ...]
    shape: Shape


def shape_after(step: GraphStep, shapes: Sequence[Shape]) -> Shape:
    """Give the shape that a step makes of its inputs' shapes.

    Parameters
    ----------
    step : GraphStep
        Neither Input nor Constant.
    shapes : sequence of tuple of int
        One an input, without the batch axis.

    Returns
    -------
    tuple of int
    """
    first = shapes[0]
    match step:
        case Conv():
            return (step.length, step.kernel.shape[2])
        case Depthwise():
            return (step.length, step.kernel.shape[1] * step.kernel.shape[2])
        case Pool():
            return (step.length, first[1])
        case Fit():
            return (step.left + first[0] + step.right, first[1])
        case Reshape() | Linear():
            return step.shape
        case Dense():
            return (step.kernel.shape[1],)
        case Sum() | Product():
            return tuple(int(n) for n in np.broadcast_shapes(*shapes))
        case Concat():
            axis = step.axis - 1
            total = sum(shape[axis] for shape in shapes)
            return (*first[:axis], total, *first[axis + 1 :])
        case _:
            return first

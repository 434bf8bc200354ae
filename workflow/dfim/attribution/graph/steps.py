"""Steps of a plan, each with its weights, and the shape of its output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray
Shape = tuple[int, ...]  # of one row, without the batch axis
Kind = Literal["relu", "tanh", "sigmoid"]


@dataclass(frozen=True)
class Conv:
    """1-D cross-correlation: kernel (width, in, out), bias (out,).

    `left` zeros stand before the input, `length` positions come out, one every `stride`,
    and the taps of the kernel are `dilation` apart; so zeros on the right, or what is
    cropped there, follow.
    """

    kernel: Array
    bias: Array
    left: int
    length: int
    stride: int = 1
    dilation: int = 1


@dataclass(frozen=True)
class Depthwise(Conv):
    """Convolution of each channel alone: kernel (width, in, multiplier)."""


@dataclass(frozen=True)
class Affine:
    """x * scale + shift on the last axes; scale and shift (channels,) or more axes."""

    scale: Array
    shift: Array


@dataclass(frozen=True)
class Activation:
    """Elementwise relu, tanh or sigmoid."""

    kind: Kind


@dataclass(frozen=True)
class Pool:
    """Maximum over `length` windows of `size` positions every `stride`.

    The first window begins `left` positions before the input.
    """

    size: int
    stride: int
    left: int
    length: int


@dataclass(frozen=True)
class Average(Pool):
    """Mean over windows; zeros of the padding (`padded`: there are some) do not count."""

    padded: bool


@dataclass(frozen=True)
class Dense:
    """x @ kernel + bias: kernel (in, out), bias (out,)."""

    kernel: Array
    bias: Array


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
    """Elementwise function of tensors, one that is not relu, tanh or sigmoid.

    Between its `kinks`, ascending, it has derivatives of every order (None: it jumps);
    `everywhere` says that it is the same at every position.
    """

    function: Callable[[Any], Any]
    kinks: tuple[float, ...] | None
    everywhere: bool = True


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
    """Value (1, ...) of an additional (fixed) input of the model."""

    value: Array


GraphStep = (
    Conv
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
    """A step with the nodes that it reads and the shape of its output.

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
        One per input, without the batch axis.

    Returns
    -------
    tuple of int
    """
    first = shapes[0]
    match step:
        case Conv():
            return (step.length, len(step.bias))
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

"""What a mutation changes, and what the importance of a few bases rests on: geometry.

A mutated interval of the input changes a span of each convolution or pooling behind it (its
cone), until something joins all positions. The way back from there to an interval of the
input touches the cone of that interval alone. Everything here follows from the architecture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dfim.attribution.graph.placement import Window, step_window
from dfim.attribution.graph.plan import Plan
from dfim.attribution.graph.reach import receptive_fields
from dfim.attribution.graph.steps import (
    Activation,
    Affine,
    Average,
    Concat,
    Conv,
    Curve,
    Fit,
    Input,
    Pool,
    Product,
    Softmax,
    Sum,
)

Array = np.ndarray
Place = Literal["source", "target", "anywhere"]
# Widths that graphs are made for: a nucleotide, a motif, 15 bp on both sides of a variant, and
# on by doubling. An interval takes the next one.
CLASSES = (1, 20, *(40 * 2**k for k in range(12)))


@dataclass(frozen=True, eq=False)
class Span:
    """`size` neighbouring positions of a node.

    Attributes
    ----------
    place : str
        What decides where it begins: the place of the source, of the target, or nothing.
    first : int64 (P,)
        The first position for each of P places; may lie outside of the node.
    size : int
    """

    place: Place
    first: Array
    size: int

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal spans."""
        return self.place, self.size, self.first.tobytes()

    def shifted(self, by: int) -> Span:
        """The same so many positions further on."""
        return Span(self.place, self.first + by, self.size)

    def read_by(self, window: Window) -> Span:
        """What so many neighbouring windows read, from the first position to the last."""
        size = (self.size - 1) * window.stride + window.span
        return Span(self.place, self.first * window.stride - window.left, size)

    def leaves(self, length: int) -> bool:
        """Tell whether it lies outside of a node of so many positions anywhere."""
        return bool(self.first.min() < 0 or self.first.max() + self.size > length)


def whole(length: int) -> Span:
    """All positions of a node."""
    return Span("anywhere", np.zeros(1, np.int64), length)


def size_class(width: Array | int, length: int) -> Array:
    """Round widths up to those that graphs are made for, so that they stay few.

    Parameters
    ----------
    width : int (...)
    length : int
        Positions of the input, the largest class.

    Returns
    -------
    int64 (...)
    """
    classes = np.array([*(size for size in CLASSES if size < length), length])
    return classes[np.searchsorted(classes, width)]


def local_nodes(plan: Plan) -> list[bool]:
    """Tell which nodes have positions along the input, each a function of a few bases.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    list of bool
    """
    found: list[bool] = []
    for node in plan.nodes:
        inputs = node.inputs
        lengths = {plan.nodes[i].shape[0] for i in inputs}
        match node.step:
            case Input():
                local = True
            case Average(padded=True):
                local = False
            case Conv() | Pool() | Fit() | Activation():
                local = True
            case Curve(everywhere=everywhere):
                local = everywhere
            case Affine(scale):
                local = scale.ndim == 1
            case Softmax(axis) | Concat(axis):
                local = axis == 2
            case Sum() | Product():
                local = len(lengths) == 1
            case _:
                local = False
        shaped = len(node.shape) == 2
        found.append(local and shaped and all(found[i] for i in inputs))
    return found


def cone(plan: Plan, local: list[bool], width: int, place: Place) -> dict[int, Span]:
    """Find what sees an interval of the input, wherever it lies.

    Parameters
    ----------
    plan : Plan
    local : list of bool
        As `local_nodes`.
    width : int
        Bases of the interval.
    place : str
        Name for where it begins: 0 to L - width.

    Returns
    -------
    dict of int to Span
        For each local node; at the ends of the node spans are moved inside.
    """
    start = np.arange(plan.length - width + 1)
    ends: dict[int, tuple[Array, Array]] = {}
    spans: dict[int, Span] = {}
    for i, node in enumerate(plan.nodes):
        if not local[i]:
            continue
        if isinstance(node.step, Input):
            first, last = start, start + width - 1
        else:
            before = [ends[j] for j in node.inputs]
            first = np.minimum.reduce([low for low, _ in before])
            last = np.maximum.reduce([high for _, high in before])
        window = step_window(node.step)
        if window is not None:
            first = -((window.span - 1 - window.left - first) // window.stride)
            last = (last + window.left) // window.stride
        elif isinstance(node.step, Fit):
            first, last = first + node.step.left, last + node.step.left
        length = node.shape[0]
        first = np.clip(first, 0, length - 1)
        last = np.clip(last, first, length - 1)
        ends[i] = first, last
        size = int((last - first).max()) + 1
        spans[i] = Span(place, np.clip(first, 0, length - size), size)
    return spans


def reach_of(plan: Plan, width: int) -> Span:
    """Find which bases an interval of the input can interact with, wherever it lies.

    Parameters
    ----------
    plan : Plan
    width : int

    Returns
    -------
    Span
        Of the input: everything outside has exactly the importance that it had.
    """
    seen = receptive_fields(plan)
    low, high = seen.argmax(axis=1), plan.length - seen[:, ::-1].argmax(axis=1)
    start = np.arange(plan.length - width + 1)[:, None]
    sees = (low < start + width) & (high > start)
    first = np.where(sees, low, plan.length).min(axis=1)
    last = np.where(sees, high, 0).max(axis=1)
    size = int((last - first).max(initial=width))
    return Span("source", np.clip(first, 0, plan.length - size), size)

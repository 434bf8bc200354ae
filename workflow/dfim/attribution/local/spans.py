"""Spans of neighbouring positions, and the widths that graphs are made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dfim.attribution.graph.placement import Window

Array = np.ndarray
Place = Literal["source", "target", "anywhere"]
# Widths that graphs are made for: a nucleotide, a motif, 15 bp on both sides of a variant, and
# on by doubling. An interval takes the next one.
CLASSES = (1, 20, *(40 * 2**k for k in range(12)))


@dataclass(frozen=True, eq=False)
class Span:
    """`size` neighbouring positions of a node, for each of P places of an input interval.

    Attributes
    ----------
    place : str
        What decides where it begins: the place of the source (the mutated interval), that of
        the target (whose importance is wanted), or nothing.
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
        """Move the span so many positions further on."""
        return Span(self.place, self.first + by, self.size)

    def read_by(self, window: Window) -> Span:
        """Find what `size` neighbouring windows read, from the first position to the last."""
        size = (self.size - 1) * window.stride + window.span
        return Span(self.place, self.first * window.stride - window.left, size)

    def leaves(self, length: int) -> bool:
        """Tell whether it lies outside of a node of so many positions anywhere."""
        return bool(self.first.min() < 0 or self.first.max() + self.size > length)


def whole(length: int) -> Span:
    """Span all positions of a node."""
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

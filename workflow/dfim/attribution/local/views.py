"""Values of mutants and references in windows, cut out of what a forward pass has left.

A window is read where a mutation has changed nothing from the bank of the original, and over
the cone of the source from what was computed for the mutant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import tensorflow as tf

from dfim.attribution.graph.steps import Conv, Fit, Pool
from dfim.attribution.local.cones import Span, whole

if TYPE_CHECKING:
    from dfim.attribution.local.passes import ConePasses

Array = np.ndarray
Kind = Literal["mutant", "reference"]
CutWindows = Mapping[tuple[object, ...], tf.Tensor]


@dataclass(frozen=True, eq=False)
class Request:
    """A window of a stored node that has to be cut out of a bank: its rows' own places."""

    kind: Kind
    node: int
    span: Span

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal requests."""
        return self.kind, self.node, *self.span.key


class Recorder(dict):
    """Stands for the windows while a graph is tried: notes requests, gives zeros."""

    def __init__(self, passes: ConePasses, asked: dict[tuple[object, ...], Request]) -> None:
        self.passes, self.asked = passes, asked

    def note(self, request: Request) -> None:
        """Keep a request, and have zeros for it."""
        self.asked[request.key] = request
        shape = self.passes.plan.nodes[request.node].shape
        self[request.key] = tf.zeros((1, request.span.size, *shape[1:]))


class View:
    """Values of mutants, or of references, in windows.

    `changed` holds what a mutation changed: over the cone of the source, by node.
    """

    def __init__(
        self,
        passes: ConePasses,
        kind: Kind,
        places: Sequence[tf.Tensor | None],
        windows: CutWindows,
        changed: dict[int, tf.Tensor],
    ) -> None:
        self.passes, self.kind, self.windows, self.changed = passes, kind, windows, changed
        self.places = dict(zip(("source", "target"), places, strict=True))
        self.nodes = passes.plan.nodes

    def window(self, i: int, span: Span) -> tf.Tensor:
        """Values of a local node (B, size, C); beyond its ends they mean nothing."""
        node = self.nodes[i]
        if i == 0 or i in self.passes.stored:
            return self._patched(i, span)
        if isinstance(node.step, Fit):
            return self.padded(node.inputs[0], span.shifted(-node.step.left), i)
        rule = next(one.rule for one in self.passes.inner if one.output == i)
        return rule.forward(*(self.window(j, span) for j in node.inputs))

    def padded(self, i: int, span: Span, reader: int) -> tf.Tensor:
        """The same with what a reader sees beyond the ends: zeros, or nothing at all."""
        values, length = self.window(i, span), self.nodes[i].shape[0]
        step = self.nodes[reader].step
        if not span.leaves(length) or not isinstance(step, Conv | Pool | Fit):
            return values
        at = self._positions(span)
        inside = ((at >= 0) & (at < length))[..., None]
        return tf.where(inside, values, float("-inf") if type(step) is Pool else 0.0)

    def row(self, i: int) -> tf.Tensor:
        """Values of a stored node that is not local, whole."""
        return self._fetched(i, whole(self.nodes[i].shape[0]))

    def moved(self, part: tf.Tensor, span: Span, to: Span) -> tf.Tensor:
        """Carry values over one span to another; where there are none, to zeros."""
        if span.key == to.key:
            return part
        same = span.place == to.place
        offsets = to.first - span.first if same else None
        inside = same and offsets.min() >= 0 and offsets.max() + to.size <= span.size
        if inside and offsets.min() == offsets.max():
            return part[:, int(offsets[0]) : int(offsets[0]) + to.size]
        at = self._positions(to) - self._first(span)[:, None]
        moved = tf.gather(part, tf.clip_by_value(at, 0, span.size - 1), batch_dims=1)
        if inside:
            return moved
        return tf.where(((at >= 0) & (at < span.size))[..., None], moved, 0.0)

    def _patched(self, i: int, span: Span) -> tf.Tensor:
        values = self._fetched(i, span)
        if i not in self.changed:
            return values
        own = self.passes.source[i]
        at = self._positions(own) - self._first(span)[:, None]
        return _overwritten(values, self.changed[i], at)

    def _fetched(self, i: int, span: Span) -> tf.Tensor:
        request = Request(self.kind, i, span)
        if isinstance(self.windows, Recorder):
            self.windows.note(request)
        return self.windows[request.key]

    def _first(self, span: Span) -> tf.Tensor:
        """First position of each row (B,)."""
        if span.place == "anywhere":
            return tf.zeros_like(self.places["source"]) + int(span.first[0])
        return tf.gather(span.first.astype(np.int32), self.places[span.place])

    def _positions(self, span: Span) -> tf.Tensor:
        return self._first(span)[:, None] + np.arange(span.size, dtype=np.int32)


def _overwritten(values: tf.Tensor, new: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """Put new values (B, s, C) at positions (B, s) of values (B, n, C), where inside."""
    rows, n, _ = values.shape
    inside = (at >= 0) & (at < n)
    row = tf.broadcast_to(tf.range(rows)[:, None], tf.shape(at))
    # What lies outside goes to a position of its own behind the others.
    index = tf.stack([row, tf.where(inside, at, n)], axis=2)
    longer = tf.pad(values, [[0, 0], [0, 1], [0, 0]])
    return tf.tensor_scatter_nd_update(longer, index, new)[:, :n]


def cut(bank: tf.Tensor, rows: Array, first: Array, size: int) -> tf.Tensor:
    """Cut a window out of each of some rows of a bank.

    Parameters
    ----------
    bank : tf.Tensor (N, n, ...)
    rows, first : int (B,)
        Row and first position; positions beyond the ends repeat the outermost.
    size : int

    Returns
    -------
    tf.Tensor (B, size, ...)
    """
    length = bank.shape[1]
    if size == length and not first.any():
        return tf.gather(bank, rows)
    at = np.clip(first[:, None] + np.arange(size), 0, length - 1) + rows[:, None] * length
    return tf.gather(tf.reshape(bank, (-1, *bank.shape[2:])), at)

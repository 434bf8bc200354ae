"""Values of mutants and references at a few positions, read from what was stored.

Where a mutation has changed nothing, values come from the original's own forward pass (its
bank), cut out before the compiled part begins; over the cone of the source they come from what
was computed for the mutant. Along a node of 10 positions, for a read of positions 2 to 7 and a
source cone of 3 to 5:

    cut out of the bank     . . b b b b b b . .      (B, 6, C)
    changed by the mutant         m m m              (B, 3, C)
    values of the view          b m m m b b          (B, 6, C)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import tensorflow as tf

from dfim.attribution.graph.steps import Conv, Fit, Pool
from dfim.attribution.local.cones import Cones
from dfim.attribution.local.spans import Span, whole

Array = np.ndarray
Kind = Literal["mutant", "reference"]
Key = tuple[object, ...]
Cuts = Mapping[Key, tf.Tensor]  # by `Request.key`: (B or 1, size, C)


@dataclass(frozen=True, eq=False)
class Request:
    """Positions of a stored node that have to be cut out of a bank, row by row."""

    kind: Kind
    node: int
    span: Span

    @property
    def key(self) -> Key:
        """Equal for equal requests."""
        return self.kind, self.node, *self.span.key


class Recorder(dict[Key, tf.Tensor]):
    """Stands for the cuts while a graph is tried out: notes requests, gives zeros.

    Parameters
    ----------
    cones : Cones
    requests : dict of Request
        Added to, by their keys.
    """

    def __init__(self, cones: Cones, requests: dict[Key, Request]) -> None:
        self.cones, self.requests = cones, requests

    def note(self, request: Request) -> None:
        """Keep a request, and have zeros for it."""
        self.requests[request.key] = request
        shape = self.cones.plan.nodes[request.node].shape
        self[request.key] = tf.zeros((1, request.span.size, *shape[1:]))


class View:
    """Values of B mutants, or of their references, at spans of nodes.

    Parameters
    ----------
    cones : Cones
    kind : str
        "mutant" or "reference".
    places : pair of tf.Tensor int32 (B,) or None
        Where the source of each row begins, and its target.
    cuts : mapping
        What was cut out of banks.
    changed : dict of int to tf.Tensor (B, size, C)
        What a mutation changed, over the cone of the source, by node.
    """

    def __init__(
        self,
        cones: Cones,
        kind: Kind,
        places: Sequence[tf.Tensor | None],
        cuts: Cuts,
        changed: dict[int, tf.Tensor],
    ) -> None:
        self.cones, self.kind, self.cuts, self.changed = cones, kind, cuts, changed
        self.places = dict(zip(("source", "target"), places, strict=True))
        self.nodes = cones.plan.nodes

    def values(self, i: int, span: Span) -> tf.Tensor:
        """Compute values of a local node (B, size, C); beyond its ends they mean nothing."""
        node = self.nodes[i]
        if i == 0 or i in self.cones.stored:
            return self._patched(i, span)
        if isinstance(node.step, Fit):
            return self.padded(node.inputs[0], span.shifted(-node.step.left), i)
        rule = next(one.rule for one in self.cones.inner if one.output == i)
        return rule.forward(*(self.values(j, span) for j in node.inputs))

    def padded(self, i: int, span: Span, reader: int) -> tf.Tensor:
        """Compute `values` as a reader sees them: beyond the ends zeros, or -inf (pooling)."""
        values, length = self.values(i, span), self.nodes[i].shape[0]
        step = self.nodes[reader].step
        if not span.leaves(length) or not isinstance(step, Conv | Pool | Fit):
            return values
        at = self._positions(span)
        inside = ((at >= 0) & (at < length))[..., None]
        return tf.where(inside, values, float("-inf") if type(step) is Pool else 0.0)

    def row(self, i: int) -> tf.Tensor:
        """Fetch values of a stored node that is not local, whole."""
        return self._fetched(i, whole(self.nodes[i].shape[0]))

    def moved(self, part: tf.Tensor, span: Span, to: Span) -> tf.Tensor:
        """Carry values over one span to another; zeros where there are none."""
        if span.key == to.key:
            return part
        inside = False
        if span.place == to.place:
            offsets = to.first - span.first
            inside = bool(offsets.min() >= 0 and offsets.max() + to.size <= span.size)
            if inside and offsets.min() == offsets.max():
                return part[:, int(offsets[0]) : int(offsets[0]) + to.size]
        at = self._positions(to) - self._first(span)[:, None]
        moved = tf.gather(part, tf.clip_by_value(at, 0, span.size - 1), batch_dims=1)
        if inside:
            return moved
        return tf.where(((at >= 0) & (at < span.size))[..., None], moved, 0.0)

    def _patched(self, i: int, span: Span) -> tf.Tensor:
        """Values of the bank, and over the cone of the source those that changed."""
        values = self._fetched(i, span)
        if i not in self.changed:
            return values
        at = self._positions(self.cones.source[i]) - self._first(span)[:, None]
        return _overwritten(values, self.changed[i], at)

    def _fetched(self, i: int, span: Span) -> tf.Tensor:
        request = Request(self.kind, i, span)
        if isinstance(self.cuts, Recorder):
            self.cuts.note(request)
        return self.cuts[request.key]

    def _first(self, span: Span) -> tf.Tensor:
        """First position of each row (B,)."""
        if span.place == "anywhere":
            return tf.zeros_like(self.places["source"]) + int(span.first[0])
        return tf.gather(span.first.astype(np.int32), self.places[span.place])

    def _positions(self, span: Span) -> tf.Tensor:
        """Return all positions of each row (B, size)."""
        return self._first(span)[:, None] + np.arange(span.size, dtype=np.int32)


def _overwritten(values: tf.Tensor, new: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """Put new values (B, s, C) at positions (B, s) of values (B, n, C), where inside."""
    rows, n, _ = values.shape
    inside = (at >= 0) & (at < n)
    row = tf.broadcast_to(tf.range(rows)[:, None], tf.shape(at))
    # What lies outside goes to one more position, which is dropped.
    index = tf.stack([row, tf.where(inside, at, n)], axis=2)
    longer = tf.pad(values, [[0, 0], [0, 1], [0, 0]])
    return tf.tensor_scatter_nd_update(longer, index, new)[:, :n]


def cut(bank: tf.Tensor, rows: Array, first: Array, size: int) -> tf.Tensor:
    """Cut `size` neighbouring positions out of each of some rows of a bank.

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

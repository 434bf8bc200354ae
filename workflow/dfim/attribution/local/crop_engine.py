"""Forward and backward pass over crops of sequences (TensorFlow)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from dfim.attribution.engine.compiled import filled
from dfim.attribution.engine.costs import whole_bundles
from dfim.attribution.engine.engine import Engine
from dfim.attribution.engine.passes import backward
from dfim.attribution.local.crop_geometry import crop_plan

Array = np.ndarray
# Input, values of the stored nodes, what the head reads.
Kept = tuple[tf.Tensor, list[tf.Tensor], tf.Tensor]


class CropEngine(Engine):
    """The graphs of an engine for crops, each with weights of its own for the head.

    `length` stays that of whole sequences, as `differences` wants it; `crop` is that of a crop.
    """

    def __init__(self, engine: Engine, windows: int, batch_size: int | None) -> None:
        super().__init__(
            crop_plan(engine.plan, windows),
            engine.method,
            maxpool_rule=engine.maxpool_rule,
            observed=engine.observed,
            batch_size=batch_size,
        )
        self.crop, self.length, self.tasks = self.plan.length, engine.length, 1
        # A batch sorted by references holds an original and a mutant for each of them,
        # except for the first and the last.
        self.reference_rows = whole_bundles(self.batch_size // 2 + 1)

    def keep(self, x: Array, rows: int) -> Kept:
        """Pass crops (n, S, 4) forward, filled up to a fixed number of rows."""
        x = tf.constant(filled(x.astype(np.float32), rows))
        stored, features = self._graphs(self._features, x)
        return x, stored, features

    def score(
        self, x: Array, head: Array, bases: Iterable[Kept], which: Array | None
    ) -> tuple[Array, Array, Array, Array]:
        """Scores (n, S), parts of the logit, signed gaps and changes (n,) of n crops.

        A change is what contributions should add up to: of the part of the logit.

        `bases` are the references, one after the other; row which[i] of each belongs to crop
        i, or its first row where `which` is None.
        """
        n, size = len(x), self.batch_size
        kept, head = self.keep(x, size), tf.constant(filled(head, size))
        scores, (gap, change) = (
            np.zeros((n, self.crop), np.float32),
            np.zeros((2, n), np.float32),
        )
        repeats = 0
        rows = tf.zeros(1, tf.int32) if which is None else tf.constant(filled(which, size))
        for base in bases if self.needs_references else [None]:
            repeats += 1
            own = [] if base is None else [_rows(base, rows)]
            values, error, moved, logit = self._graphs(self._crop_scores, head, kept, *own)
            scores += values.numpy()[:n]
            gap += error.numpy()[:n]
            change += moved.numpy()[:n]
        scores, gap, change = (array / np.float32(repeats) for array in (scores, gap, change))
        return scores, logit.numpy()[:n], gap, change

    def _features(self, x: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        values = self.values(x, {})
        return [values[i] for i in self.stored], values[len(self.plan.nodes) - 1]

    def _crop_scores(
        self,
        head: tf.Tensor,
        of: Kept,
        base: Kept | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        values, values0 = (
            None
            if one is None
            else self.values(one[0], dict(zip(self.stored, one[1], strict=True)))
            for one in (of, base)
        )
        last = len(self.plan.nodes) - 1
        m = backward(self.passes, {last: head}, values, values0, self.plan.varying.__getitem__)
        x, features = of[0], of[2]
        contributions = m[0] * (x if base is None else x - base[0])
        total = tf.reduce_sum(contributions, axis=(1, 2))
        change = features if base is None else features - base[2]
        change = tf.reduce_sum(change * head, axis=1)
        if self.observed:
            contributions = contributions * x
        logit = tf.reduce_sum(features * head, axis=1)
        return tf.reduce_sum(contributions, axis=2), total - change, change, logit


def _rows(kept: Kept, index: tf.Tensor) -> Kept:
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, index), kept)

"""Forward and backward pass over crops of sequences (TensorFlow)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from dfim.attribution.engine.compiled import filled
from dfim.attribution.engine.costs import whole_bundles
from dfim.attribution.engine.engine import Engine
from dfim.attribution.engine.functions import Kept
from dfim.attribution.local.crop_geometry import crop_plan

Array = np.ndarray
# Input and values of the stored nodes, and what the head reads (n, windows * channels).
CropBank = tuple[Kept, tf.Tensor]


class CropEngine(Engine):
    """Scores crops of sequences, each with its own part of the head's weights.

    Attributes
    ----------
    crop : int
        Bases of a crop; `length` stays that of whole sequences.
    reference_rows : int
        Crops of references in a pass.
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

    def keep(self, x: Array, rows: int) -> CropBank:
        """Pass crops (n, S, 4) forward, filled up to a fixed number of rows."""
        inputs = tf.constant(filled(x.astype(np.float32), rows))
        features, stored = self._graphs(self.functions.forward, inputs)
        return (inputs, stored), features

    def score(
        self, x: Array, head: Array, bases: Iterable[CropBank], which: Array | None
    ) -> tuple[Array, Array, Array, Array]:
        """Score n crops of S bases.

        Parameters
        ----------
        x : uint8 or float32 (n, S, 4)
        head : float32 (n, windows * channels)
            The part of the head's weights that belongs to each crop.
        bases : iterable of CropBank
            The references, one after the other; not looked at for plain gradients.
        which : int (n,) or None
            Row of each of them that belongs to a crop; the first row where None.

        Returns
        -------
        scores : float32 (n, S)
        logit, delta, change : float32 (n,)
            Part of the logit, signed convergence delta, and the change of that part which
            contributions should add up to.
        """
        n, size = len(x), self.batch_size
        bank, weights = self.keep(x, size), tf.constant(filled(head, size))
        scores = np.zeros((n, self.crop), np.float32)
        delta, change = np.zeros((2, n), np.float32)
        repeats = 0
        rows = tf.zeros(1, tf.int32) if which is None else tf.constant(filled(which, size))
        for base in bases if self.needs_references else [None]:
            repeats += 1
            reference = [] if base is None else [_rows(base, rows)]
            values, error, moved, logit = self._graphs(
                self._crop_scores, weights, bank, *reference
            )
            scores += values.numpy()[:n]
            delta += error.numpy()[:n]
            change += moved.numpy()[:n]
        scores, delta, change = (a / np.float32(repeats) for a in (scores, delta, change))
        return scores, logit.numpy()[:n], delta, change

    def _crop_scores(
        self,
        head: tf.Tensor,
        of: CropBank,
        base: CropBank | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        kept, features = of
        m = self.functions.multipliers(head, kept, None if base is None else base[0])
        x = kept[0]
        contributions = m * (x if base is None else x - base[0][0])
        total = tf.reduce_sum(contributions, axis=(1, 2))
        change = features if base is None else features - base[1]
        change = tf.reduce_sum(change * head, axis=1)
        if self.observed:
            contributions = contributions * x
        logit = tf.reduce_sum(features * head, axis=1)
        return tf.reduce_sum(contributions, axis=2), total - change, change, logit


def _rows(bank: CropBank, index: tf.Tensor) -> CropBank:
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, index), bank)

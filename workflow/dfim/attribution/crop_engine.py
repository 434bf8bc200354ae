"""Forward and backward pass over crops of sequences (TensorFlow)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from dfim.attribution.crops import crop_plan
from dfim.attribution.engine import Engine
from dfim.attribution.rules import Rule, Saved

Array = np.ndarray


class Head(Rule):
    """The head: each row has its own weights, which `CropEngine` saves with the features."""

    def backward(self, m: tf.Tensor, saved: Saved, base: Saved | None) -> tf.Tensor:  # noqa: D102 (see Rule)
        return saved[0]


class CropEngine(Engine):
    """The graphs of an engine for crops, whose heads differ from row to row.

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
        self.crop, self.length = self.plan.length, engine.length
        self._rules[-1] = Head()
        # A batch sorted by references holds an original and a mutant for each of them,
        # except for the first and the last.
        self.reference_rows = self.batch_size // 2 + 1

    def base(self, references: Array, rows: int) -> list[Saved]:
        """Pass references (n, S, 4) through, filled up to a fixed number of rows."""
        return self._run(self._reference, _filled(references, rows))

    def score(
        self, x: Array, head: Array, bases: Iterable[list[Saved]], which: Array | None
    ) -> tuple[Array, Array, Array]:
        """Scores (n, S), parts of the logit (n,) and signed gaps (n,) of n crops.

        `bases` are the references' activations, one after the other; row which[i] of each
        belongs to crop i, or its only row where `which` is None.
        """
        n, size = len(x), self.batch_size
        logit, kept = self._run(self._activations, _filled(x, size), _filled(head, size))
        scores, gap = np.zeros((n, self.crop), np.float32), np.zeros(n, np.float32)
        for repeats, base in enumerate(bases, start=1):  # noqa: B007 - the last one counts
            if which is None:
                one, error = self._run(self._crop_scores, kept, base)
            else:
                one, error = self._run(self._own_scores, kept, base, _filled(which, size))
            scores += one.numpy()[:n]
            gap += error.numpy()[:n]
        return scores / np.float32(repeats), logit.numpy()[:n], gap / np.float32(repeats)

    def _activations(self, x: tf.Tensor, head: tf.Tensor) -> tuple[tf.Tensor, list[Saved]]:
        kept: list[Saved] = [(x,)]
        for rule in self._rules[:-1]:
            x, saved = rule.forward(x)
            kept.append(saved)
        return tf.reduce_sum(x * head, axis=1), [*kept, (head, x)]

    def _reference(self, x: tf.Tensor) -> list[Saved]:
        x = tf.cast(x, tf.float32)
        kept: list[Saved] = [(x,)]
        for rule in self._rules[:-1]:
            x, saved = rule.reference(x)
            kept.append(saved)
        return [*kept, (x,)]

    def _crop_scores(self, kept: list[Saved], base: list[Saved]) -> tuple[tf.Tensor, tf.Tensor]:
        scores, total = self._scores(kept, base)
        (head, features), (features0,) = kept[-1], base[-1]
        return scores, total - tf.reduce_sum((features - features0) * head, axis=1)

    def _own_scores(
        self, kept: list[Saved], base: list[Saved], which: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Do the same with one row of the references for each crop."""
        own = tf.nest.map_structure(lambda t: tf.gather(t, which) if t.shape.rank else t, base)
        return self._crop_scores(kept, own)


def _filled(array: Array, rows: int) -> tf.Tensor:
    """Fill up with zeros: every pass has the same shape."""
    missing = np.zeros((rows - len(array), *array.shape[1:]), array.dtype)
    return tf.constant(np.concatenate([array, missing]))
